package cli

import (
	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/engine"
)

func (a *app) completionVerb() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:       "completion bash|zsh|fish|powershell",
		Short:     "Print the script that completes command lines in a shell",
		Long:      "Print the script that completes command lines in a shell. For bash:\n\n  source <(tidemark completion bash)",
		Args:      cobra.ExactArgs(1),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch root := cmd.Root(); args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.stdout)
			case "fish":
				return root.GenFishCompletion(a.stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.stdout)
			}
			err := engine.Errorf(engine.Invalid, "", "there is no completion for %s", args[0])
			if near := engine.Nearest(args[0], shells); near != "" {
				return err.WithHint("did you mean %s?", near)
			}
			return err.WithHint("the shells are bash, zsh, fish, powershell")
		},
	}
}

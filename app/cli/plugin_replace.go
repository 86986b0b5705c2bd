package cli

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
)

func (a *app) pluginReplaceVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "replace NAME FILE.wasm",
		Short: "Put a new version of a plugin in the place of the old one",
		Long: "Check a module in the sandbox and put it into plugins/NAME.wasm. What runs goes on\n" +
			"with the version that it began with. In a workspace from somebody else this allows\n" +
			"the file too.",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			wasm, err := os.ReadFile(a.path(args[1]))
			if err != nil {
				return engine.Errorf(engine.NotFound, "open "+args[1], "%w", err)
			}
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				info, err := b.ReplacePlugin(ctx, args[0], wasm, a.allowHash)
				if err != nil {
					return err
				}
				if err := a.lookAgain(b); err != nil {
					return err
				}
				if a.json {
					return a.printJSON(info)
				}
				a.say("%s is %s now (%s)", args[0], info.Version, info.SHA256[:12])
				return nil
			})
		},
	}
}

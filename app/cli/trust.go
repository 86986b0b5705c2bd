package cli

import (
	"github.com/spf13/cobra"
)

func (a *app) trustVerb() *cobra.Command {
	remove := false
	cmd := &cobra.Command{
		Use:   "trust",
		Short: "Trust a workspace that came from somebody else",
		Long: "Trust the workspace: from now on its ${VARIABLES} are expanded, its sources and\n" +
			"channels contacted and its plugins run. Look through it before.",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			root, store, err := a.rootAndTrust()
			if err != nil {
				return err
			}
			change, told := store.AddForeign, "trusting %s"
			if remove {
				change, told = store.Remove, "no longer trusting %s"
			}
			if err := change(root); err != nil {
				return err
			}
			// An editor finds the schemas of a fresh clone from here on.
			if w, err := a.loadWorkspace(); err == nil && !remove {
				if err := w.Prepare(); err != nil {
					return err
				}
			}
			if a.json {
				return a.printJSON(map[string]any{"workspace": root, "trusted": !remove})
			}
			a.say(told, root)
			return nil
		},
	}
	cmd.Flags().BoolVar(&remove, "remove", false, "stop trusting it")
	return cmd
}

package cli

import (
	"context"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
)

func (a *app) pluginAllowVerb() *cobra.Command {
	sum := ""
	cmd := &cobra.Command{
		Use:   "allow NAME [--sha256 HASH]",
		Short: "Let a plugin run that is new or changed in a workspace from somebody else",
		Long: "Let the file run that a plugin has now, and no other that may take its place.\n" +
			"tidemark plugin show NAME tells what it is, and what changed.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				if sum == "" {
					d, err := b.ShowPlugin(ctx, args[0])
					if err != nil {
						return err
					}
					sum = d.Now.SHA256
				}
				if err := b.AllowPlugin(args[0], sum, a.allowHash); err != nil {
					return err
				}
				if err := a.lookAgain(b); err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]any{"name": args[0], "sha256": sum})
				}
				a.say("%s may run (%s)", args[0], sum[:12])
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&sum, "sha256", "", "only if the file has this hash, which plugin show gave")
	return cmd
}

// allowHash remembers that a plugin's file may run in this workspace.
func (a *app) allowHash(sha256 string) error {
	root, store, err := a.rootAndTrust()
	if err != nil {
		return err
	}
	return store.Allow(root, sha256)
}

// lookAgain lets an open workspace take in what was changed of its plugins.
func (a *app) lookAgain(b *workbench.Workbench) error {
	w, err := a.loadWorkspace()
	if err != nil {
		return err
	}
	b.Reload(w, true)
	return nil
}

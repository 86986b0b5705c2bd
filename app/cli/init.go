package cli

import (
	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workspace"
)

func (a *app) initVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "init DIR",
		Short: "Create a commented workspace",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := a.path(args[0])
			files, err := workspace.Create(dir)
			if err != nil {
				return err
			}
			root, err := a.trustCreated(dir)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{"workspace": root, "files": files})
			}
			for _, f := range files {
				a.say("wrote %s", f)
			}
			a.say("next: put records into %s/data, or edit %s, then run: tidemark -w %s pull", args[0], workspace.FileName, args[0])
			return nil
		},
	}
}

// trustCreated prepares and trusts a workspace that this run created.
func (a *app) trustCreated(dir string) (root string, err error) {
	w, err := workspace.Load(dir, workspace.Options{})
	if err != nil {
		return "", err
	}
	if err := w.Prepare(); err != nil {
		return "", err
	}
	store, err := a.trustStore()
	if err != nil {
		return "", err
	}
	return w.Root, store.Add(w.Root)
}

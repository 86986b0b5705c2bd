package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/app/workspace/owner"
)

// checkFiles reads every file of the workspace as far as that needs no data.
func checkFiles(w *workspace.Workspace) check {
	kinds := []struct {
		files []string
		read  func(file string, src []byte) error
	}{
		{w.Rules, func(file string, src []byte) error { _, err := workspace.DecodeRule(file, src); return err }},
		{w.Tests, func(file string, src []byte) error { _, err := workspace.DecodeTests(file, src); return err }},
		{w.Dashboards, func(file string, src []byte) error { _, err := workspace.DecodeDashboard(file, src); return err }},
		{w.Models, func(file string, src []byte) error { _, err := workspace.DecodeModel(file, src); return err }},
		{w.Notebooks, func(file string, src []byte) error {
			_, problems := workbench.ParseNotebook(file, src)
			return errors.Join(problems...)
		}},
	}
	var problems []error
	wrong, all := 0, 0
	for _, k := range kinds {
		for _, file := range k.files {
			src, err := os.ReadFile(w.Path(file))
			if err == nil {
				err = k.read(file, src)
			}
			if all++; err != nil {
				wrong++
				problems = append(problems, err)
			}
		}
	}
	if wrong == 0 {
		return ok("files", "%s of rules, tests, notebooks, dashboards and models can be read", plural(int64(all), "file"))
	}
	c := failed("files", errors.Join(problems...))
	c.State = "warn" // all others work
	return c
}

// checkDatabase opens the database, unless somebody has it open who runs the
// commands of others.
func (a *app) checkDatabase(cmd *cobra.Command, w *workspace.Workspace) []check {
	info, err := os.Stat(w.DatabasePath())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []check{ok("database", "none yet: the first pull makes it")}
	case err != nil:
		return []check{failed("database", err)}
	}
	if held, err := owner.Held(w.StateDir()); held || err != nil || a.env.shared != nil {
		return nil
	}
	if err := a.withRuntime(cmd, func(context.Context, Runtime) error { return nil }); err != nil {
		return []check{failed("database", err)}
	}
	return []check{ok("database", "%s, and opens", formatBytes(info.Size()))}
}

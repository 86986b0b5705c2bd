package workbench_test

import (
	"testing"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
)

// opened opens a workspace that is trusted, until the test ends.
func opened(t testing.TB, root string, opt workbench.Options) *workbench.Workbench {
	t.Helper()
	w, err := workspace.Load(root, workspace.Options{Trusted: true})
	if err != nil {
		t.Fatal(err)
	}
	w.Trusted = true
	if err := w.Prepare(); err != nil {
		t.Fatal(err)
	}
	b, err := workbench.Open(t.Context(), w, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

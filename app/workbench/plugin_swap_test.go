package workbench_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/plugins/bundled"
)

// TestAPluginIsReplacedBetweenPulls puts another module in the place of one
// while a pull runs it: all records of that pull go through the old one, and
// all of the next through the new one.
func TestAPluginIsReplacedBetweenPulls(t *testing.T) {
	old, has := bundled.Lookup("mask_pii")
	fresh, has2 := bundled.Lookup("log_template")
	if !has || !has2 {
		t.Skip("the bundled plugins were not built")
	}
	root := t.TempDir()
	put := func(name string, text []byte) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(workspace.FileName, []byte(`name: t
sources:
  a: {type: file, path: "a/*.ndjson", dataset: logs}
  b: {type: file, path: "b/*.ndjson", dataset: logs}
datasets:
  logs: {event_time: ts, transforms: [x]}
`))
	for _, dir := range []string{"a", "b"} {
		for n := range 4 {
			var lines strings.Builder
			for i := range 15_000 {
				fmt.Fprintf(&lines, `{"ts":"2026-01-01T00:00:00Z","message":"from 10.0.0.1 for the %d. time, and the rest of a message that is long enough to take more than one chunk"}`+"\n", i)
			}
			put(fmt.Sprintf("%s/%d.ndjson", dir, n), []byte(lines.String()))
		}
	}
	put("plugins/x.wasm", old)
	load := func() *workspace.Workspace {
		w, err := workspace.Load(root, workspace.Options{Trusted: true})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	w := load()
	if err := w.Prepare(); err != nil {
		t.Fatal(err)
	}
	b, err := workbench.Open(t.Context(), w, workbench.Options{Staging: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()

	swapped := false
	pulled, err := b.Pull(t.Context(), workbench.PullOptions{Sources: []string{"a"}, Report: func(p workbench.Progress) {
		if swapped || p.Counts.Objects == p.ObjectsTotal {
			return
		}
		swapped = true
		put("plugins/x.wasm", fresh)
		b.Reload(load(), true)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !swapped || pulled.Records != 60_000 {
		t.Fatalf("swapped %v, %+v", swapped, pulled.Counts)
	}
	if _, err := b.Pull(t.Context(), workbench.PullOptions{Sources: []string{"b"}}); err != nil {
		t.Fatal(err)
	}
	for source, masked := range map[string]int{"a": 60_000, "b": 0} {
		rows, err := b.Query(t.Context(), `SELECT count(*) FILTER (message LIKE 'from [ip] for%')::BIGINT, count(*)::BIGINT FROM logs WHERE _source = '`+source+`'`, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		var by, all int
		if rows.Next() {
			err = rows.Scan(&by, &all)
		}
		rows.Close()
		if err != nil || by != masked || all != 60_000 {
			t.Errorf("%s: %d of %d records went through the old one, %v", source, by, all, err)
		}
	}
}

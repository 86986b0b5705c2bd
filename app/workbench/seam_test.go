package workbench_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"tidemark.dev/tidemark/internal/exporttest"
)

// Charts show where streams take over: where the file says so, or at the first
// event of a stream; and not where there is no stream.
func TestSeamOf(t *testing.T) {
	const (
		archive = "sources:\n  old: {type: file, path: \"in/*\", dataset: logs}\n"
		stream  = "  new: {type: kinesis, stream: app, dataset: logs}\n"
	)
	for name, c := range map[string]struct{ config, want string }{
		"no stream":    {archive, ""},
		"the file":     {archive + stream + "datasets: {logs: {seam: \"2026-01-02T00:00:00Z\"}}\n", "2026-01-02T00:00:00Z"},
		"nothing came": {archive + stream + "datasets: {logs: {dedup: body.id}}\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			write(t, filepath.Join(root, "tidemark.yaml"), "name: t\n"+c.config)
			write(t, filepath.Join(root, "in", "a.ndjson"), `{"time":"2026-01-01T10:00:00Z","id":1}`+"\n"+`{"time":"2026-01-01T09:00:00Z","id":2}`+"\n")
			b := exporttest.Open(t, root)
			got, err := b.SeamOf(t.Context(), "logs")
			if err != nil || format(got) != c.want {
				t.Errorf("%s, %v; want %s", format(got), err, c.want)
			}
			// The archive's own first event, as if it were a stream.
			first, err := b.Store.FirstOf(t.Context(), "logs", []any{"new", "old"})
			if err != nil || format(first) != "2026-01-01T09:00:00Z" {
				t.Errorf("the first is %s, %v", format(first), err)
			}
		})
	}
}

func format(at *time.Time) string {
	if at == nil {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

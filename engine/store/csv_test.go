package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
)

// A line of a CSV file is the header, a row, or a reason to take none of them:
// not one is passed over.
func TestCSVPassesOverNoLine(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), Options{Path: filepath.Join(dir, "db"), Staging: filepath.Join(dir, "staging"), Threads: 1, Memory: 500_000_000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	ctx := t.Context()
	rows := func(t *rapid.T, text string) (int64, bool) {
		path := filepath.Join(dir, "t.csv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		table, err := s.OpenForeign(ctx, path, "csv", dir)
		if err != nil {
			if engine.KindOf(err) != engine.Invalid {
				t.Fatalf("%q: %v", text, err)
			}
			return 0, false
		}
		defer table.Close()
		n, _, err := table.Verify(ctx, "")
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		return n, true
	}
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.SampledFrom([]string{
			"2026-01-01T00:00:00Z,1,x", "2026-01-01T00:00:00Z,2,y", "2026-01-01T00:00:00Z,2", "2026-01-01T00:00:00Z,3,z,extra", "#a,b,c", "# a remark", "title",
			"a;b;c", "7,8,9", ",,", "\"q\",\"r,s\",t",
		})
		lines := append([]string{"ts,n,m"}, rapid.SliceOfN(line, 1, 12).Draw(t, "lines")...)
		n, ok := rows(t, strings.Join(lines, "\n")+"\n")
		if ok && n != int64(len(lines)) && n != int64(len(lines)-1) { // the first may be taken for a row
			t.Fatalf("%d rows of %d lines", n, len(lines))
		}
	})
}

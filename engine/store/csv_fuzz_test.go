package store

import (
	"os"
	"path/filepath"
	"testing"

	"tidemark.dev/tidemark/engine"
)

// FuzzCSV gives the decoder of CSV files any bytes: it has columns and rows for
// them, or says that they are no table, and neither harms the database.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{
		"a,b\n1,2\n", "a;b\n1;\"x;y\"\n", "ts\tmessage\n2026-01-01T00:00:00Z\thello\n", "a|b\r\n1|\"two\r\nlines\"\r\n",
		"\ufeffa,b\n1,2\n", "a,b\n1\n1,2,3\n", "a,a\n1,2\n", "a,b\n\"1,2\n", "a,b\n\xff,\x00\n", "a,b\n", ",\n,\n", "", "\n\n", "a,b\n1e400,99999999999999999999\n",
	} {
		f.Add([]byte(seed))
	}
	dir := f.TempDir()
	s, err := Open(f.Context(), Options{Path: filepath.Join(dir, "db"), Staging: filepath.Join(dir, "staging"), Threads: 1, Memory: 500_000_000})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(dir, "t.csv")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		table, err := s.OpenForeign(t.Context(), path, "csv", dir)
		if err != nil {
			if engine.KindOf(err) != engine.Invalid {
				t.Fatalf("%q: %v", raw, err)
			}
			return
		}
		defer table.Close()
		rows, _, err := table.Verify(t.Context(), "")
		if err != nil {
			t.Fatalf("%q: what was written of it cannot be read: %v", raw, err)
		}
		seen := 0
		var scalars []engine.ForeignColumn
		for _, c := range table.Columns() {
			if c.Type.Kind == engine.Varchar || c.Type.Kind == engine.BigInt || c.Type.Kind == engine.Double || c.Type.Kind == engine.Bool {
				scalars = append(scalars, c)
			}
		}
		err = table.Scan(t.Context(), scalars, func(columns []engine.Column, first int64, n int) error {
			if len(columns) != len(scalars) || first != int64(seen) {
				t.Fatalf("%q: %d columns of %d, row %d after %d", raw, len(columns), len(scalars), first, seen)
			}
			seen += n
			return nil
		})
		if err != nil || int64(seen) != rows {
			t.Fatalf("%q: %d rows of %d were read, %v", raw, seen, rows, err)
		}
	})
}

package store_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"tidemark.dev/tidemark/engine/store"
)

// TestOpenFinishesWhatWasBegun opens databases in which some of the system
// tables were never made, as a process leaves them that is killed while it
// opens a workspace for the first time.
func TestOpenFinishesWhatWasBegun(t *testing.T) {
	for _, missing := range []string{"format", "attached", "quarantine", "routes", "late", "rollups", "objects"} {
		for _, emptied := range []bool{true, false} {
			path := filepath.Join(t.TempDir(), "db")
			open := func() {
				t.Helper()
				s, err := store.Open(context.Background(), store.Options{Path: path, Staging: t.TempDir()})
				if err != nil {
					t.Fatalf("without %s: %v", missing, err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			open()
			db, err := sql.Open("duckdb", path)
			if err != nil {
				t.Fatal(err)
			}
			statements := []string{"DROP TABLE tidemark." + missing}
			if emptied {
				statements = append(statements, "DROP TABLE IF EXISTS tidemark.format")
			}
			for _, sql := range statements {
				if _, err := db.Exec(sql); err != nil {
					t.Fatal(err)
				}
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			open()
			open()
		}
	}
}

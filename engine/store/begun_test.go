package store_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine/store"
)

// TestOpenRefusesNewerLayouts: what a later version has made of the tables is
// not for this one to change.
func TestOpenRefusesNewerLayouts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db, err := sql.Open("duckdb", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE SCHEMA tidemark; CREATE TABLE tidemark.format AS SELECT 99 AS version, 'another' AS layout"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(context.Background(), store.Options{Path: path, Staging: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "newer version of Tidemark (layout 99") {
		t.Fatalf("opened: %v", err)
	}
	if db, err = sql.Open("duckdb", path); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var tables int
	if err := db.QueryRow("SELECT count(*) FROM duckdb_tables()").Scan(&tables); err != nil || tables != 1 {
		t.Errorf("%d tables afterwards (%v), want the one that there was", tables, err)
	}
}

// TestOpenFinishesWhatWasBegun opens databases in which some of the system
// tables were never made, as older versions left them when they were killed
// while they opened a workspace for the first time, or had not these tables.
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
			statements := []string{"ALTER TABLE tidemark.format DROP COLUMN layout", "DROP TABLE tidemark." + missing}
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

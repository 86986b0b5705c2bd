package cage

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
)

// place is a workspace: an instance with some tables, a staging folder that
// the instance may read, and a folder that it may not.
type place struct {
	db               *sql.DB
	staging, outside string
}

var tables = []string{
	`CREATE TABLE logs AS SELECT range AS id, 'checkout' AS service, range * 1.5 AS ms,
		{'http': {'status': 200}} AS body, MAP {'region': 'eu'} AS labels, '{"big": 12345678901234567890}'::JSON AS extra FROM range(5)`,
	`CREATE VIEW all_events AS SELECT * FROM logs`,
	`CREATE SCHEMA tidemark`,
	`CREATE TABLE tidemark.objects AS SELECT 'a' AS key`,
	`CREATE SEQUENCE counter`,
	`CREATE TABLE "odd.name" AS SELECT 1 AS x`,
}

// bare makes a place whose instance is not shut in, so that a test sees what
// Check alone refuses.
func bare(t testing.TB) *place {
	t.Helper()
	dir := t.TempDir()
	p := &place{staging: filepath.Join(dir, "staging"), outside: filepath.Join(dir, "outside")}
	for _, d := range []string{p.staging, p.outside} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(p.staging, "batch.json"), `{"a":1}`)
	write(filepath.Join(p.staging, "batch.csv"), "a,b\n1,2\n")
	write(filepath.Join(p.outside, "secret.csv"), "a,b\n1,2\n")
	if err := os.Symlink(filepath.Join(p.outside, "secret.csv"), filepath.Join(p.staging, "link.csv")); err != nil {
		t.Logf("no symlink is tested: %v", err)
	}
	var err error
	if p.db, err = sql.Open("duckdb", filepath.Join(dir, "test.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.db.Close() })
	for _, ddl := range tables {
		if _, err := p.db.Exec(ddl); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// shut makes a place as a workspace has it.
func shut(t testing.TB) *place {
	t.Helper()
	p := bare(t)
	if err := Harden(t.Context(), p.db, []string{p.staging}); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *place) conn(t testing.TB) *sql.Conn {
	t.Helper()
	conn, err := p.db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// fill puts the folders' names into a query.
func (p *place) fill(query string) string {
	return strings.NewReplacer("STAGING", p.staging, "OUTSIDE", p.outside).Replace(query)
}

// state is all that a query could have changed.
func (p *place) state(t testing.TB) string {
	t.Helper()
	var out []string
	rows, err := p.db.Query(`SELECT 'table ' || table_name || ' ' || estimated_size FROM duckdb_tables() UNION ALL
		SELECT 'view ' || view_name FROM duckdb_views() WHERE NOT internal UNION ALL
		SELECT 'database ' || database_name FROM duckdb_databases() UNION ALL
		SELECT 'sequence ' || coalesce(last_value::VARCHAR, 'new') FROM duckdb_sequences() UNION ALL
		SELECT 'setting ' || name || '=' || value FROM duckdb_settings() WHERE name NOT IN ('threads', 'external_threads') UNION ALL
		SELECT 'secret ' || name FROM duckdb_secrets() ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s sql.NullString
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s.String)
	}
	err = filepath.WalkDir(filepath.Dir(p.staging), func(path string, d os.DirEntry, err error) error {
		if err == nil && !strings.Contains(path, "test.db") {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, "\n")
}

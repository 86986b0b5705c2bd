package cage

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestErrors shows every sort of failure as a person sees it.
func TestErrors(t *testing.T) {
	p := shut(t)
	var out strings.Builder
	for _, query := range []string{
		"", "-- nothing\n;", "SELEC 1", "SELECT a, FROM logs WHERE", "SELECT 'abc", "SELECT (1", "SELECT 1; SELECT 2", "SELECT 'é', nope( , 1",
		"SELECT\n  'é日本',\n\tnope\nFROM logs", "SELECT nope FROM logs", "SELECT servic FROM logs", "SELECT * FROM log", "SELECT * FROM main.log", "SELECT * FROM x.y.z",
		"SELECT nofunc(1)", "SELECT sum(service) FROM logs", "SELECT id, service FROM logs GROUP BY id", "SELECT * FROM logs a JOIN logs b ON id = id",
		"SELECT 'x'::INT", "SELECT service::INT FROM logs", "SELECT 9223372036854775807 + 1", "SELECT id + 9223372036854775807 FROM logs", "SELECT error('told by the query')",
		"SELECT * FROM logs WHERE id = $from", "SELECT $1, ?, $x", "EXPLAIN\nSELECT nope FROM logs", "/* c */ EXPLAIN ANALYZE SELEC 1",
		"DROP TABLE logs", "  EXPLAIN DROP TABLE logs", "PIVOT logs ON service USING count(*)", "SELECT * FROM 'x.csv'", "SELECT *\nFROM read_csv('x.csv')",
		"SELECT 1, json_structure('[]')", "SELECT * FROM pg_settings", "SELECT 1::VARIANT", "SHOW nothing", "DESCRIBE nothing", "SELECT '\x00'", "SELECT '\xff'",
		"SELECT * FROM json_each('{')", "SELECT regexp_matches('a', '(')", "SELECT strptime('x', '%Y')", "SELECT " + strings.Repeat("x, ", 100) + "nope FROM logs",
		"SELECT '" + strings.Repeat("日本語 ", 40) + "', nope, '" + strings.Repeat("日本語 ", 40) + "' FROM logs",
	} {
		rows, err := Query(t.Context(), p.db, query, nil, Options{Timeout: time.Minute})
		if err == nil {
			for rows.Next() {
			}
			err = rows.Err()
			rows.Close()
		}
		fmt.Fprintf(&out, "> %s\n%s\n\n", query, told(err))
	}
	readable := strings.ReplaceAll(strings.ToValidUTF8(out.String(), "?"), "\x00", "?")
	compare(t, "testdata/errors.txt", readable)
}

func told(err error) string {
	var e *engine.Error
	if !errors.As(err, &e) {
		return fmt.Sprintf("NOT OURS: %v", err)
	}
	text := fmt.Sprintf("%s: %s", e.Kind, e.Error())
	if caret := e.Caret(); caret != "" {
		text += "\n" + caret
	}
	if e.Hint != "" {
		text += "\nhint: " + e.Hint
	}
	return text
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Fatalf("%s:%d: got\n%s\nwant\n%s\n(-update rewrites it)", file, i+1, g[i], w[i])
		}
	}
	t.Fatalf("%s: got %d lines, want %d", file, len(g), len(w))
}

func FuzzExplain(f *testing.F) {
	f.Add("Parser Error: x\n\nLINE 1: SELEC 1\n        ^", "SELEC 1")
	f.Add("Binder Error: y!\nDid you mean \"z\"?\n\nLINE 2: ...日本 b...\n             ^", "a\n日本 b")
	f.Add("LINE 99999999999999999999: \n^", "")
	f.Fuzz(func(t *testing.T, message, query string) {
		err := Explain(errors.New(message), query)
		var e *engine.Error
		if !errors.As(err, &e) {
			t.Fatalf("%v is not ours", err)
		}
		_ = told(err)
	})
}

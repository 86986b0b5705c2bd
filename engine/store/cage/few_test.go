package cage

import (
	"strings"
	"testing"
)

func TestFew(t *testing.T) {
	p := shut(t)
	conn, err := p.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for query, want := range map[string]*Few{
		"SELECT * FROM logs LIMIT 20":                                               {20, 0},
		"FROM logs WHERE service = 'a' ORDER BY id LIMIT 2 OFFSET 3;":               {2, 3},
		"WITH x AS (SELECT * FROM logs LIMIT 7) SELECT * FROM x LIMIT 0 -- what":    {0, 0},
		"EXPLAIN SELECT upper(service) FROM logs LIMIT 1":                           {1, 0},
		"SELECT * FROM logs LIMIT 9007199254740993":                                 nil,
		"SELECT * FROM (SELECT * FROM logs LIMIT 7)":                                nil,
		"SELECT * FROM logs OFFSET 7":                                               nil,
		"SELECT * FROM logs LIMIT 1 + 1":                                            nil,
		"SELECT * FROM logs LIMIT 1 OFFSET 1 + 1":                                   nil,
		"SELECT * FROM logs LIMIT 10%":                                              nil,
		"SELECT * FROM logs LIMIT ?":                                                nil,
		"SELECT random() FROM logs LIMIT 1":                                         nil,
		"SELECT * FROM logs WHERE current_timestamp > '2026-01-01' LIMIT 1":         nil,
		"SELECT id FROM logs WHERE id IN (SELECT 1 WHERE now() IS NULL) LIMIT 1":    nil,
		"SELECT * FROM logs WHERE current_date > '2026-01-01' LIMIT 1":              nil,
		"WITH x AS (SELECT uuid() AS u FROM logs) SELECT u FROM x LIMIT 1 OFFSET 2": nil,
	} {
		st, err := Check(t.Context(), conn, query, nil)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		if got := st.Few; (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("%s: %+v, want %+v", query, got, want)
		}
	}
}

// TestUnsteadyAreListed fails when DuckDB has a function that may be called
// and answers otherwise each time, and is not known for it.
func TestUnsteadyAreListed(t *testing.T) {
	db := bare(t).db
	for _, name := range names(t, db, "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE internal AND function_type = 'scalar' AND stability <> 'CONSISTENT'") {
		// Where the workspace is stays the same, and error gives nothing.
		if known().scalar[name] && !unsteady[name] && !strings.HasPrefix(name, "current_schema") && name != "current_database" && name != "in_search_path" && name != "error" {
			t.Errorf("%s is not listed", name)
		}
	}
}

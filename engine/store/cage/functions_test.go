package cage

import (
	"database/sql"
	"slices"
	"strings"
	"testing"
)

// names runs a query that gives one text a row.
func names(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

// TestFunctionsAreListed fails when DuckDB has a function that nobody has
// judged yet: put it into a section of functions.txt.
func TestFunctionsAreListed(t *testing.T) {
	db := bare(t).db
	l := known()
	kinds := map[string]string{
		"scalar": "'scalar', 'aggregate', 'macro'",
		"table":  "'table', 'table_macro'",
	}
	existing := map[string]bool{"unnest": true}
	for kind, types := range kinds {
		allowed := l.scalar
		if kind == "table" {
			allowed = l.table
		}
		for _, name := range names(t, db, "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE internal AND function_type IN ("+types+")") {
			existing[name] = true
			// A name may be fine in one place and refused in the other; a name
			// of one kind only must be judged once.
			if !allowed[name] && !l.refused[name] && !(kind == "table" && l.scalar[name]) && !(kind == "scalar" && l.table[name]) {
				t.Errorf("the %s function %s is on no list", kind, name)
			}
		}
	}
	for _, list := range []map[string]bool{l.scalar, l.table, l.refused} {
		for name := range list {
			if !existing[name] {
				t.Errorf("%s is listed, but DuckDB has no such function", name)
			}
		}
	}
	for name := range l.refused {
		if l.scalar[name] || l.table[name] {
			t.Errorf("%s is allowed and refused", name)
		}
	}
}

// TestTableFunctionsInFull pins the ones that are allowed: each new one is a
// decision that a reader of this test sees.
func TestTableFunctionsInFull(t *testing.T) {
	var got []string
	for name := range known().table {
		got = append(got, name)
	}
	slices.Sort(got)
	want := strings.Fields(`duckdb_columns duckdb_constraints duckdb_databases duckdb_dependencies duckdb_functions duckdb_indexes
		duckdb_keywords duckdb_memory duckdb_optimizers duckdb_schemas duckdb_sequences duckdb_tables duckdb_types duckdb_variables duckdb_views
		generate_series icu_calendar_names json_each json_tree pg_timezone_names pragma_collations pragma_database_size pragma_metadata_info
		pragma_platform pragma_show pragma_storage_info pragma_table_info pragma_version range repeat repeat_row summary test_all_types unnest`)
	if !slices.Equal(got, want) {
		t.Errorf("allowed in FROM:\n%s\nwant\n%s", got, want)
	}
}

// TestTableFunctionsNameNoFiles calls the allowed ones that take a table's
// name with the name of a file.
func TestTableFunctionsNameNoFiles(t *testing.T) {
	p := bare(t)
	for _, f := range []string{"pragma_table_info", "pragma_show", "pragma_storage_info"} {
		if _, err := p.db.Exec(p.fill("SELECT * FROM " + f + "('STAGING/batch.csv')")); err == nil {
			t.Errorf("%s reads files", f)
		}
	}
}

// TestViewsAreListed fails when DuckDB has a system view over a table
// function that is refused.
func TestViewsAreListed(t *testing.T) {
	db := bare(t).db
	rows, err := db.Query("SELECT lower(view_name), lower(sql) FROM duckdb_views() WHERE internal")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	seen := 0
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			t.Fatal(err)
		}
		for refused := range known().refused {
			if strings.Contains(text, refused+"(") && !known().hidden[name] {
				t.Errorf("the view %s calls %s and is not hidden", name, refused)
			}
		}
		if known().hidden[name] {
			seen++
		}
	}
	if seen != len(known().hidden) {
		t.Errorf("%d of the %d hidden views exist", seen, len(known().hidden))
	}
}

// TestOwnFunctions: what the application adds may be called without a list.
func TestOwnFunctions(t *testing.T) {
	p := bare(t)
	if _, err := p.db.Exec("CREATE MACRO region_of(x) AS x || '-1'"); err != nil {
		t.Fatal(err)
	}
	if err := refused(p.conn(t), "SELECT region_of('eu')"); err != nil {
		t.Error(err)
	}
}

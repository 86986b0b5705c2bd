package store_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
)

// texts are columns that fill the dictionaries of the newer file format in
// every way: few and many values, none missing, some, and nearly all.
var texts = map[string]string{
	"few":       `CASE WHEN hash(i) % 7 <> 0 THEN 'v' || (hash(i) % 50) END`,
	"all_there": `'v' || (hash(i) % 50)`,
	"empty":     `CASE hash(i) % 5 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'x' || (hash(i) % 3) END`,
	"each":      `'id-' || i || '-' || md5(i::VARCHAR)`,
	"sparse":    `CASE WHEN i % 10000 = 5 THEN 'one' END`,
	"numbers":   `CASE WHEN i % 2 = 0 THEN (i % 3000)::VARCHAR END`,
	"long":      `repeat('a longer text ' || (i % 20), 1 + (hash(i) % 40)::INT)`,
}

// TestNewerFileFormatAnswersAlike asks a file of the format that the store
// writes and one of DuckDB's default format the same questions: conditions on
// texts are evaluated on compressed dictionaries in the one and not in the
// other.
func TestNewerFileFormatAnswersAlike(t *testing.T) {
	db := twoFormats(t)
	for name := range texts {
		for _, column := range []string{name, "s." + name} {
			for _, condition := range []string{
				"%s IS NULL", "%s = ''", "%s <> 'v7'", "%s > 'v3'", "%s IN ('v1', 'x0', '')", "%s NOT IN ('v1', 'one')", "%s LIKE 'v%%'", "%s NOT LIKE '%%1%%'",
				"coalesce(%s, '') = ''", "%s IS DISTINCT FROM 'v1'", "%s IS NULL OR i < 9", "try_cast(%s AS INTEGER) >= 10", "nullif(%s, 'v1') IS NULL", "upper(%s) = 'V3'",
			} {
				where := fmt.Sprintf(condition, column)
				ask := func(file string) string {
					return fmt.Sprintf("SELECT count(*), bit_xor(hash(%[1]s, i)), min(%[1]s), max(%[1]s) FROM %[2]s.t WHERE %[3]s", column, file, where)
				}
				var differ int
				if err := db.QueryRow("SELECT count(*) FROM ((" + ask("usual") + ") EXCEPT (" + ask("newer") + "))").Scan(&differ); err != nil {
					t.Fatalf("%s: %v", where, err)
				}
				if differ != 0 {
					t.Errorf("the formats answer differently: %s", where)
				}
			}
		}
	}
}

// twoFormats opens a database with the same table in a file of each format.
func twoFormats(t *testing.T) *sql.DB {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	columns, members := "i", ""
	for name, expr := range texts {
		columns += ", " + expr + " AS " + name
		members += name + " := " + expr + ", "
	}
	dir := t.TempDir()
	for file, option := range map[string]string{"usual": "", "newer": " (STORAGE_VERSION 'v1.3.0')"} {
		attach := "ATTACH '" + filepath.Join(dir, file) + "' AS " + file
		for _, statement := range []string{
			attach + option, "CREATE TABLE " + file + ".t AS SELECT " + columns + ", struct_pack(" + members + "i := i) AS s FROM range(150000) r(i)",
			"CHECKPOINT " + file, "DETACH " + file, attach,
		} {
			if _, err := db.Exec(statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
	}
	var compressed int
	if err := db.QueryRow("SELECT count(*) FROM pragma_storage_info('newer.t') WHERE compression = 'DICT_FSST'").Scan(&compressed); err != nil || compressed == 0 {
		t.Fatalf("%d segments are compressed in the newer way: %v", compressed, err)
	}
	return db
}

package explore

import (
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
)

var update = flag.Bool("update", false, "write the golden files anew")

var hostile = `we"ird.'näme; --`

var shop = engine.Dataset{Name: "app_logs", Body: engine.StructOf(
	engine.Field{Name: "status", Type: engine.Scalar(engine.BigInt)},
	engine.Field{Name: "ms", Type: engine.Scalar(engine.Double)},
	engine.Field{Name: "ok", Type: engine.Scalar(engine.Bool)},
	engine.Field{Name: "route", Type: engine.Scalar(engine.Varchar)},
	engine.Field{Name: "order", Type: engine.StructOf(engine.Field{Name: "select", Type: engine.Scalar(engine.Varchar)})},
	engine.Field{Name: hostile, Type: engine.Scalar(engine.Varchar)},
	engine.Field{Name: "tags", Type: engine.ListOf(engine.Scalar(engine.Varchar))},
	engine.Field{Name: "nothing", Type: engine.Scalar(engine.Unknown)},
)}

var (
	noon = time.Date(2026, 1, 9, 12, 0, 0, 0, time.UTC)
	one  = noon.Add(time.Hour)
)

// golden compares with a file of testdata.
func golden(t *testing.T, name string, q Query) {
	t.Helper()
	params, err := json.MarshalIndent(q.Params, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got := q.SQL + "\n\n-- " + strings.ReplaceAll(string(params), "\n", "\n-- ") + "\n"
	path := filepath.Join("testdata", name+".sql")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s", name, got)
	}
}

func TestQueries(t *testing.T) {
	for name, q := range map[string]Question{
		"everything": {},
		"range":      {From: noon, To: one},
		"search":     {From: noon, Search: "it's 100%"},
		"deep":       {Search: "x", Deep: true},
		"filters": {Filters: []Filter{
			{"service", "=", "checkout"},
			{"service", "!=", "o'brien"},
			{"labels.region", "=", []any{"eu", nil}},
			{"body.status", ">=", 500.0},
			{"status", "!=", []any{200.0, 201.0}},
			{"ms", "<", 0.5},
			{"ok", "=", true},
			{"route", "contains", "/x"},
			{"route", "!contains", "y"},
			{"body.order.select", "exists", nil},
			{engine.Path{"body", hostile}.String(), "=", hostile},
			{"tags", "=", "a"},
			{"event_time", ">", "2026-01-09"},
			{"rest", "contains", "z"},
			{"level", "=", nil},
		}},
	} {
		q.Dataset = shop
		s, err := Select(q)
		if err != nil {
			t.Fatal(name, err)
		}
		golden(t, "rows_"+name, s.Rows(100, time.Time{}))
		if name != "range" {
			continue
		}
		golden(t, "rows_newest", s.Rows(100, noon.Add(time.Minute)))
		var facets []Facet
		for _, path := range []string{"service", "labels.region", "status"} {
			f, err := NewFacet(shop, path)
			if err != nil {
				t.Fatal(err)
			}
			facets = append(facets, f)
		}
		golden(t, "counts", s.Counts("(SELECT …)", Cut(noon, one, 60), facets, 10))
	}
	q, err := Around(shop, Place{At: noon, Seq: 7, Same: []Filter{{"service", "=", "checkout"}, {"labels.region", "=", nil}}}, 20, 10)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "around", q)
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		filter     Filter
		text, hint string
	}{
		{Filter{"servic", "=", "x"}, "has no path", "service"},
		{Filter{"status", "=", "many"}, "not a number", "bigint"},
		{Filter{"status", "~", 1.0}, "no comparison", "contains"},
		{Filter{"ok", "<", true}, "has no order", "use ="},
		{Filter{"ok", "=", "perhaps"}, "true or false", "bool"},
		{Filter{"tags", ">", "a"}, "has no order", "use ="},
		{Filter{"event_time", "=", "noon"}, "not a time", "timestamp"},
		{Filter{"service", "=", map[string]any{}}, "not one value", "varchar"},
		{Filter{"service", "<", nil}, "a value to compare", "varchar"},
		{Filter{"nothing", "exists", nil}, "no values yet", "another path"},
		{Filter{`a."b`, "exists", nil}, "quote is not closed", ""},
	} {
		_, err := Select(Question{Dataset: shop, Filters: []Filter{c.filter}})
		e, _ := err.(*engine.Error) //nolint:errorlint // made here
		if e == nil || !strings.Contains(err.Error(), c.text) || !strings.Contains(e.Hint, c.hint) {
			t.Errorf("%v: %v (%+v)", c.filter, err, e)
		}
	}
	if _, err := Select(Question{Dataset: shop, From: one, To: noon}); err == nil {
		t.Error("a range that ends before it begins is taken")
	}
	for _, path := range []string{"tags", "body", "labels", "nope"} {
		if _, err := NewFacet(shop, path); err == nil {
			t.Errorf("%s is taken as a facet", path)
		}
	}
}

// Buckets cover the range, are not too many, and are aligned.
func TestCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := time.UnixMicro(rapid.Int64Range(-1e15, 4e15).Draw(t, "from")).UTC()
		to := from.Add(time.Duration(rapid.Int64Range(1, 3e11).Draw(t, "length")) * time.Microsecond)
		n := rapid.IntRange(1, 500).Draw(t, "n")
		b := Cut(from, to, n)
		if b.Start.After(from) || b.At(b.N).Before(to) || b.N > n+1 || b.At(b.N-1).After(to) {
			t.Fatalf("%v to %v in %d: %+v", from, to, n, b)
		}
		if b.Start.UnixMicro()%b.Micros != 0 {
			t.Fatalf("not aligned: %+v", b)
		}
	})
}

// Event times may lie as far apart as the years 1 and 9999, which is more than
// a duration can say.
func TestCutAtTheEndsOfTime(t *testing.T) {
	first, last := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)
	for _, c := range []struct {
		from, to time.Time
		n        int
	}{
		{first, last, 120},
		{first, last, 1},
		{time.Unix(-1<<31, 0), last, 2000},
		{first, time.Unix(0, 0), 60},
		{time.UnixMicro(-9223372022400000000), time.UnixMicro(9223371331200000000), 120}, // what DuckDB can hold
		{last, first, 10},
	} {
		b := Cut(c.from, c.to, c.n)
		if b.N < 1 || b.N > c.n+2 || b.Start.After(c.from) || b.Micros <= 0 {
			t.Errorf("%v to %v in %d: %+v", c.from, c.to, c.n, b)
		}
		if c.from.Before(c.to) && b.At(b.N-1).After(c.to) {
			t.Errorf("%v to %v in %d: the last bucket begins at %v", c.from, c.to, c.n, b.At(b.N-1))
		}
		if c.from.Equal(first) {
			if _, err := json.Marshal(b.Start); err != nil {
				t.Errorf("%+v: %v", b, err)
			}
		}
	}
}

func TestLevel(t *testing.T) {
	for text, want := range map[string]string{"error": "ERROR", " Warning ": "WARN", "crit": "FATAL", "notice": "INFO", "": "other", "odd": "other"} {
		if got := Level(text); got != want {
			t.Errorf("%q is %s", text, got)
		}
	}
}

// table makes the shop's table with a few values in it.
func table(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	var columns []string
	for _, c := range engine.Envelope {
		columns = append(columns, engine.QuoteIdent(c.Name)+" "+c.Type.DuckDB())
	}
	columns = append(columns, "body "+shop.Body.DuckDB(), "rest JSON")
	for _, statement := range []string{
		"SET TimeZone = 'UTC'",
		"CREATE TABLE app_logs (" + strings.Join(columns, ", ") + ")",
		"INSERT INTO app_logs (event_time, service, level, message, labels, _seq, _late) VALUES " +
			"('2026-01-09 12:00:00+00', 'checkout', 'ERROR', 'It''s 100% gone', MAP {'region': 'eu'}, 1, false), " +
			"('2026-01-09 12:30:00+00', 'o''brien', NULL, NULL, MAP {}, 2, true), (NULL, NULL, 'INFO', 'x', NULL, 3, false)",
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(statement, err)
		}
	}
	return db
}

func named(p Params) []any {
	var out []any
	for name, v := range p {
		out = append(out, sql.Named(name, v))
	}
	return out
}

// Whatever is asked, the query runs, binds exactly the parameters that it
// names, and counts and lists the same records.
func TestQueriesRun(t *testing.T) {
	db := table(t)
	value := rapid.OneOf(
		rapid.Map(rapid.String(), func(s string) any { return strings.ReplaceAll(s, "\x00", "") }),
		rapid.Just[any]("o'brien"), rapid.Just[any]("checkout"), rapid.Just[any]("$from"), rapid.Just[any](nil), rapid.Just[any](true),
		rapid.Map(rapid.Float64Range(-1e18, 1e18), func(f float64) any { return f }), rapid.Just[any]("12"), rapid.Just[any]("2026-01-09T12:10:00Z"),
	)
	paths := []string{"service", "level", "message", "labels.region", `labels."a'b"`, "status", "ms", "ok", "route", "order.select", engine.Path{"body", hostile}.String(), "tags", "rest", "event_time", "_late", "body", "labels"}
	rapid.Check(t, func(t *rapid.T) {
		q := Question{Dataset: shop, Deep: rapid.Bool().Draw(t, "deep")}
		if rapid.Bool().Draw(t, "bounded") {
			q.From, q.To = noon, one
		}
		if rapid.Bool().Draw(t, "searched") {
			q.Search = strings.ReplaceAll(rapid.String().Draw(t, "search"), "\x00", "")
		}
		for range rapid.IntRange(0, 4).Draw(t, "filters") {
			f := Filter{Path: rapid.SampledFrom(paths).Draw(t, "path"), Op: rapid.SampledFrom(Ops).Draw(t, "op"), Value: value.Draw(t, "value")}
			if rapid.IntRange(0, 3).Draw(t, "several") == 0 {
				f.Value = []any{f.Value, value.Draw(t, "other")}
			}
			if _, err := Select(Question{Dataset: shop, Filters: []Filter{f}}); err == nil {
				q.Filters = append(q.Filters, f)
			}
		}
		s, err := Select(q)
		if err != nil {
			t.Fatal(err)
		}
		rows := s.Rows(0, time.Time{})
		seqs := list(t, db, "SELECT _seq FROM ("+rows.SQL+")", rows.Params)
		var columns []string
		facet, _ := NewFacet(shop, "service")
		for _, p := range s.Paths([]Facet{facet}) {
			columns = append(columns, p.SQL()+" AS "+engine.QuoteIdent(p.String()))
		}
		relation := "(SELECT " + strings.Join(columns, ", ") + " FROM app_logs)"
		counts := s.Counts(relation, Cut(noon, one, 10), []Facet{facet}, 5)
		all := list(t, db, fmt.Sprintf("SELECT n FROM (%s) WHERE what = %d", counts.SQL, CountAll), counts.Params)
		if len(all) != 1 || all[0] != int64(len(seqs)) {
			t.Fatalf("%v counted, %v listed by\n%s", all, seqs, rows.SQL)
		}
		total := s.Total(relation)
		if n := list(t, db, total.SQL, total.Params); n[0] != all[0] {
			t.Fatalf("%v in all, %v counted", n, all)
		}
	})
}

func list(t *rapid.T, db *sql.DB, query string, params Params) []int64 {
	rows, err := db.Query(query, named(params)...)
	if err != nil {
		t.Fatalf("%v\n%s\n%v", err, query, params)
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%v\n%s\n%v", err, query, params)
	}
	return out
}

func TestPathsAreEachThereOnce(t *testing.T) {
	s, err := Select(Question{Dataset: shop, From: noon, Search: "x", Filters: []Filter{{"level", "=", "a"}, {"level", "!=", "b"}}})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range s.Paths(nil) {
		names = append(names, p.String())
	}
	sorted := slices.Clone(names)
	sort.Strings(sorted)
	if len(slices.Compact(sorted)) != len(names) {
		t.Error(names)
	}
}

//go:build duckdb_arrow

package spool_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
	"tidemark.dev/tidemark/engine/store/cage"
	"tidemark.dev/tidemark/engine/store/result"
	"tidemark.dev/tidemark/engine/store/spool"
)

func open(t testing.TB) *store.Store {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Options{Path: filepath.Join(dir, "x.duckdb"), Staging: dir, Memory: 1_000_000_000, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

var roomy = spool.Options{Rows: 5_000_000, Bytes: 1 << 30, Memory: 64 << 20}

// start runs a query into a spool, which has ended when the test does.
func start(t testing.TB, ctx context.Context, s *store.Store, opt spool.Options, query string, args ...any) *spool.Spool {
	t.Helper()
	if opt.Dir == "" {
		opt.Dir = t.TempDir()
	}
	sp := spool.New(opt)
	over := make(chan struct{})
	go func() {
		defer close(over)
		sp.Run(ctx, func(ctx context.Context, sink store.Sink) error { return s.Stream(ctx, query, args, 0, sink) })
	}()
	t.Cleanup(func() {
		<-over
		if err := sp.Close(); err != nil {
			t.Error(err)
		}
	})
	return sp
}

func over(spool.Status) bool { return false }

func arrowOf(t testing.TB, sp *spool.Spool, offset, limit int64) (*arrow.Schema, []arrow.RecordBatch) {
	t.Helper()
	w, err := sp.Window(t.Context(), offset, limit)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := w.WriteArrow(&b); err != nil {
		t.Fatal(err)
	}
	r, err := ipc.NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	var out []arrow.RecordBatch
	for r.Next() {
		batch := r.RecordBatch()
		batch.Retain()
		out = append(out, batch)
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	return r.Schema(), out
}

const million = `SELECT i, i % 7 AS b, 'service-' || (i % 50) AS c, i * 0.5 AS d, i % 2 = 0 AS e, i + 1 AS f,
	TIMESTAMP '2026-01-01' + i * INTERVAL 1 SECOND AS g, 'text ' || i AS h, [i, i + 1] AS j, {'x': i, 'y': 'z'} AS k FROM range(1000000) r(i) ORDER BY i`

func TestWindows(t *testing.T) {
	s := open(t)
	opt := roomy
	opt.Memory = 8 << 20 // most of it lies in the file
	sp := start(t, t.Context(), s, opt, million)
	if _, got := arrowOf(t, sp, 0, 10); got[0].NumRows() != 10 {
		t.Errorf("the first window has %d rows", got[0].NumRows())
	}
	st := sp.Wait(t.Context(), over)
	if st.State != spool.Done || st.Rows != 1_000_000 || st.Truncated {
		t.Fatalf("%+v", st)
	}
	if n := len(st.Columns.Names); n != 10 || st.Columns.Types[6] != "TIMESTAMP" {
		t.Errorf("columns %v %v", st.Columns.Names, st.Columns.Types)
	}
	for _, window := range [][2]int64{{0, 50_000}, {2047, 3}, {999_990, 100}, {123_456, 10_000}, {1_000_000, 5}, {500_000, 1}} {
		next := window[0]
		_, batches := arrowOf(t, sp, window[0], window[1])
		for _, b := range batches {
			for i := range int(b.NumRows()) {
				list := b.Column(8).(*array.List)
				from, _ := list.ValueOffsets(i)
				if b.Column(0).(*array.Int64).Value(i) != next || b.Column(7).(*array.String).Value(i) != fmt.Sprint("text ", next) ||
					list.ListValues().(*array.Int64).Value(int(from)) != next || b.Column(9).(*array.Struct).Field(0).(*array.Int64).Value(i) != next {
					t.Fatalf("window %v: row %d is wrong: %v", window, next, b)
				}
				next++
			}
		}
		if want := min(window[0]+window[1], 1_000_000); next != want {
			t.Errorf("window %v ends at %d, not %d", window, next, want)
		}
	}
	if files, _ := os.ReadDir(t.TempDir()); len(files) > 0 {
		t.Errorf("files in another's folder: %v", files)
	}
}

func TestAnEndlessQueryStopsAtTheLimit(t *testing.T) {
	s := open(t)
	for _, opt := range []spool.Options{{Rows: 300_000, Bytes: 1 << 30, Memory: 1 << 20}, {Rows: 1 << 40, Bytes: 10 << 20, Memory: 1 << 20}} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		sp := start(t, t.Context(), s, opt, "select * from range(1000000000)")
		st := sp.Wait(t.Context(), over)
		runtime.ReadMemStats(&after)
		if st.State != spool.Stopped || !st.Truncated || st.Err != nil {
			t.Errorf("%+v", st)
		}
		if opt.Rows < 1<<40 && st.Rows != opt.Rows || st.Bytes > opt.Bytes+1<<20 {
			t.Errorf("%d rows and %d bytes are kept of %+v", st.Rows, st.Bytes, opt)
		}
		if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > 100<<20 {
			t.Errorf("%d bytes are held", held)
		}
	}
	// Exactly as many rows as are kept is not too many.
	sp := start(t, t.Context(), s, spool.Options{Rows: 5000, Memory: 1 << 20}, "select * from range(5000)")
	if st := sp.Wait(t.Context(), over); st.State != spool.Done || st.Truncated || st.Rows != 5000 {
		t.Errorf("%+v", st)
	}
}

func TestCancel(t *testing.T) {
	s := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	sp := start(t, ctx, s, roomy, "select count(*) from range(1000000000) a, range(1000000000) b")
	cancel()
	if st := sp.Wait(t.Context(), over); st.State != spool.Canceled || engine.KindOf(st.Err) != engine.Canceled {
		t.Errorf("%+v", st)
	}
	if _, err := sp.Window(t.Context(), 0, 10); engine.KindOf(err) != engine.Canceled {
		t.Errorf("a window of it: %v", err)
	}
	// The connection is as good as new.
	next := start(t, t.Context(), s, roomy, "select 1")
	if st := next.Wait(t.Context(), over); st.State != spool.Done {
		t.Errorf("%+v", st)
	}
}

func TestFailures(t *testing.T) {
	s := open(t)
	for query, want := range map[string]string{
		"select *\nfrom nowhere":                                                      "line 2 column 6",
		"select 1; drop table x":                                                      "",
		"select error('late') from range(10)":                                         "late",
		"select cast('x' as int) from range(100000) where range = 99999":              "Could not convert",
		"select if(range = 3000000, error('in the middle'), '') from range(10000000)": "in the middle",
	} {
		st := start(t, t.Context(), s, roomy, query).Wait(t.Context(), over)
		var e *engine.Error
		if st.State != spool.Failed || !errors.As(st.Err, &e) || e.Kind != engine.Invalid {
			t.Errorf("%s: %+v", query, st)
			continue
		}
		if told := fmt.Sprintf("line %d column %d %v", e.Line, e.Column, e); !strings.Contains(strings.ToLower(told), strings.ToLower(want)) {
			t.Errorf("%s: %s", query, told)
		}
	}
}

func TestParameters(t *testing.T) {
	s := open(t)
	const query = "select $service as s, $n + 1 as n"
	sp := start(t, t.Context(), s, roomy, query, sql.Named("service", "checkout"), sql.Named("n", int64(4)))
	if got := jsonOf(t, sp); got != `[["checkout",5]]` {
		t.Errorf("%s", got)
	}
	if st := start(t, t.Context(), s, roomy, query, sql.Named("n", 1)).Wait(t.Context(), over); st.State != spool.Failed {
		t.Errorf("a parameter without a value: %+v", st)
	}
}

func jsonOf(t testing.TB, sp *spool.Spool) string {
	t.Helper()
	w, err := sp.Window(t.Context(), 0, 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := w.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestEveryType compares what arrives with what package result makes of the
// rows of the driver.
func TestEveryType(t *testing.T) {
	s := open(t)
	queries := map[string]string{
		"all":      "FROM test_all_types()",
		"time_ns":  "SELECT '12:34:56.123456789'::TIME_NS AS t, '24:00:00'::TIME AS u",
		"bignum":   "SELECT 123456789012345678901234567890123456789012::BIGNUM AS b, 170141183460469231731687303715884105727::HUGEINT h, 340282366920938463463374607431768211455::UHUGEINT u",
		"decimal":  "SELECT 1.23::DECIMAL(4,2) a, 123456789012345.678::DECIMAL(18,3) b, 12345678901234567890.123::DECIMAL(38,3) c, [1.5::DECIMAL(30,1)] d",
		"json":     `SELECT '{"a":12345678901234567890}'::JSON AS j, [1, '{"b":2}'::JSON] AS l, {'k': '3'::JSON} AS s, MAP {'x': '{"c": 1}'::JSON} m`,
		"map":      "SELECT MAP {1: 'a', 2: NULL} AS m, MAP {[1,2]: 3} AS n, MAP {'a\\x00b'::BLOB: 1} AS o",
		"row":      "SELECT row(1, 'a', row(2)) AS r, {'a': row(1, 2)} AS s",
		"names":    `SELECT 1 AS a, 2 AS a, 3 AS "A b", 5 AS "x""y"`,
		"null":     "SELECT NULL AS n, [] AS l, [NULL] AS m",
		"union":    "SELECT union_value(num := 2) AS u",
		"enum":     "SELECT 'b'::ENUM('a', 'b') AS e, ['a'::ENUM('a', 'b')] AS l, {'e': 'a'::ENUM('a','b')} AS s",
		"empty":    "SELECT * FROM range(0)",
		"describe": "DESCRIBE SELECT 1 AS x",
		"show":     "SHOW TABLES",
		"explain":  "EXPLAIN SELECT 1",
		"ends":     "SELECT 'infinity'::TIMESTAMP a, '-infinity'::DATE b, '290309-12-22 (BC) 00:00:00'::TIMESTAMP c, 'NaN'::DOUBLE d",
	}
	for name, query := range queries {
		t.Run(name, func(t *testing.T) {
			sp := start(t, t.Context(), s, roomy, query)
			st := sp.Wait(t.Context(), over)
			if st.State != spool.Done {
				t.Fatalf("%+v", st.Err)
			}
			schema, batches := arrowOf(t, sp, 0, 1000)
			for _, f := range schema.Fields() {
				decodable(t, f.Name, f.Type)
			}
			var n int64
			for _, b := range batches {
				n += b.NumRows()
			}
			if n != st.Rows {
				t.Errorf("%d rows of %d", n, st.Rows)
			}
			compare(t, s, query, st, jsonOf(t, sp))
		})
	}
}

// decodable fails on Arrow types that readers in a browser do not know or
// read with loss.
func decodable(t *testing.T, name string, typ arrow.DataType) {
	switch typ.ID() {
	case arrow.DICTIONARY, arrow.STRING_VIEW, arrow.BINARY_VIEW, arrow.LIST_VIEW, arrow.DENSE_UNION, arrow.SPARSE_UNION,
		arrow.INTERVAL_MONTH_DAY_NANO, arrow.DECIMAL256, arrow.FIXED_SIZE_BINARY, arrow.EXTENSION:
		t.Errorf("%s is %v", name, typ)
	case arrow.DECIMAL128:
		if typ.(*arrow.Decimal128Type).Precision > 18 {
			t.Errorf("%s is %v", name, typ)
		}
	}
	if nested, ok := typ.(arrow.NestedType); ok {
		for _, f := range nested.Fields() {
			decodable(t, name+"."+f.Name, f.Type)
		}
	}
}

// compare compares with the rows of the driver, but for the types that arrive
// as DuckDB writes them.
func compare(t *testing.T, s *store.Store, query string, st spool.Status, got string) {
	t.Helper()
	var have [][]any
	if err := json.Unmarshal([]byte(got), &have); err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	rows, err := cage.Query(t.Context(), s.DB(), query, nil, cage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names := rows.TypeNames()
	vals, into := make([]any, len(names)), make([]any, len(names))
	for i := range vals {
		into[i] = &vals[i]
	}
	for row := 0; rows.Next(); row++ {
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		for i, v := range vals {
			text, err := json.Marshal(result.Value(v, names[i]))
			if err != nil {
				t.Fatal(err)
			}
			var want any
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			mine, _ := json.Marshal(have[row][i])
			theirs, _ := json.Marshal(want)
			if !bytes.Equal(mine, theirs) && !asText(st.Columns.Types[i]) {
				t.Errorf("row %d, %s %s:\n got %s\nwant %s", row, st.Columns.Names[i], st.Columns.Types[i], mine, theirs)
			}
		}
	}
}

// asText says which types are written in DuckDB's own way.
func asText(typ string) bool {
	return slices.ContainsFunc([]string{"INTERVAL", "TIME WITH TIME ZONE", "UNION", "VARIANT", "GEOMETRY", "MAP(", "BIT"}, func(s string) bool { return strings.Contains(typ, s) })
}

func TestAFreedResultIsGone(t *testing.T) {
	s := open(t)
	dir := t.TempDir()
	opt := roomy
	opt.Memory, opt.Dir = 0, dir
	budget := &spool.Budget{Limit: 1 << 20}
	opt.Shared = budget
	sp := start(t, t.Context(), s, opt, "select * from range(10000)")
	sp.Wait(t.Context(), over)
	w, err := sp.Window(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	if err := sp.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.WriteArrow(io.Discard); engine.KindOf(err) != engine.NotFound {
		t.Errorf("a window that was open: %v", err)
	}
	if _, err := sp.Window(t.Context(), 0, 10); engine.KindOf(err) != engine.NotFound {
		t.Errorf("a new window: %v", err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("left behind: %v", files)
	}
}

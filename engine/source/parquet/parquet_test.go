package parquet

import (
	"database/sql"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
)

// instance is a DuckDB of its own: a hostile file may invalidate it.
func instance(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Exec("SET memory_limit = '1GB'; SET TimeZone = 'UTC'"); err != nil {
		t.Fatal(err)
	}
	return db
}

// written writes a query as a Parquet file.
func written(t testing.TB, query, options string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.parquet")
	if _, err := instance(t).Exec("COPY (" + query + ") TO '" + path + "' (FORMAT parquet" + options + ")"); err != nil {
		t.Fatal(err)
	}
	return path
}

func footerOf(path string) (*Footer, []byte, error) {
	all, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	f, err := Read(all, int64(len(all)))
	return f, all, err
}

// cutOf writes a cut of an object into a file.
func cutOf(t testing.TB, c Cut, object []byte) string {
	t.Helper()
	file := make([]byte, c.Size())
	copy(file, Head)
	copy(file[c.TailAt:], c.Tail)
	for _, p := range c.Pieces {
		copy(file[p.At:p.At+p.Length], object[p.Offset:p.Offset+p.Length])
	}
	path := filepath.Join(t.TempDir(), "cut.parquet")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const rows = `SELECT i AS id, TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_seconds(i) AS ts, 'svc-' || (i % 7) AS service,
	{'status': 200 + i % 3, 'path': '/p/' || i, 'deep': {'x': i * 1.5, 'y': [i, i + 1]}} AS http, MAP {'a': i::VARCHAR} AS labels,
	CASE WHEN i % 5 = 0 THEN NULL ELSE i * 0.5 END AS half, [{'q': i}, {'q': -i}] AS list, (i % 2 = 0) AS even FROM range(10000) t(i)`

// A cut answers like the file it is of.
func TestCutsReadLikeTheFile(t *testing.T) {
	t.Parallel()
	for _, options := range []string{", ROW_GROUP_SIZE 2048", ", ROW_GROUP_SIZE 2048, COMPRESSION zstd, PARQUET_VERSION v2"} {
		path := written(t, rows, options)
		f, object, err := footerOf(path)
		if err != nil {
			t.Fatal(err)
		}
		if f.Rows != 10000 || len(f.Groups) != 5 {
			t.Fatalf("%d rows in %d groups", f.Rows, len(f.Groups))
		}
		db := instance(t)
		for _, c := range []struct {
			columns string
			paths   [][]string
			groups  []int
		}{
			{"id, ts", [][]string{{"id"}, {"ts"}}, []int{0, 1, 2, 3, 4}},
			{"http.status, http.deep.x", [][]string{{"http", "status"}, {"http", "deep", "x"}}, []int{1, 2, 4}},
			{"http", [][]string{{"http"}}, []int{3}},
			{"labels, list, http.deep.y", [][]string{{"labels"}, {"list"}, {"http", "deep", "y"}}, []int{0, 4}},
			{"half, even, service", [][]string{{"HALF"}, {"even"}, {"service"}, {"nothing"}}, []int{0, 2}},
		} {
			cuts, err := f.Cuts(f.Select(c.paths), c.groups)
			if err != nil {
				t.Fatal(err)
			}
			for _, cut := range cuts {
				where := fmt.Sprintf("file_row_number >= %d AND file_row_number < %d", cut.First, cut.First+cut.Rows)
				ask := "SELECT count(*), bit_xor(hash(%[1]s, file_row_number - %[2]d))::VARCHAR FROM read_parquet('%[3]s', file_row_number = true) WHERE %[4]s"
				var want, got [2]string
				if err := db.QueryRow(fmt.Sprintf(ask, c.columns, cut.First, path, where)).Scan(&want[0], &want[1]); err != nil {
					t.Fatal(err)
				}
				if err := db.QueryRow(fmt.Sprintf(ask, c.columns, 0, cutOf(t, cut, object), "true")).Scan(&got[0], &got[1]); err != nil {
					t.Fatalf("%s: %v", c.columns, err)
				}
				if got != want {
					t.Errorf("%s of %v: %v, want %v", c.columns, c.groups, got, want)
				}
			}
		}
	}
}

// A cut without rows has the types of the file.
func TestEmptyCutHasTheTypes(t *testing.T) {
	t.Parallel()
	path := written(t, rows, "")
	f, object, err := footerOf(path)
	if err != nil {
		t.Fatal(err)
	}
	empty, err := f.Empty()
	if err != nil {
		t.Fatal(err)
	}
	db := instance(t)
	types := func(path string) (out string) {
		t.Helper()
		if err := db.QueryRow("SELECT string_agg(column_name || ' ' || column_type, ', ') FROM (DESCRIBE SELECT * FROM read_parquet('" + path + "'))").Scan(&out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got, want := types(cutOf(t, empty, object)), types(path); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// What a row group is left out for, no row of it passes: DuckDB says so.
func TestPruneLeavesOutNoRow(t *testing.T) {
	t.Parallel()
	path := written(t, `SELECT i, (i * 7919 % 1000)::INTEGER AS n, i / 3.0 AS d, CASE WHEN i BETWEEN 3000 AND 4000 THEN 'nan'::DOUBLE ELSE i::DOUBLE END AS odd,
		CASE WHEN i < 2048 THEN NULL ELSE lpad(i::VARCHAR, 5, '0') END AS s, repeat('x', 90) || i AS long, {'k': i // 100} AS st, [i] AS l,
		TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_milliseconds(i * 1000) AS ts, DATE '2026-01-01' + (i // 500)::INTEGER AS day,
		(TIMESTAMP '2026-01-01 00:00:00' + to_seconds(i))::TIMESTAMP_NS AS ns, i::UINTEGER AS u, i::DECIMAL(12, 2) AS m FROM range(20000) t(i)`, ", ROW_GROUP_SIZE 2048")
	f, _, err := footerOf(path)
	if err != nil {
		t.Fatal(err)
	}
	db := instance(t)
	if _, err := db.Exec("CREATE TABLE t AS SELECT *, (file_row_number // 2048)::BIGINT AS g FROM read_parquet('" + path + "', file_row_number = true)"); err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	pruned := 0
	rapid.Check(t, func(t *rapid.T) {
		var all []engine.Condition
		var where []string
		for range rapid.IntRange(1, 3).Draw(t, "conditions") {
			column := rapid.SampledFrom([]string{"i", "n", "d", "odd", "s", "long", "st.k", "ts", "day", "ns", "u", "m"}).Draw(t, "column")
			sql := column
			if column == "ns" {
				sql = "ns::TIMESTAMPTZ" // as the dataset has it
			}
			op := rapid.SampledFrom([]string{"=", "!=", "<", "<=", ">", ">=", "null", "notnull", "in"}).Draw(t, "op")
			at := rapid.Int64Range(-100, 20100).Draw(t, "at")
			c := engine.Condition{Path: strings.Split(column, "."), Op: op}
			value := func(at int64) (any, string) {
				switch column {
				case "s":
					return fmt.Sprintf("%05d", at), fmt.Sprintf("'%05d'", at)
				case "long":
					v := strings.Repeat("x", 90) + fmt.Sprint(at)
					return v, "'" + v + "'"
				case "ts", "day", "ns":
					v := start.Add(time.Duration(at) * time.Second)
					return v, "'" + v.Format(time.RFC3339) + "'::TIMESTAMPTZ"
				case "d", "odd":
					return float64(at), fmt.Sprintf("%d::DOUBLE", at)
				}
				return at, fmt.Sprint(at)
			}
			switch op {
			case "null":
				where = append(where, sql+" IS NULL")
			case "notnull":
				where = append(where, sql+" IS NOT NULL")
			case "in":
				a, x := value(at)
				b, y := value(at + 777)
				c.Values = []any{a, b}
				where = append(where, sql+" IN ("+x+", "+y+")")
			default:
				v, text := value(at)
				c.Values = []any{v}
				where = append(where, sql+" "+op+" "+text)
			}
			all = append(all, c)
		}
		kept := f.Prune([]engine.Scan{{Conditions: all}})
		pruned += len(f.Groups) - len(kept)
		rows, err := db.Query("SELECT DISTINCT g FROM t WHERE " + strings.Join(where, " AND "))
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var g int
			if err := rows.Scan(&g); err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(kept, g) {
				t.Fatalf("%v: row group %d was left out", where, g)
			}
		}
	})
	if pruned == 0 {
		t.Error("nothing was ever left out")
	}
}

func TestPruneByTime(t *testing.T) {
	t.Parallel()
	f, _, err := footerOf(written(t, rows, ", ROW_GROUP_SIZE 2048"))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	scan := func(op string, at int) engine.Scan {
		return engine.Scan{Conditions: []engine.Condition{{Path: engine.Path{"ts"}, Op: op, Values: []any{start.Add(time.Duration(at) * time.Second)}}}}
	}
	for _, c := range []struct {
		scans []engine.Scan
		want  string
	}{
		{[]engine.Scan{scan(">=", 9000)}, "[4]"},
		{[]engine.Scan{scan("<", 2048)}, "[0]"},
		{[]engine.Scan{scan("<=", 2048)}, "[0 1]"},
		{[]engine.Scan{scan("<", 5), scan(">", 9000)}, "[0 4]"},
		{[]engine.Scan{scan(">", 99999)}, "[]"},
		{[]engine.Scan{{}}, "[0 1 2 3 4]"},
		{nil, "[]"},
	} {
		if got := fmt.Sprint(f.Prune(c.scans)); got != c.want {
			t.Errorf("%v: %s, want %s", c.scans, got, c.want)
		}
	}
	low, high, ok := f.Span(engine.Path{"ts"})
	if !ok || low != start.UnixMicro() || high != start.Add(9999*time.Second).UnixMicro() {
		t.Errorf("from %d to %d, %v", low, high, ok)
	}
}

// Statistics that prove nothing leave nothing out.
func TestUncertainStatistics(t *testing.T) {
	t.Parallel()
	number := func(n int64) []byte { return []byte{byte(n), byte(n >> 8), 0, 0, 0, 0, 0, 0} }
	double := func(f float64) []byte {
		b := math.Float64bits(f)
		return []byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24), byte(b >> 32), byte(b >> 40), byte(b >> 48), byte(b >> 56)}
	}
	str := func(b []byte) value { return value{kind: 11, text: b} }
	stats := func(fields ...field) *value { return &value{kind: 12, fields: fields} }
	one := func(c kind, s *value, orders bool) *Footer {
		f := &Footer{Leaves: []Leaf{{Path: []string{"x"}, node: 1, unit: 1, kind: c}}, Groups: []Group{{Rows: 10, Chunks: []Chunk{{values: 10, stats: s}}}}}
		if orders {
			f.tree = value{kind: 12, fields: []field{{fileOrders, value{kind: 15, elem: 12, list: []value{{kind: 12, fields: []field{{1, value{kind: 12}}}}}}}}}
		}
		return f
	}
	long, dbl, txt := kind{class: integer, physical: typeInt64}, kind{class: real, physical: typeDouble}, kind{class: text, physical: typeBytes}
	for _, c := range []struct {
		name  string
		f     *Footer
		op    string
		value any
		kept  bool
	}{
		{"between", one(long, stats(field{statsMax, str(number(9))}, field{statsMin, str(number(1))}), true), "=", int64(5), true},
		{"outside", one(long, stats(field{statsMax, str(number(9))}, field{statsMin, str(number(1))}), true), "=", int64(50), false},
		{"old fields of integers", one(long, stats(field{statsOldMax, str(number(9))}, field{statsOldMin, str(number(1))}), false), "=", int64(50), false},
		{"old fields of texts", one(txt, stats(field{statsOldMax, str([]byte("b"))}, field{statsOldMin, str([]byte("a"))}), true), "=", "z", true},
		{"texts without an order", one(txt, stats(field{statsMax, str([]byte("b"))}, field{statsMin, str([]byte("a"))}), false), "=", "z", true},
		{"texts", one(txt, stats(field{statsMax, str([]byte("b"))}, field{statsMin, str([]byte("a"))}), true), "=", "z", false},
		{"a text that may be cut short", one(txt, stats(field{statsMax, str([]byte("a"))}, field{statsMin, str([]byte("a"))}), true), "!=", "a", true},
		{"none", one(long, nil, true), "=", int64(50), true},
		{"only one bound", one(long, stats(field{statsMax, str(number(9))}), true), "=", int64(50), true},
		{"too short", one(long, stats(field{statsMax, str([]byte{9})}, field{statsMin, str([]byte{1})}), true), "=", int64(50), true},
		{"the wrong way round", one(long, stats(field{statsMax, str(number(1))}, field{statsMin, str(number(9))}), true), "=", int64(50), true},
		{"NaN", one(dbl, stats(field{statsMax, str(double(math.NaN()))}, field{statsMin, str(double(1))}), true), "=", 50.0, true},
		{"NaN may be above", one(dbl, stats(field{statsMax, str(double(9))}, field{statsMin, str(double(1))}), true), ">", 50.0, true},
		{"NaN is not below", one(dbl, stats(field{statsMax, str(double(9))}, field{statsMin, str(double(1))}), true), "<", 0.5, false},
		{"another type", one(long, stats(field{statsMax, str(number(9))}, field{statsMin, str(number(1))}), true), "=", "50", true},
		{"all null", one(long, stats(field{statsNulls, value{kind: 10, number: 10}}), true), "=", int64(5), false},
		{"all null, asked for", one(long, stats(field{statsNulls, value{kind: 10, number: 10}}), true), "null", nil, true},
		{"no null", one(long, stats(field{statsNulls, value{kind: 10}}), true), "null", nil, false},
		{"nulls not counted", one(long, stats(), true), "null", nil, true},
	} {
		condition := engine.Condition{Path: engine.Path{"x"}, Op: c.op}
		if c.value != nil {
			condition.Values = []any{c.value}
		}
		if kept := len(c.f.Prune([]engine.Scan{{Conditions: []engine.Condition{condition}}})) > 0; kept != c.kept {
			t.Errorf("%s: kept %v", c.name, kept)
		}
	}
}

// corpus is a folder of Parquet files of many writers.
func corpus(t testing.TB) []string {
	t.Helper()
	root := os.Getenv("TIDEMARK_CORPUS")
	if root == "" {
		t.Skip("TIDEMARK_CORPUS is not set")
	}
	var out []string
	for _, pattern := range []string{"parquet/apache/data/*.parquet", "parquet/apache/bad_data/*.parquet", "parquet/duckdb/*.parquet"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, found...)
	}
	return out
}

// Files of many writers read the same when they are cut, or are refused as a
// whole; none makes a cut that the decoder reads differently.
func TestCorpus(t *testing.T) {
	t.Parallel()
	read, refused := 0, 0
	for _, path := range corpus(t) {
		name := filepath.Base(path)
		f, object, err := footerOf(path)
		if err != nil {
			t.Logf("%s: %v", name, err)
			refused++
			continue
		}
		whole, wholeErr := digest(t, path)
		cuts, err := f.Cuts(f.All(), f.Prune([]engine.Scan{{}}))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, c := range cuts {
			part, partErr := digest(t, cutOf(t, c, object))
			if (partErr == nil) != (wholeErr == nil) || part != whole {
				t.Errorf("%s: %s, %v; whole %s, %v", name, part, partErr, whole, wholeErr)
			}
		}
		read++
	}
	t.Logf("%d read, %d refused", read, refused)
	if read < 50 {
		t.Errorf("only %d files were read", read)
	}
}

// digest decodes every value of a file in an instance of its own.
func digest(t testing.TB, path string) (string, error) {
	var out string
	err := instance(t).QueryRow("SELECT count(*) || ' ' || bit_xor(hash(t))::VARCHAR FROM read_parquet('" + path + "') t").Scan(&out)
	return out, err
}

func TestFooterLength(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, tail string
		size       int64
		fails      string
	}{
		{"empty", "", 0, "no Parquet"},
		{"too short", "PAR1", 4, "no Parquet"},
		{"text", strings.Repeat("x", 100), 100, "no Parquet"},
		{"encrypted", "xxxx\x01\x00\x00\x00PARE", 100, "encrypted"},
		{"longer than the object", "xxxx\xff\x00\x00\x00PAR1", 100, "more than the object"},
		{"longer than is read", "xxxx\x00\x00\x00\x7fPAR1", 1 << 40, "are not read"},
		{"good", "xxxx\x10\x00\x00\x00PAR1", 100, ""},
	} {
		n, err := FooterLength([]byte(c.tail), c.size)
		if c.fails == "" && (err != nil || n != 24) || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
			t.Errorf("%s: %d, %v", c.name, n, err)
		}
	}
}

// Whatever a footer says, reading it ends, and what it takes lies in the object.
func FuzzRead(f *testing.F) {
	path := filepath.Join(f.TempDir(), "a.parquet")
	db, err := sql.Open("duckdb", "")
	if err != nil {
		f.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("COPY (" + strings.Replace(rows, "10000", "100", 1) + ") TO '" + path + "' (FORMAT parquet)"); err != nil {
		f.Fatal(err)
	}
	all, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(all)
	f.Add([]byte("PAR1\x15\x00\x01\x00\x00\x00PAR1"))
	f.Fuzz(func(t *testing.T, object []byte) {
		footer, err := Read(object, int64(len(object)))
		if err != nil {
			return
		}
		groups := footer.Prune([]engine.Scan{{Conditions: []engine.Condition{{Path: engine.Path{"id"}, Op: ">", Values: []any{int64(5)}}}}})
		cuts, err := footer.Cuts(footer.All(), groups)
		if err != nil {
			return
		}
		for _, c := range cuts {
			for _, r := range Ranges(c.Pieces) {
				if r.Offset < 0 || r.Length <= 0 || r.Offset+r.Length > int64(len(object)) {
					t.Fatalf("%d bytes at %d of %d", r.Length, r.Offset, len(object))
				}
			}
		}
	})
}

// Every piece is in one range, and little is read in vain.
func TestRanges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var pieces []Piece
		var at, want int64
		for range rapid.IntRange(1, 40).Draw(t, "pieces") {
			at += rapid.Int64Range(0, 400<<10).Draw(t, "gap")
			n := rapid.Int64Range(1, 5<<20).Draw(t, "length")
			pieces = append(pieces, Piece{Offset: at, Length: n, At: want})
			at, want = at+n, want+n
		}
		shuffled := rapid.Permutation(pieces).Draw(t, "order")
		var read int64
		var got []Piece
		for _, r := range Ranges(shuffled) {
			read += r.Length
			for _, p := range r.Pieces {
				if p.Offset < r.Offset || p.Offset+p.Length > r.Offset+r.Length {
					t.Fatalf("%v is not in %v", p, r)
				}
			}
			if len(r.Pieces) > 1 && r.Length > maxRange {
				t.Fatalf("%d bytes at once", r.Length)
			}
			got = append(got, r.Pieces...)
		}
		if !slices.Equal(got, pieces) {
			t.Fatal("pieces are missing")
		}
		if read > want+want/maxWaste {
			t.Fatalf("%d bytes for %d", read, want)
		}
	})
}

package result_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	_ "github.com/duckdb/duckdb-go/v2"
	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store/cage"
	"tidemark.dev/tidemark/engine/store/result"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func open(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Exec("SET GLOBAL TimeZone = 'UTC'"); err != nil {
		t.Fatal(err)
	}
	return db
}

// write runs a query through the cage and writes its rows.
func write(t testing.TB, db *sql.DB, query, format string, width int) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := writeTo(&b, db, query, format, width); err != nil {
		t.Fatalf("%s as %s: %v", query, format, err)
	}
	return b.String()
}

func writeTo(w io.Writer, db *sql.DB, query, format string, width int) (int64, error) {
	rows, err := cage.Query(context.Background(), db, query, nil, cage.Options{})
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	return result.Write(w, rows, format, result.Options{Width: width})
}

// queries show every type of DuckDB, in the order of its manual.
var queries = []struct{ name, query string }{
	{"integers", `SELECT * FROM (VALUES
		(true, 127::TINYINT, 32767::SMALLINT, 2147483647, 9007199254740992, 255::UTINYINT, 65535::USMALLINT, 4294967295::UINTEGER, 9007199254740992::UBIGINT),
		(false, -128, -32768, -2147483648, 9007199254740993, 0, 0, 0, 18446744073709551615),
		(NULL, NULL, NULL, NULL, -9223372036854775808, NULL, NULL, NULL, NULL)) t(bool, i8, i16, i32, i64, u8, u16, u32, u64)`},
	{"large", `SELECT * FROM (VALUES
		(99999999999999999999999999999999999999::HUGEINT, 340282366920938463463374607431768211455::UHUGEINT, 123456789012345678901234567890::BIGNUM, 123.4500::DECIMAL(9,4), 0.01::DECIMAL(38,2)),
		(-1, 0, -5, -0.05, -12345), (NULL, NULL, NULL, NULL, NULL)) t(huge, uhuge, big, dec, dec38)`},
	{"reals", `SELECT f::FLOAT AS f, d::DOUBLE AS d FROM (VALUES (1.5, 0.1::DOUBLE), (0.1, 1e300), ('nan', 'nan'), ('inf', 'inf'), ('-inf', '-inf'), (-0.0, 1e-7), (3e38, 123456789.125), (NULL, NULL)) t(f, d)`},
	{"times", `SELECT * FROM (VALUES
		(DATE '2026-01-02', TIME '03:04:05.000678', TIMETZ '03:04:05+02:30', TIMESTAMP '2026-01-02 03:04:05.678', TIMESTAMPTZ '2026-01-02 03:04:05+02', '2026-01-02 03:04:05'::TIMESTAMP_S, '2026-01-02 03:04:05.678'::TIMESTAMP_MS, '2026-01-02 03:04:05.123456789'::TIMESTAMP_NS, TIME_NS '03:04:05.123456789'),
		('infinity', NULL, NULL, 'infinity', '-infinity', 'infinity', 'infinity', 'infinity', NULL),
		('0044-03-15 (BC)', '00:00:00', '00:00:00-15:59', '0001-01-01', '290000-12-31 23:59:59+00', '1969-12-31 23:59:59', '1969-12-31 23:59:59.999', '1969-12-31 23:59:59.999999999', '23:59:59'))
		t(date, time, timetz, ts, tstz, ts_s, ts_ms, ts_ns, time_ns)`},
	{"intervals", `SELECT * FROM (VALUES (INTERVAL '1 year 2 months 3 days 04:05:06.789'), (INTERVAL '-1 month 3 days -00:00:00.5'), (INTERVAL 0 SECONDS), (NULL)) t(i)`},
	{"text", `SELECT 'plain' AS a, '' AS b, NULL::VARCHAR AS c, 'comma, "quote" | pipe' AS d, E'two\nlines\ttab' AS e, 'é 日本 👩‍👩‍👧' AS f, ' edge ' AS g, '<b>&amp;*_x_*[l](u)' AS h`},
	{"hostile", `SELECT E'\x1b[31mred\x1b[0m' AS ansi, chr(8238) || 'evil' AS bidi, E'bell\x07 back\x08 del\x7f' AS control, chr(155) || '31m' AS c1, E'over\rwritten' AS cr, chr(917569) || 'tag' AS tag, chr(8232) AS line`},
	{"bytes", `SELECT '\xAA\x00\xFF'::BLOB AS blob, ''::BLOB AS empty, '10101'::BIT AS bit, '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::UUID AS uuid, 'a'::ENUM('a', 'b''(,)') AS enum`},
	{"json", `SELECT '{"n": 12345678901234567890, "d": 1.10, "z": null}'::JSON AS object, '[1, "a"]'::JSON AS array, '"text"'::JSON AS text, '"12"'::JSON AS digits, '12'::JSON AS number, 'null'::JSON AS nil, NULL::JSON AS absent,
		(E'{\n\t"a": "' || chr(8238) || chr(155) || chr(917569) || E'"\n}')::JSON AS pretty`},
	{"nested", `SELECT {'z': 1, 'a b': 9007199254740993, 'json': 'x', 't': DATE '2026-01-02'} AS struct, [1, NULL, 3] AS list, [[1], [], NULL] AS lists, [1, 2]::INT[2] AS array,
		MAP {'b': 1, 'a': 2} AS map, {'j': '{"n": 12345678901234567890}'::JSON, 'l': [{'j': '1.10'::JSON}]} AS nested_json, [{'m': MAP {'k': [1.50]}}] AS deep, row(1, 'a') AS row,
		[]::INT[] AS empty, NULL::STRUCT(a INT) AS null_struct, [DATE '2026-01-02'] AS dates, [TIMESTAMPTZ '2026-01-02 03:04:05+00'] AS instants, ['nan'::DOUBLE] AS nans, [1::HUGEINT] AS huges`},
	{"maps", `SELECT MAP {1: 'a', 2: 'b'} AS ints, MAP {'6ba7b810-9dad-11d1-80b4-00c04fd430c8'::UUID: 1, '6ba7b810-9dad-11d1-80b4-00c04fd430c9'::UUID: 2} AS uuids, MAP {[1]: 2} AS lists, MAP {DATE '2026-01-02': 1} AS dates,
		[MAP {'\xAA'::BLOB: 1, '\xAB'::BLOB: 2}] AS blobs, [MAP {{'a': 1}: 2}] AS structs, MAP {} AS empty, NULL::MAP(VARCHAR, INT) AS absent`},
	{"unions", `SELECT union_value(num := 1)::UNION(num INT, str VARCHAR) AS u UNION ALL SELECT union_value(str := 'a') UNION ALL SELECT NULL`},
	{"columns", `SELECT 1 AS a, 2 AS a, 3 AS a_1, 4 AS "b|c,""d""", 5 AS a, NULL AS n, 6 AS "日本"`},
	{"none", `SELECT 1 AS a, 'b' AS b WHERE false`},
	{"explain", `EXPLAIN SELECT 1 AS one`},
	{"show", `DESCRIBE SELECT 1 AS a, 'b' AS b`},
}

func TestFormats(t *testing.T) {
	db := open(t)
	for _, format := range append(append([]string{}, result.Formats...), "arrow") {
		var out strings.Builder
		for _, q := range queries {
			text := write(t, db, q.query, format, 0)
			if format == "arrow" {
				text = arrowText(t, text)
			}
			fmt.Fprintf(&out, "== %s\n%s\n", q.name, text)
		}
		golden(t, "testdata/"+format+".txt", out.String())
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
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
	g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			t.Fatalf("%s differs from line %d (%d lines, want %d)\ngot  %q\nwant %q\n-update rewrites it", file, i+1, len(g), len(w), g[min(i, len(g)-1)], w[min(i, len(w)-1)])
		}
	}
}

// arrowText reads an IPC stream back.
func arrowText(t *testing.T, stream string) string {
	t.Helper()
	r, err := ipc.NewReader(strings.NewReader(stream))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	var out strings.Builder
	for r.Next() {
		batch := r.RecordBatch()
		for i, f := range batch.Schema().Fields() {
			fmt.Fprintf(&out, "%s: %s = %v\n", f.Name, f.Type, batch.Column(i))
		}
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	return out.String()
}

// TestJSONIsValid reads all types back.
func TestJSONIsValid(t *testing.T) {
	db := open(t)
	for _, q := range append(queries, struct{ name, query string }{"all", "FROM test_all_types()"}) {
		text := write(t, db, q.query, "json", 0)
		var rows []map[string]any
		if err := json.Unmarshal([]byte(text), &rows); err != nil {
			t.Errorf("%s: %v\n%s", q.name, err, text)
		}
	}
}

// TestEveryType writes DuckDB's own table of all types in every format.
func TestEveryType(t *testing.T) {
	db := open(t)
	for _, format := range result.Formats {
		if n, err := writeTo(io.Discard, db, "FROM test_all_types()", format, 100); err != nil || n != 3 {
			t.Errorf("%s: %d rows, %v", format, n, err)
		}
	}
	_, err := writeTo(io.Discard, db, "SELECT * EXCLUDE (hugeint) FROM test_all_types()", "arrow", 0)
	if err != nil {
		t.Error(err)
	}
	_, err = writeTo(io.Discard, db, "SELECT (-170141183460469231731687303715884105728)::HUGEINT AS x", "arrow", 0)
	if engine.KindOf(err) != engine.Invalid {
		t.Errorf("a number that Arrow cannot hold: %v", err)
	}
}

// TestNumbersRoundTrip: no number loses a digit on its way to a reader.
func TestNumbersRoundTrip(t *testing.T) {
	db := open(t)
	rapid.Check(t, func(t *rapid.T) {
		i, f := rapid.Int64().Draw(t, "i"), rapid.Float64().Draw(t, "f")
		cents := rapid.Int64Range(-1e15, 1e15).Draw(t, "cents")
		rows, err := db.Query("SELECT ?::BIGINT AS i, ?::DOUBLE AS f, ?::DECIMAL(18,0) / 1 AS h, (?::BIGINT)::JSON AS j, [?::BIGINT] AS l", i, f, cents, i, i)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var b bytes.Buffer
		if _, err := result.Write(&b, rows, "json", result.Options{}); err != nil {
			t.Fatal(err)
		}
		var got []struct {
			I json.RawMessage
			F json.RawMessage
			L []json.RawMessage
		}
		if err := json.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatalf("%v: %s", err, &b)
		}
		for _, text := range []string{string(got[0].I), string(got[0].L[0])} {
			quoted := strings.Trim(text, `"`)
			if quoted != fmt.Sprint(i) {
				t.Fatalf("%d became %s", i, text)
			}
			if safe := i <= 1<<53 && i >= -1<<53; safe != (quoted == text) {
				t.Fatalf("%d is written %s", i, text)
			}
		}
		var back float64
		if err := json.Unmarshal(got[0].F, &back); err != nil || back != f || math.Signbit(back) != math.Signbit(f) {
			t.Fatalf("%v became %s", f, got[0].F)
		}
	})
}

// TestTextRoundTrips: any text comes back from JSON and CSV as it was.
func TestTextRoundTrips(t *testing.T) {
	db := open(t)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.ReplaceAll(rapid.String().Draw(t, "text"), "\x00", "")
		query := func(format string) string {
			rows, err := db.Query("SELECT ? AS a, 1 AS b", text)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			var b bytes.Buffer
			if _, err := result.Write(&b, rows, format, result.Options{}); err != nil {
				t.Fatal(err)
			}
			return b.String()
		}
		var rows []struct{ A string }
		if err := json.Unmarshal([]byte(query("json")), &rows); err != nil || rows[0].A != text {
			t.Fatalf("%q became %q (%v)", text, rows, err)
		}
		lines, err := csv.NewReader(strings.NewReader(query("csv"))).ReadAll()
		if want := strings.ReplaceAll(text, "\r\n", "\n"); err != nil || lines[1][0] != want { // the reader makes \r\n into \n
			t.Fatalf("%q became %q (%v)", text, lines, err)
		}
	})
}

// TestWidth: no line of a table is wider than the terminal, as far as there
// is room for its columns, and what was cut says so.
func TestWidth(t *testing.T) {
	db := open(t)
	for _, width := range []int{30, 60, 100} {
		text := write(t, db, "SELECT 'a' AS a, repeat('日本 ', 100) AS long, range AS n, repeat('x', 300) AS y FROM range(3)", "table", width)
		for line := range strings.Lines(text) {
			if n := displayWidth(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("a line of %d in a terminal of %d: %s", n, width, line)
			}
		}
		if strings.Count(text, "…") != 6 {
			t.Errorf("%d cells are marked as cut:\n%s", strings.Count(text, "…"), text)
		}
	}
}

// displayWidth counts wide characters twice.
func displayWidth(s string) (n int) {
	for _, r := range s {
		n++
		if r >= 0x3000 && r < 0xa000 {
			n++
		}
	}
	return n
}

// TestLongTable goes beyond the rows by which a table is laid out.
func TestLongTable(t *testing.T) {
	db := open(t)
	text := write(t, db, "SELECT range AS n, CASE WHEN range > 5000 THEN 'longer than all before' ELSE 'x' END AS s FROM range(10000) ORDER BY n", "table", 80)
	if !strings.HasSuffix(text, "(10000 rows)\n") || strings.Count(text, "\n") != 10003 {
		t.Errorf("%d lines, ending in %q", strings.Count(text, "\n"), text[len(text)-40:])
	}
}

// TestNothingSteersTheTerminal: whatever is in a value or a name, a table
// has none but printable characters.
func TestNothingSteersTheTerminal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
		for _, r := range result.Visible(s) {
			if r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
				t.Fatalf("%q shows %q", s, r)
			}
		}
	})
}

type broken struct{ after int }

func (b *broken) Write(p []byte) (int, error) {
	if b.after -= len(p); b.after < 0 {
		return 0, errors.New("the pipe is gone")
	}
	return len(p), nil
}

// TestBrokenPipe: a reader that leaves ends the writing.
func TestBrokenPipe(t *testing.T) {
	db := open(t)
	for _, format := range append(append([]string{}, result.Formats...), "arrow") {
		n, err := writeTo(&broken{after: 100_000}, db, "SELECT range, 'some text' FROM range(200000)", format, 0)
		if engine.KindOf(err) != engine.Unavailable || n > 100_000 {
			t.Errorf("%s: %d rows, %v", format, n, err)
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	_, err := result.Write(io.Discard, nil, "xml", result.Options{})
	if engine.KindOf(err) != engine.Invalid {
		t.Error(err)
	}
}

// TestPlainRows: rows that did not come through the cage are written too.
func TestPlainRows(t *testing.T) {
	rows, err := open(t).Query("SELECT 1 AS a, {'x': '[1]'::JSON} AS s, MAP {'k': 1} AS m")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var b bytes.Buffer
	if _, err := result.Write(&b, rows, "json", result.Options{}); err != nil {
		t.Fatal(err)
	}
	if want := "[\n{\"a\":1,\"s\":{\"x\":[1]},\"m\":{\"k\":1}}\n]\n"; b.String() != want {
		t.Errorf("got %s", &b)
	}
}

func TestValue(t *testing.T) {
	got, err := json.Marshal(map[string]any{
		"big": result.Value(int64(1)<<60, "BIGINT"), "small": result.Value(int64(1), "BIGINT"),
		"json": result.Value(`{"b":1,"a":2}`, "JSON"), "text": result.Value(`{"b":1}`, "VARCHAR"),
		"struct": result.Value(map[string]any{"z": 1.5, "a": nil}, "STRUCT(z DOUBLE, a INTEGER)"),
		"bytes":  result.Value([]byte{1, 2}, "BLOB"), "nil": result.Value(nil, "VARCHAR"),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"big":"1152921504606846976","bytes":"` + base64.StdEncoding.EncodeToString([]byte{1, 2}) + `","json":{"b":1,"a":2},"nil":null,"small":1,"struct":{"z":1.5,"a":null},"text":"{\"b\":1}"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestTypeRoundTrip: what DuckDB says of a type is read, and what is written
// means the same to it.
func TestTypeRoundTrip(t *testing.T) {
	db := open(t)
	for _, q := range append(queries, struct{ name, query string }{"all", "FROM test_all_types()"}) {
		if q.name == "explain" || q.name == "show" {
			continue
		}
		rows, err := db.Query("SELECT column_type FROM (DESCRIBE " + q.query + ")")
		if err != nil {
			t.Fatal(err)
		}
		var types []string
		for rows.Next() {
			var s string
			if err := rows.Scan(&s); err != nil {
				t.Fatal(err)
			}
			types = append(types, s)
		}
		rows.Close()
		for _, s := range types {
			if s == "STRUCT(INTEGER, VARCHAR)" {
				continue // of row(): cannot be written
			}
			var again string
			if err := db.QueryRow("SELECT typeof(NULL::" + result.ParseType(s).String() + ")").Scan(&again); err != nil || again != s {
				t.Errorf("%s: %s became %s (%v)", q.name, s, again, err)
			}
		}
	}
}

func FuzzParseType(f *testing.F) {
	for _, s := range []string{
		"STRUCT(a INTEGER, \"b c\" DECIMAL(9,2)[])", "MAP(VARCHAR, INTEGER[])[3]", "ENUM('a', 'b''(')", "STRUCT(INTEGER, DECIMAL(9,2))",
		"TIMESTAMP WITH TIME ZONE", "UNION(a INTEGER", "STRUCT(((", "[]][", "\"", "MAP", "LIST", "\"NULL\"[]",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		typ := result.ParseType(s)
		_ = typ.String()
		for _, v := range []any{nil, int64(1), "x", []any{int64(1), nil}, map[string]any{"a": 1}} {
			_ = result.Text(v, s)
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	db := open(b)
	const query = `SELECT range AS id, 'service-' || (range % 10) AS service, range * 1.5 AS ms, now() + to_seconds(range) AS at,
		{'status': 200, 'path': '/x'} AS http, MAP {'region': 'eu'} AS labels, range::DECIMAL(18,2) AS amount FROM range(50000)`
	for _, format := range append(append([]string{}, result.Formats...), "arrow") {
		b.Run(format, func(b *testing.B) {
			for b.Loop() {
				if _, err := writeTo(io.Discard, db, query, format, 120); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(50000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

package pipeline_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/engine/schema"
	"tidemark.dev/tidemark/engine/store"
)

// bench is a store and the folders around it.
type bench struct {
	t   failer
	dir string
	*store.Store
	settle func(from, to engine.Type) engine.Settler // nil for the usual one
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir()}
	for _, d := range []string{"staging", "scratch", "in"} {
		if err := os.Mkdir(filepath.Join(b.dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	b.open()
	t.Cleanup(func() { b.Store.Close() })
	return b
}

// failer is a test, or one case of a property.
type failer interface {
	Context() context.Context
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) open() {
	b.t.Helper()
	settle := b.settle
	if settle == nil {
		settle = schema.NewSettler
	}
	s, err := store.Open(context.Background(), store.Options{
		Path: filepath.Join(b.dir, "db"), Staging: filepath.Join(b.dir, "staging"),
		Readable: []string{filepath.Join(b.dir, "scratch")}, Threads: 2, Memory: 1_000_000_000, Settle: settle,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.Store = s
}

// object writes a file and gives the task of reading it.
func (b *bench) object(name, text string) pipeline.Task {
	b.t.Helper()
	path := filepath.Join(b.dir, "in", name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return task(path)
}

func task(path string) pipeline.Task {
	info, err := os.Stat(path)
	if err != nil {
		panic(err)
	}
	return pipeline.Task{Object: engine.Object{
		Source: "src", Key: filepath.Base(path), URL: path, ETag: fmt.Sprint(info.Size()), Size: info.Size(), Modified: time.Unix(1767225600, 0),
	}}
}

func (b *bench) options() pipeline.Options {
	return pipeline.Options{
		Dataset: "logs", Source: "src", Format: "auto", Mapping: engine.Mapping{Envelope: schema.DefaultEnvelope()}, FindTime: true,
		Staging: filepath.Join(b.dir, "staging"), Scratch: filepath.Join(b.dir, "scratch"), Workers: 2, Store: b.Store,
		Fetch: func(_ context.Context, o engine.Object) (pipeline.Local, error) {
			return pipeline.Local{Path: o.URL}, nil
		},
	}
}

func (b *bench) pull(opt pipeline.Options, tasks ...pipeline.Task) pipeline.Counts {
	b.t.Helper()
	counts, err := pipeline.Pull(context.Background(), opt, tasks)
	if err != nil {
		b.t.Fatal(err)
	}
	if counts.Read != counts.Records+counts.Quarantined+counts.Dropped+counts.Duplicates {
		b.t.Fatalf("counts do not add up: %+v", counts)
	}
	return counts
}

// rows runs a query and gives its rows, each as its columns' text.
func (b *bench) rows(query string) []string {
	b.t.Helper()
	rows, err := b.Store.QueryContext(context.Background(), query)
	if err != nil {
		b.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var out []string
	columns, _ := rows.Columns()
	for rows.Next() {
		text := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range text {
			into[i] = &text[i]
		}
		if err := rows.Scan(into...); err != nil {
			b.t.Fatal(err)
		}
		var parts []string
		for _, t := range text {
			if t.Valid {
				parts = append(parts, t.String)
			} else {
				parts = append(parts, "-")
			}
		}
		out = append(out, strings.Join(parts, " | "))
	}
	if err := rows.Err(); err != nil {
		b.t.Fatal(err)
	}
	return out
}

func (b *bench) want(query string, want ...string) {
	b.t.Helper()
	if diff := cmp.Diff(want, b.rows(query)); diff != "" {
		b.t.Errorf("%s (-want +got)\n%s", query, diff)
	}
}

// unable is a settler whose rows cannot be loaded: like a process that ends
// between a commit and its settling.
type unable struct{ engine.Settler }

func (unable) Settle([]byte) (body, left []byte, changed bool) { return []byte("no JSON"), nil, true }

func TestWhatACrashLeavesUnsettledIsSettledAtTheNextOpen(t *testing.T) {
	b := newBench(t)
	b.settle = func(from, to engine.Type) engine.Settler { return unable{schema.NewSettler(from, to)} }
	b.reopen()
	b.pull(b.options(), b.object("a.json", `{"n":1,"foo":[]}`))
	long := strings.Repeat(`{"n":2,"foo":[]}`+"\n", 1<<17) // more than what is looked at ahead
	if _, err := pipeline.Pull(t.Context(), b.options(), []pipeline.Task{b.object("b.json", long+`{"n":3,"foo":["x"]}`)}); err == nil {
		t.Fatal("settling did not fail")
	}
	b.want(`SELECT count(*) FILTER (rest IS NOT NULL) > 100000, count(*) FILTER (body.foo IS NOT NULL) FROM logs WHERE body.n > 1`, `true | 1`)
	b.settle = nil
	b.reopen()
	b.want(`SELECT count(*) FILTER (rest IS NOT NULL), count(*) FILTER (body.foo IS NULL) FROM logs WHERE body.n > 1`, `0 | 0`)
	b.want(`SELECT count(*) FROM tidemark.unsettled`, `0`)
}

func TestFoundingExampleEndToEnd(t *testing.T) {
	b := newBench(t)
	b.pull(b.options(), b.object("a.json", `{"foo": [], "bar": {}, "baz": null}`))
	b.want(`SELECT column_type FROM (DESCRIBE logs) WHERE column_name = 'body'`, `STRUCT(_ BOOLEAN)`)
	b.pull(b.options(), b.object("b.json", `{"foo": [{"hello": ["world"]}], "bar": {"a": 1}, "baz": "x"}`))
	b.want(`SELECT column_type FROM (DESCRIBE logs) WHERE column_name = 'body'`, `STRUCT(foo STRUCT(hello VARCHAR[])[], bar STRUCT(a BIGINT), baz VARCHAR)`)
	b.want(`SELECT body.foo[1].hello[1], body.bar.a::VARCHAR, body.baz, rest::VARCHAR FROM logs ORDER BY _seq`,
		`- | - | - | {"foo":[],"bar":{},"baz":null}`, `world | 1 | x | -`)
	versions, err := b.History(context.Background(), "logs")
	if err != nil || len(versions) != 2 || versions[1].Major {
		t.Fatalf("%+v %v", versions, err)
	}
	if err := b.Merge(context.Background(), "logs"); err != nil {
		t.Fatal(err)
	}
	b.want(`SELECT count(*)::VARCHAR FROM tidemark.segments`, "1")
	b.want(`SELECT to_json(body)::VARCHAR, rest::VARCHAR FROM logs ORDER BY _seq`,
		`{"foo":[],"bar":{"a":null},"baz":null} | -`, `{"foo":[{"hello":["world"]}],"bar":{"a":1},"baz":"x"} | -`)
}

func TestWhatDoesNotFitIsKept(t *testing.T) {
	b := newBench(t)
	counts := b.pull(b.options(), b.object("a.ndjson", `{"ts":"2026-01-01T00:00:00Z","svc":"a","n":1}
{"ts":"2026-01-01T00:00:01.5+02:00","svc":"a","n":"many"}
not json
{"ts":"soon","svc":"b","n":2}
{"ts":"2026-01-01T00:00:02Z","svc":"c"}{"ts":"2026-01-01T00:00:03Z","svc":"d"}
[1,2]
{"ts":"2026-01-01T00:00:04Z","svc":"e","n":3`))
	if counts.Records != 5 || counts.Quarantined != 3 || counts.Untimed != 1 {
		t.Fatalf("%+v", counts)
	}
	b.want(`SELECT epoch_us(event_time)::VARCHAR, service, body.n::VARCHAR, rest::VARCHAR, body.ts, split_part(_position, '#', 2) FROM logs ORDER BY _seq`,
		`1767225600000000 | a | 1 | - | - | 1`,
		`1767218401500000 | a | - | {"n":"many"} | 2026-01-01T00:00:01.5+02:00 | 2`,
		`- | b | 2 | - | soon | 4`,
		`1767225602000000 | c | - | - | - | 5`,
		`1767225603000000 | d | - | - | - | 5`)
	b.want(`SELECT split_part(position, '#', 2), reason, got, decode(raw) FROM tidemark.quarantine ORDER BY id`,
		`3 | not a JSON value | byte 1 | not json`,
		`6 | the record is not an object but a list | byte 1 | [1,2]`,
		`7 | the record ends early | byte 45 | {"ts":"2026-01-01T00:00:04Z","svc":"e","n":3`)
	b.want(`SELECT path, want, got, count::VARCHAR FROM tidemark.conflicts`, `n | bigint | text | 1`)
}

func TestParquetAndLinesMeet(t *testing.T) {
	b := newBench(t)
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	path := filepath.Join(b.dir, "in", "a.parquet")
	if _, err := db.Exec(`COPY (SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_seconds(i::DOUBLE) AS ts, 'web' AS service, i::INTEGER AS n, {'a': i, 'b': 'x'::BLOB} AS o, TIME '10:00:00' AS tm FROM range(3) t(i)) TO '` + path + `' (FORMAT parquet)`); err != nil {
		t.Fatal(err)
	}
	counts := b.pull(b.options(), task(path), b.object("b.ndjson", `{"ts":"2026-01-01T00:00:10Z","service":"web","n":7,"o":{"a":9}}`))
	if counts.Records != 4 {
		t.Fatalf("%+v", counts)
	}
	b.want(`SELECT epoch_us(event_time)::VARCHAR, service, body.n::VARCHAR, body.o::VARCHAR, body.tm, split_part(_position, '#', 2), _seq IS NOT NULL FROM logs ORDER BY event_time`,
		`1767225600000000 | web | 0 | {'a': 0, 'b': 'eA=='} | 10:00:00 | 1 | true`,
		`1767225601000000 | web | 1 | {'a': 1, 'b': 'eA=='} | 10:00:00 | 2 | true`,
		`1767225602000000 | web | 2 | {'a': 2, 'b': 'eA=='} | 10:00:00 | 3 | true`,
		`1767225610000000 | web | 7 | {'a': 9, 'b': NULL} | - | 1 | true`)
	b.want(`SELECT records::VARCHAR, state, format FROM tidemark.objects ORDER BY key`, `3 | done | parquet`, `1 | done | json`)
}

// parquet writes a query's rows into a file and gives the task of reading it.
func (b *bench) parquet(name, query string) pipeline.Task {
	b.t.Helper()
	return b.parquetBy(name, query, 122880)
}

// parquetBy is the same with so many rows in a group.
func (b *bench) parquetBy(name, query string, rows int) pipeline.Task {
	b.t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		b.t.Fatal(err)
	}
	defer db.Close()
	path := filepath.Join(b.dir, "in", name)
	if _, err := db.Exec("COPY (" + query + ") TO " + engine.QuoteText(path) + fmt.Sprintf(" (FORMAT parquet, ROW_GROUP_SIZE %d)", rows)); err != nil {
		b.t.Fatal(err)
	}
	return task(path)
}

// TestTablesTogether loads files that one scan can read, and others between
// them, whose columns have the names that the load itself uses.
func TestTablesTogether(t *testing.T) {
	b := newBench(t)
	like := func(n int) string {
		return fmt.Sprintf(`SELECT CASE WHEN i > 0 THEN TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_seconds((%[1]d + i)::DOUBLE) END AS ts, i + %[1]d AS i,
			'u%[1]d' AS url, {'i': i} AS f, {'i': 7} AS o, 'first' AS first, '' AS source, '' AS filename FROM range(3) t(i)`, n)
	}
	counts := b.pull(b.options(),
		b.parquet("a.parquet", like(10)),
		b.parquet("b.parquet", `SELECT TIMESTAMPTZ '2026-01-01 00:01:00+00' AS ts, 20 AS file_row_number, 21 AS file_index`),
		b.parquet("c.parquet", like(30)),
		b.parquet("d.parquet", `SELECT TIMESTAMPTZ '2026-01-01 00:02:00+00' AS ts, 40::INTEGER AS i`))
	if counts.Records != 8 || counts.Untimed != 2 {
		t.Fatalf("%+v", counts)
	}
	b.want(`SELECT split_part(parse_filename(_position), '#', 1), split_part(_position, '#', 2), epoch(event_time)::BIGINT - 1767225600,
		body.i, body.url, body.f.i, body.o.i, body.first, body.file_row_number, body.file_index FROM logs ORDER BY _seq`,
		"a.parquet | 1 | - | 10 | u10 | 0 | 7 | first | - | -",
		"a.parquet | 2 | 11 | 11 | u10 | 1 | 7 | first | - | -",
		"a.parquet | 3 | 12 | 12 | u10 | 2 | 7 | first | - | -",
		"b.parquet | 1 | 60 | - | - | - | - | - | 20 | 21",
		"c.parquet | 1 | - | 30 | u30 | 0 | 7 | first | - | -",
		"c.parquet | 2 | 31 | 31 | u30 | 1 | 7 | first | - | -",
		"c.parquet | 3 | 32 | 32 | u30 | 2 | 7 | first | - | -",
		"d.parquet | 1 | 120 | 40 | - | - | - | - | - | -")
}

// TestReplacedRowsLetGo pulls objects anew until most of the table is gone.
func TestReplacedRowsLetGo(t *testing.T) {
	b := newBench(t)
	size := func() (kept int) {
		table := b.rows(`SELECT max(table_name) FROM tidemark.segments`)[0]
		rows := b.rows(`SELECT sum(count)::BIGINT FROM pragma_storage_info('segment.` + table + `') WHERE column_name = '_seq' AND segment_type = 'BIGINT'`)
		fmt.Sscan(rows[0], &kept)
		return kept
	}
	whole := strings.Repeat("{\"a\":1}\n", 1000)
	tasks := []pipeline.Task{b.object("a", whole), b.object("b", "{\"a\":2}\n")}
	b.pull(b.options(), tasks...)
	if err := b.Merge(t.Context(), "logs"); err != nil || size() != 1001 {
		t.Fatalf("%d rows are kept, %v", size(), err)
	}
	less := b.object("a", "{\"a\":3}\n")
	less.Replace = true
	b.pull(b.options(), less)
	if err := b.Merge(t.Context(), "logs"); err != nil || size() != 2 {
		t.Errorf("%d rows are kept, %v", size(), err)
	}
	b.want(`SELECT body.a FROM logs ORDER BY 1`, "2", "3")
}

func TestDedupKeepsTheFirst(t *testing.T) {
	b := newBench(t)
	opt := b.options()
	opt.Dedup = engine.Path{"body", "id"}
	one := b.pull(opt, b.object("a", `{"id":"x","v":1}
{"id":"x","v":2}
{"v":3}
{"v":4}`))
	two := b.pull(opt, b.object("b", `{"id":"x","v":5}
{"id":"y","v":6}`))
	if one.Duplicates != 1 || two.Duplicates != 1 || one.Records != 3 || two.Records != 1 {
		t.Fatalf("%+v %+v", one, two)
	}
	b.want(`SELECT body.v::VARCHAR FROM logs ORDER BY _seq`, "1", "3", "4", "6")
}

func TestCSVIsTypedWhole(t *testing.T) {
	b := newBench(t)
	var text strings.Builder
	text.WriteString("timestamp,service,n\n")
	for i := range 30000 {
		fmt.Fprintf(&text, "2026-01-01T00:00:%02dZ,web,%d\n", i%60, i)
	}
	text.WriteString("2026-01-01T00:01:00Z,web,last\n")
	counts := b.pull(b.options(), b.object("a.csv", text.String()))
	if counts.Records != 30001 {
		t.Fatalf("%+v", counts)
	}
	b.want(`SELECT typeof(body.n), max(event_time)::VARCHAR FROM logs GROUP BY 1`, "VARCHAR | 2026-01-01 00:01:00+00")
}

// TestCutObjectAddsUp: what follows the last record of an object that is cut
// off is one entry of quarantine, and counted as read by the ledger too.
func TestCutObjectAddsUp(t *testing.T) {
	b := newBench(t)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	for i := range 2000 {
		fmt.Fprintf(w, "{\"n\":%d,\"text\":\"%x\"}\n", i, sha256.Sum256(fmt.Append(nil, i)))
	}
	b.must(w.Close())
	counts := b.pull(b.options(), b.object("a.gz", packed.String()[:packed.Len()/2]), b.object("b", "\x00\x01 no format"))
	if counts.Read != counts.Records+counts.Quarantined || counts.Records == 0 {
		t.Errorf("%+v", counts)
	}
	b.want(`SELECT key, records = stored + quarantined, quarantined > 0 FROM tidemark.objects ORDER BY key`, "a.gz | true | true", "b | true | true")
}

func TestAServerThatGoesAwayEndsThePull(t *testing.T) {
	b := newBench(t)
	var tasks []pipeline.Task
	for i := range 300 {
		tasks = append(tasks, b.object(fmt.Sprintf("%03d.json", i), fmt.Sprintf("{\"n\":%d}\n", i)))
	}
	opt := b.options()
	fetch := opt.Fetch
	var asked atomic.Int64
	gone := func(err error) func(context.Context, engine.Object) (pipeline.Local, error) {
		return func(ctx context.Context, o engine.Object) (pipeline.Local, error) {
			if asked.Add(1); o.Key >= "100.json" {
				return pipeline.Local{}, engine.Errorf(engine.Unavailable, "get "+o.Key, "%w", err)
			}
			return fetch(ctx, o)
		}
	}
	opt.Fetch = gone(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED})
	counts, err := pipeline.Pull(context.Background(), opt, tasks)
	if !errors.Is(err, syscall.ECONNREFUSED) || counts.Records != 100 || asked.Load() > 250 {
		t.Errorf("%v, %d records, %d asked", err, counts.Records, asked.Load())
	}
	b.want("SELECT count(*) FROM logs", "100")
	// One that answers is asked for everything.
	opt.Fetch, opt.Store = gone(errors.New("access denied")), b.Store
	if counts, err = pipeline.Pull(context.Background(), opt, tasks[100:]); err == nil || counts.Failed == 0 {
		t.Errorf("nothing to be had: %+v, %v", counts, err)
	}
	opt.Dataset = "others"
	if counts, err = pipeline.Pull(context.Background(), opt, tasks); err != nil || counts.Failed != 200 || counts.Records != 100 {
		t.Errorf("%+v, %v", counts, err)
	}
}

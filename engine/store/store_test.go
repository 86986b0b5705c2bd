package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
)

// desk is a store on a real database file, and the folders around it.
type desk struct {
	t   testing.TB
	dir string
	*store.Store
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	d := &desk{t: t, dir: t.TempDir()}
	for _, name := range []string{"staging", "scratch"} {
		if err := os.Mkdir(filepath.Join(d.dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	d.open()
	t.Cleanup(func() { d.Store.Close() })
	return d
}

func (d *desk) open() {
	d.t.Helper()
	s, err := store.Open(d.t.Context(), store.Options{
		Path: filepath.Join(d.dir, "db"), Staging: filepath.Join(d.dir, "staging"),
		Readable: []string{filepath.Join(d.dir, "scratch")}, Threads: 2, Memory: 500_000_000,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.Store = s
}

func (d *desk) reopen() {
	d.t.Helper()
	if err := d.Store.Close(); err != nil {
		d.t.Fatal(err)
	}
	d.open()
}

// rows runs a query and gives its rows, each as its columns' text.
func (d *desk) rows(query string) []string {
	d.t.Helper()
	rows, err := d.QueryContext(context.Background(), query)
	if err != nil {
		d.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	out := []string{}
	for rows.Next() {
		text := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range text {
			into[i] = &text[i]
		}
		if err := rows.Scan(into...); err != nil {
			d.t.Fatal(err)
		}
		parts := make([]string, len(text))
		for i, s := range text {
			parts[i] = "-"
			if s.Valid {
				parts[i] = s.String
			}
		}
		out = append(out, strings.Join(parts, " | "))
	}
	if err := rows.Err(); err != nil {
		d.t.Fatal(err)
	}
	return out
}

func (d *desk) want(query string, want ...string) {
	d.t.Helper()
	if want == nil {
		want = []string{}
	}
	if diff := cmp.Diff(want, d.rows(query)); diff != "" {
		d.t.Errorf("%s (-want +got)\n%s", query, diff)
	}
}

// everything is all that a transaction can change, as text.
func (d *desk) everything() string {
	d.t.Helper()
	var b strings.Builder
	for _, table := range d.rows(`SELECT schema_name || '."' || table_name || '"' FROM duckdb_tables() ORDER BY ALL`) {
		fmt.Fprintln(&b, table)
		for _, row := range d.rows("SELECT t::VARCHAR FROM " + table + " AS t ORDER BY ALL") {
			fmt.Fprintln(&b, "  "+row)
		}
	}
	for _, view := range d.rows(`SELECT replace(sql, '"', '') FROM duckdb_views() WHERE NOT internal ORDER BY ALL`) {
		fmt.Fprintln(&b, view)
	}
	return b.String()
}

var (
	base = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	body = engine.StructOf(engine.Field{Name: "n", Type: engine.Scalar(engine.BigInt)}, engine.Field{Name: "s", Type: engine.Scalar(engine.Varchar)})
)

// batch stages lines, of which each is the part of a row behind its _seq.
func (d *desk) batch(lines ...string) engine.Batch {
	d.t.Helper()
	var text bytes.Buffer
	first := d.AllocateSeq(int64(len(lines)))
	for i, l := range lines {
		fmt.Fprintf(&text, `{"_o":0,"_r":%d,"_seq":%d,%s}`+"\n", i+1, first+int64(i), l)
	}
	path := filepath.Join(d.dir, "staging", fmt.Sprintf("%d.ndjson", first))
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return engine.Batch{
		Dataset: "logs", Lines: path, Rows: int64(len(lines)), Longest: text.Len(), Ingest: base,
		Origins: []engine.Origin{{Source: "src", URL: "s3://b/k", Arrival: base}},
	}
}

func version(n int, body engine.Type) *engine.SchemaVersion {
	return &engine.SchemaVersion{Dataset: "logs", Version: n, Author: "inference", At: base, Body: body, Changes: []string{"+ n bigint"}}
}

func (d *desk) commit(b engine.Batch) engine.Committed {
	d.t.Helper()
	done, err := d.Commit(d.t.Context(), b)
	if err != nil {
		d.t.Fatal(err)
	}
	return done
}

func at(offset time.Duration) string {
	return fmt.Sprintf(`"_t":%d`, base.Add(offset).UnixMicro())
}

func TestCommitIsAllOrNothing(t *testing.T) {
	d := newDesk(t)
	first := d.batch(at(0)+`,"service":"a","body":{"n":1}`, `"body":{"n":2,"s":"x"},"rest":"{\"r\":[1.10]}"`)
	first.Schema = version(1, body)
	if done := d.commit(first); done.Stored != 2 {
		t.Fatalf("%+v", done)
	}
	d.want(`SELECT event_time::VARCHAR, service, body.n::VARCHAR, body.s, rest::VARCHAR, _position FROM logs ORDER BY _seq`,
		`2026-01-01 00:00:00+00 | a | 1 | - | - | s3://b/k#1`, `- | - | 2 | x | {"r":[1.10]} | s3://b/k#2`)
	before := d.everything()

	wide := engine.StructOf(append(body.Fields[:2:2], engine.Field{Name: "more", Type: engine.Scalar(engine.Double)})...)
	for name, spoil := range map[string]func(b *engine.Batch){
		"a row that is no JSON":   func(b *engine.Batch) { appendTo(t, b.Lines, "{\"_o\":0\n") },
		"a value of another type": func(b *engine.Batch) { appendTo(t, b.Lines, `{"_o":0,"_seq":99,"body":{"n":"many"}}`+"\n") },
		"a row that went missing": func(b *engine.Batch) { b.Rows++ },
		"a row too many":          func(b *engine.Batch) { b.Rows-- },
		"no file":                 func(b *engine.Batch) { b.Lines += ".gone" },
		"a table that is none":    func(b *engine.Batch) { b.Tables = []engine.StagedTable{{Path: b.Lines, Rows: 0}} },
		"an origin that is not there": func(b *engine.Batch) {
			appendTo(t, b.Lines, `{"_o":7,"_seq":99,"body":{}}`+"\n")
			b.Origins = append(b.Origins, b.Origins[0])
			b.Rows++
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := d.batch(`"body":{"n":3}`, `"body":{"n":4}`)
			b.Schema = version(2, wide)
			b.Replace = []string{"s3://b/k"}
			b.Quarantine = []engine.Quarantined{{Source: "src", Position: "p", Reason: "r", Raw: []byte("raw")}}
			b.Conflicts = []engine.ConflictCount{{Path: "n", Want: "bigint", Got: "text", Source: "src", Count: 1}}
			b.Objects = []engine.ObjectState{{Object: engine.Object{Source: "src", Key: "k", ETag: "e"}, Done: true}}
			spoil(&b)
			if done, err := d.Commit(t.Context(), b); err == nil || done != (engine.Committed{}) {
				t.Fatalf("it was committed: %+v %v", done, err)
			}
			if diff := cmp.Diff(before, d.everything()); diff != "" {
				t.Error(diff)
			}
			if v, _ := d.Schema("logs"); v.Version != 1 {
				t.Errorf("the registry says version %d", v.Version)
			}
		})
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Commit(canceled, d.batch(`"body":{"n":3}`)); engine.KindOf(err) != engine.Canceled {
		t.Errorf("canceled: %v", err)
	}
	next := d.batch(`"body":{"n":3,"more":0.5}`)
	next.Schema = version(2, wide)
	d.commit(next)
	d.want(`SELECT body::VARCHAR FROM logs ORDER BY _seq`, `{'n': 1, 's': NULL, 'more': NULL}`, `{'n': 2, 's': x, 'more': NULL}`, `{'n': 3, 's': NULL, 'more': 0.5}`)
	after := d.everything()
	d.reopen()
	if diff := cmp.Diff(after, d.everything()); diff != "" {
		t.Errorf("reopened: %s", diff)
	}
	if seq := d.AllocateSeq(1); len(d.rows(fmt.Sprintf("SELECT 1 FROM logs WHERE _seq >= %d", seq))) > 0 {
		t.Errorf("_seq %d is given out twice", seq)
	}
}

func appendTo(t *testing.T, path, text string) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func TestLedgerKnowsHowFarItCame(t *testing.T) {
	d := newDesk(t)
	object := func(key, etag string) engine.Object {
		return engine.Object{Source: "src", Key: key, URL: "s3://b/" + key, ETag: etag, Size: 5}
	}
	steps := []struct {
		states []engine.ObjectState
		want   store.Progress
	}{
		{
			[]engine.ObjectState{{Object: object("a", "1"), Read: 3, Stored: 2, Quarantined: 1}, {Object: object("b", "1"), Done: true, Read: 9}},
			store.Progress{Done: map[string]string{"b": "1"}, Partial: map[string]store.Checkpoint{"a": {Version: "1", Records: 3, Stored: 2, Quarantined: 1}}},
		},
		{
			[]engine.ObjectState{{Object: object("a", "1"), Read: 7, Stored: 5, Quarantined: 1, Dropped: 1}},
			store.Progress{Done: map[string]string{"b": "1"}, Partial: map[string]store.Checkpoint{"a": {Version: "1", Records: 7, Stored: 5, Quarantined: 1, Dropped: 1}}},
		},
		{
			[]engine.ObjectState{{Object: object("a", "1"), Read: 8, Done: true}, {Object: object("b", "2"), Done: true, Undecodable: true}},
			store.Progress{Done: map[string]string{"a": "1", "b": "2"}, Partial: map[string]store.Checkpoint{}},
		},
	}
	for i, step := range steps {
		b := engine.Batch{Dataset: "logs", Ingest: base.Add(time.Duration(i) * time.Second), Objects: step.states}
		d.commit(b)
		d.reopen()
		got, err := d.Progress(t.Context(), "logs", "src")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("step %d: %s", i, diff)
		}
	}
	if other, err := d.Progress(t.Context(), "logs", "another"); err != nil || len(other.Done)+len(other.Partial) > 0 {
		t.Errorf("another source: %+v %v", other, err)
	}
	if err := d.ReadAgain(t.Context(), "logs", "src", "a"); err != nil {
		t.Fatal(err)
	}
	got, err := d.Progress(t.Context(), "logs", "src")
	if diff := cmp.Diff(map[string]string{"a": "", "b": "2"}, got.Done); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestQuarantineKeepsBytes(t *testing.T) {
	d := newDesk(t)
	raw := make([]byte, 256)
	for i := range raw {
		raw[i] = byte(i)
	}
	b := engine.Batch{Dataset: "logs", Ingest: base}
	for i := range 450 { // several statements
		b.Quarantine = append(b.Quarantine, engine.Quarantined{
			Source: "src", Position: fmt.Sprintf("u#%d", i), Reason: fmt.Sprintf("reason %d", i%2), Raw: raw[:i%256],
		})
	}
	b.Quarantine[3].Raw, b.Quarantine[3].Size, b.Quarantine[3].Path = nil, 1<<40, "a.b"
	d.commit(b)
	all, err := d.Quarantine(t.Context(), store.QuarantineFilter{})
	if err != nil || len(all) != 450 {
		t.Fatal(len(all), err)
	}
	if odd, err := d.Quarantine(t.Context(), store.QuarantineFilter{Reason: "reason 1"}); err != nil || len(odd) != 225 {
		t.Fatal(len(odd), err)
	}
	for i, e := range all {
		if e.Position != fmt.Sprintf("u#%d", i) {
			t.Fatalf("entry %d is %s", i, e.Position)
		}
	}
	if e := all[3]; e.Bytes != 1<<40 || e.Path != "a.b" {
		t.Errorf("%+v", e)
	}
	if _, got, err := d.QuarantineRaw(t.Context(), all[255].ID); err != nil || !bytes.Equal(got, raw[:255]) {
		t.Errorf("%x %v", got, err)
	}
	if n, err := d.Discard(t.Context(), []int64{all[255].ID, all[0].ID, all[0].ID, -1}); err != nil || n != 2 {
		t.Fatal(n, err)
	}
	if _, _, err := d.QuarantineRaw(t.Context(), all[255].ID); engine.KindOf(err) != engine.NotFound {
		t.Error(err)
	}
	if left, _ := d.Quarantine(t.Context(), store.QuarantineFilter{}); len(left) != 448 {
		t.Error(len(left))
	}
	if gone, err := d.Discarded(t.Context(), store.QuarantineFilter{}); err != nil || len(gone) != 2 {
		t.Error(gone, err)
	}
	if n, err := d.Restore(t.Context(), []int64{all[255].ID}); err != nil || n != 1 {
		t.Error(n, err)
	}
	if _, got, err := d.QuarantineRaw(t.Context(), all[255].ID); err != nil || !bytes.Equal(got, raw[:255]) {
		t.Errorf("%x %v", got, err)
	}
	groups, err := d.QuarantineGroups(t.Context(), store.QuarantineFilter{})
	total := int64(0)
	for _, g := range groups {
		total += g.Count
	}
	if err != nil || total != 449 || len(groups) != 3 || groups[2].Path != "a.b" {
		t.Errorf("%+v %v", groups, err)
	}
}

// TestWatermarkNeverGoesBack is the fifth law.
func TestWatermarkNeverGoesBack(t *testing.T) {
	d := newDesk(t)
	first := true
	var last, newest time.Time
	rapid.Check(t, func(t *rapid.T) {
		offset := time.Duration(rapid.IntRange(-5000, 5000).Draw(t, "offset")) * time.Second
		lateness := time.Duration(rapid.IntRange(0, 600).Draw(t, "lateness")) * time.Second
		b := d.batch(at(offset) + `,"body":{"n":1}`)
		if first {
			b.Schema, first = version(1, body), false
		}
		d.commit(b)
		w, err := d.AdvanceWatermark(context.Background(), "logs", lateness, 5*time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		stored, _, err := d.Watermark(context.Background(), "logs")
		if err != nil || !stored.Equal(w) {
			t.Fatalf("stored %v, returned %v: %v", stored, w, err)
		}
		if w.Before(last) {
			t.Fatalf("it went back from %v to %v", last, w)
		}
		if came := base.Add(offset); offset <= 5*time.Minute && came.After(newest) {
			newest = came
		}
		want := last
		if next := newest.Add(-lateness); !newest.IsZero() && next.After(last) {
			want = next
		}
		if !w.Equal(want) {
			t.Fatalf("it is %v and should be %v", w, want)
		}
		if limit := base.Add(5 * time.Minute); w.After(limit) {
			t.Fatalf("a clock in the future dragged it to %v", w)
		}
		last = w
	})
}

func TestReplaceTakesOnlyThatObject(t *testing.T) {
	d := newDesk(t)
	b := d.batch(`"body":{"n":1}`, `"body":{"n":2}`)
	b.Schema = version(1, body)
	b.Quarantine = []engine.Quarantined{{Position: "s3://b/k#3"}, {Position: "s3://b/k"}, {Position: "s3://b/k2#1"}}
	d.commit(b)
	longer := d.batch(`"body":{"n":3}`)
	longer.Origins[0].URL = "s3://b/k2"
	d.commit(longer)
	again := d.batch(`"body":{"n":9}`)
	again.Replace = []string{"s3://b/k"}
	d.commit(again)
	d.want(`SELECT body.n::VARCHAR, _position FROM logs ORDER BY _seq`, `3 | s3://b/k2#1`, `9 | s3://b/k#1`)
	d.want(`SELECT position FROM tidemark.quarantine`, `s3://b/k2#1`)
}

func TestRetypeIsHonest(t *testing.T) {
	list := engine.ListOf(engine.Scalar(engine.BigInt))
	for _, c := range []struct {
		from, to engine.Type
		row      string
		body     string // of n, as JSON
		rest     string
	}{
		{engine.Scalar(engine.BigInt), engine.Scalar(engine.Varchar), `"body":{"n":7}`, `"7"`, `-`},
		{engine.Scalar(engine.BigInt), engine.Scalar(engine.Varchar), `"body":{},"rest":"{\"n\":\"many\"}"`, `"many"`, `-`},
		{engine.Scalar(engine.BigInt), engine.Scalar(engine.Varchar), `"body":{},"rest":"{\"a\":[1.00000000000000000001, {\"n\":2}],\"n\":\"many\",\"s.b\":1e400}"`, `"many"`, `{"a":[1.00000000000000000001, {"n":2}],"s.b":1e400}`},
		{engine.Scalar(engine.BigInt), engine.Scalar(engine.Varchar), `"body":{},"rest":"{\"n\":1.00000000000000000001}"`, `"1.00000000000000000001"`, `-`},
		{engine.Scalar(engine.Varchar), engine.Scalar(engine.BigInt), `"body":{"n":"12"}`, `12`, `-`},
		{engine.Scalar(engine.Varchar), engine.Scalar(engine.BigInt), `"body":{"n":"1.7"}`, `null`, `{"n":"1.7"}`},
		{engine.Scalar(engine.Varchar), engine.Scalar(engine.BigInt), `"body":{"n":"x"},"rest":"{\"s.b\":1.00000000000000000001}"`, `null`, `{"s.b":1.00000000000000000001,"n":"x"}`},
		{engine.Scalar(engine.Double), engine.Scalar(engine.BigInt), `"body":{"n":1.5}`, `null`, `{"n":1.5}`},
		{engine.Scalar(engine.Varchar), engine.Scalar(engine.Bool), `"body":{"n":"yes"}`, `null`, `{"n":"yes"}`},
		{engine.Scalar(engine.Varchar), engine.Scalar(engine.Bool), `"body":{"n":"true"}`, `true`, `-`},
		{engine.ListOf(engine.Scalar(engine.Double)), list, `"body":{"n":[1.5]}`, `null`, `{"n":[1.5]}`},
		{engine.Scalar(engine.BigInt), list, `"body":{"n":3}`, `null`, `{"n":3}`},
		{engine.Scalar(engine.Timestamp), engine.Scalar(engine.BigInt), `"body":{"n":"2026-01-01T00:00:00.000000Z"},"rest":"{\"n\":\"2026-01-01T02:00:00+02:00\"}"`, `null`, `{"n":"2026-01-01T02:00:00+02:00"}`},
	} {
		t.Run(c.from.String()+" to "+c.to.String(), func(t *testing.T) {
			d := newDesk(t)
			b := d.batch(c.row)
			b.Schema = version(1, engine.StructOf(engine.Field{Name: "n", Type: c.from}))
			d.commit(b)
			if err := d.Retype(t.Context(), *version(2, engine.StructOf(engine.Field{Name: "n", Type: c.to})), engine.Path{"body", "n"}); err != nil {
				t.Fatal(err)
			}
			d.want(`SELECT to_json(body.n)::VARCHAR, rest::VARCHAR FROM logs`, strings.Replace(c.body, "null", "-", 1)+" | "+c.rest)
		})
	}
}

// TestRetypeFindsAnyName: a path's name in rest may hold what JSON paths and
// pointers give a meaning to.
func TestRetypeFindsAnyName(t *testing.T) {
	for _, name := range []string{"a b", `q"uote`, "dot.ted", "til~de", "sl/ash", "it's", "$", "*", "é"} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			key := engine.Path{name}.String()
			b := d.batch(fmt.Sprintf(`"body":{},"rest":%q`, fmt.Sprintf(`{%q:"many"}`, key)))
			b.Schema = version(1, engine.StructOf(engine.Field{Name: name, Type: engine.Scalar(engine.BigInt)}))
			d.commit(b)
			if err := d.Retype(t.Context(), *version(2, engine.StructOf(engine.Field{Name: name, Type: engine.Scalar(engine.Varchar)})), engine.Path{"body", name}); err != nil {
				t.Fatal(err)
			}
			d.want(`SELECT body.`+engine.QuoteIdent(name)+`, rest::VARCHAR FROM logs`, "many | -")
		})
	}
}

func TestDropLeavesNothing(t *testing.T) {
	d := newDesk(t)
	empty := d.everything()
	for _, name := range []string{"logs", "other"} {
		b := d.batch(`"body":{"n":1}`)
		b.Dataset, b.Schema = name, version(1, body)
		b.Schema.Dataset = name
		b.Quarantine = []engine.Quarantined{{Position: "p"}}
		b.Conflicts = []engine.ConflictCount{{Path: "n", Count: 1}}
		b.Objects = []engine.ObjectState{{Object: engine.Object{Key: "a"}, Done: true}, {Object: engine.Object{Key: "b"}}}
		d.commit(b)
	}
	d.want(`SELECT dataset, body::VARCHAR FROM all_events ORDER BY 1`, `logs | {"n":1,"s":null}`, `other | {"n":1,"s":null}`)
	if err := d.Drop(t.Context(), "logs"); err != nil {
		t.Fatal(err)
	}
	d.want(`SELECT dataset FROM all_events`, `other`)
	if err := d.Drop(t.Context(), "other"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(empty, d.everything()); diff != "" {
		t.Error(diff)
	}
	if err := d.Drop(t.Context(), "logs"); engine.KindOf(err) != engine.NotFound {
		t.Error(err)
	}
}

func TestHostileFilesHarmOnlyThemselves(t *testing.T) {
	d := newDesk(t)
	good := filepath.Join(d.dir, "scratch", "good.parquet")
	other, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Exec(`COPY (SELECT i AS n, 'text ' || i AS s, [i, i] AS l FROM range(5000) t(i)) TO '` + good + `' (FORMAT parquet)`); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	hostile := map[string][]byte{
		"nothing": nil, "magic": []byte("PAR1"), "magic twice": []byte("PAR1PAR1"), "text": []byte("hello"),
		"no footer": whole[:len(whole)/2], "no head": whole[len(whole)/2:], "footer beyond": append(whole[:len(whole)-8:len(whole)-8], "\xff\xff\xff\x7fPAR1"...),
	}
	for i := range 60 {
		b := bytes.Clone(whole)
		for range 1 + random.IntN(20) {
			b[random.IntN(len(b))] ^= byte(1 << random.IntN(8))
		}
		hostile[fmt.Sprintf("damaged %d", i)] = b
	}
	for name, data := range hostile {
		path := filepath.Join(d.dir, "scratch", "hostile")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := d.OpenForeign(t.Context(), path, "parquet", filepath.Join(d.dir, "scratch"))
		if err == nil {
			_, _, err = f.Verify(t.Context(), "")
			f.Close()
		}
		if err != nil && engine.KindOf(err) != engine.Invalid {
			t.Errorf("%s: %v is of kind %v", name, err, engine.KindOf(err))
		}
		if err == nil && !strings.HasPrefix(name, "damaged") {
			t.Errorf("%s was taken in", name)
		}
		f, err = d.OpenForeign(t.Context(), good, "parquet", filepath.Join(d.dir, "scratch"))
		if err != nil {
			t.Fatalf("after %s: %v", name, err)
		}
		if rows, _, err := f.Verify(t.Context(), ""); rows != 5000 || err != nil {
			t.Fatalf("after %s: %d rows, %v", name, rows, err)
		}
		f.Close()
		d.want(`SELECT count(*)::VARCHAR FROM tidemark.objects`, "0")
	}
	left, _ := filepath.Glob(filepath.Join(d.dir, "scratch", "csv-*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestResultsAreWritten(t *testing.T) {
	d := newDesk(t)
	b := d.batch(`"body":{"n":1,"s":"é"}`, `"body":{"n":2}`)
	b.Schema = version(1, body)
	d.commit(b)
	const query = `SELECT body.n AS n, body.s AS s FROM logs ORDER BY n`
	var parquet, arrow bytes.Buffer
	if n, err := d.WriteParquet(t.Context(), &parquet, query, time.Minute); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	path := filepath.Join(d.dir, "scratch", "out.parquet")
	if err := os.WriteFile(path, parquet.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	d.want(`SELECT n::VARCHAR, s FROM read_parquet(`+engine.QuoteText(path)+`) ORDER BY n`, "1 | é", "2 | -")
	if n, err := d.WriteArrow(t.Context(), &arrow, query, time.Minute); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	r, err := ipc.NewReader(&arrow)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	rows := int64(0)
	for r.Next() {
		rows += r.RecordBatch().NumRows()
	}
	if rows != 2 || r.Schema().Field(1).Name != "s" {
		t.Error(rows, r.Schema())
	}

	before := d.everything()
	for _, bad := range []string{
		`DELETE FROM logs`, `SELECT 1; DROP VIEW logs`, `COPY logs TO '` + path + `'`, `SELECT * FROM read_csv('/etc/passwd')`,
		`SELECT 1) TO '/tmp/x' (FORMAT csv); --`, ``, `SELEC`,
	} {
		for name, write := range map[string]func() (int64, error){
			"parquet": func() (int64, error) { return d.WriteParquet(t.Context(), new(bytes.Buffer), bad, time.Minute) },
			"arrow":   func() (int64, error) { return d.WriteArrow(t.Context(), new(bytes.Buffer), bad, time.Minute) },
		} {
			if _, err := write(); err == nil {
				t.Errorf("%s wrote %q", name, bad)
			}
		}
	}
	if diff := cmp.Diff(before, d.everything()); diff != "" {
		t.Error(diff)
	}
	if _, err := d.WriteParquet(t.Context(), brokenPipe{}, query, time.Minute); err == nil {
		t.Error("a writer that fails went unseen")
	}
	if left, _ := filepath.Glob(filepath.Join(d.dir, "staging", "result-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestNamesOfDatasets(t *testing.T) {
	for name, ok := range map[string]bool{
		"logs": true, "_l": true, "L0": true, "": false, "0l": false, "a-b": false, "a.b": false, `a"b`: false, "main": false, "TideMark": false,
		"all_events": false, strings.Repeat("a", 63): true, strings.Repeat("a", 64): false, "é": false, "a\n": false,
	} {
		if err := store.CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestADamagedDatabaseIsSaid(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "db")
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), store.Options{Path: path, Staging: dir})
	var e *engine.Error
	if !errors.As(err, &e) || e.Kind != engine.Invalid || e.Hint == "" {
		t.Fatalf("%#v", err)
	}
}

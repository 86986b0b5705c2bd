package window

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

var events = engine.Dataset{Name: "events", Body: engine.StructOf(
	engine.Field{Name: "k", Type: engine.Scalar(engine.Varchar)},
	engine.Field{Name: "v", Type: engine.Scalar(engine.BigInt)},
)}

func column(t testing.TB, name string) plan.Expr {
	t.Helper()
	p, typ, err := events.Resolve(engine.Path{name})
	if err != nil {
		t.Fatal(err)
	}
	e, err := plan.NewColumn(p, typ)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// eventsPlan counts, sums, ranks and lists v for every k.
func eventsPlan(t testing.TB, w plan.Window) *plan.Plan {
	t.Helper()
	p := &plan.Plan{Dataset: "events", Window: w}
	key, err := plan.NewKey("k", engine.Path{"body", "k"}, engine.Scalar(engine.Varchar))
	if err != nil {
		t.Fatal(err)
	}
	p.Keys = []plan.Key{key}
	half, err := plan.NewLiteral(plan.Double(0.5))
	if err != nil {
		t.Fatal(err)
	}
	for f, args := range map[plan.AggregateFunc][]plan.Expr{
		plan.Count: nil, plan.Sum: {column(t, "v")}, plan.Min: {column(t, "v")}, plan.Last: {column(t, "v")}, plan.Avg: {column(t, "v")},
		plan.Distinct: {column(t, "v")}, plan.Collect: {column(t, "v")}, plan.Quantile: {column(t, "v"), half},
	} {
		a, err := plan.NewAggregate(f, args)
		if err != nil {
			t.Fatal(err)
		}
		p.Measures = append(p.Measures, plan.Measure{Name: string(f), Expr: p.AddAggregate(a)})
	}
	return p
}

// database holds the rows that are committed.
type database struct {
	*sql.DB
	rows int64
}

func newDatabase(t testing.TB) *database {
	t.Helper()
	db, err := sql.Open("duckdb", "?threads=2")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	d := &database{DB: db}
	d.exec(t, "SET timezone = 'Asia/Kolkata'") // answers must not depend on it
	d.exec(t, "CREATE TABLE events (event_time TIMESTAMPTZ, body STRUCT(k VARCHAR, v BIGINT), _seq BIGINT, _late BOOLEAN)")
	return d
}

func (d *database) exec(t testing.TB, query string) {
	t.Helper()
	if _, err := d.Exec(query); err != nil {
		t.Fatalf("%.300v\n%.300s", err, query)
	}
}

func (d *database) Datasets(context.Context) ([]engine.Dataset, error) {
	return []engine.Dataset{events}, nil
}

func (d *database) Relation(_ string, paths []engine.Path) (string, error) {
	columns := make([]string, len(paths))
	for i, p := range paths {
		columns[i] = p.SQL() + " AS " + engine.QuoteIdent(p.String())
	}
	return "(SELECT " + strings.Join(columns, ", ") + " FROM events)", nil
}

// record is one event of a test.
type record struct {
	at time.Time
	k  string
	v  int64
}

func (r record) values(columns []engine.Path) []plan.Value {
	out := make([]plan.Value, len(columns))
	for i, p := range columns {
		switch p.String() {
		case "event_time":
			out[i] = plan.Time(r.at)
		case "body.k":
			out[i] = plan.Text(r.k)
		case "body.v":
			out[i] = plan.Int(r.v)
		}
	}
	return out
}

func (d *database) add(t testing.TB, batch []record) int64 {
	var values []string
	for _, r := range batch {
		d.rows++
		values = append(values, fmt.Sprintf("(make_timestamptz(%d), {'k': '%s', 'v': %d}, %d, false)", r.at.UnixMicro(), r.k, r.v, d.rows))
	}
	if len(values) > 0 {
		d.exec(t, "INSERT INTO events VALUES "+strings.Join(values, ", "))
	}
	return d.rows
}

func windows(t *rapid.T) plan.Window {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return rapid.SampledFrom([]plan.Window{
		{Size: 10 * time.Second},
		{Size: 10 * time.Second, Offset: 3 * time.Second},
		{Kind: plan.Hopping, Size: 10 * time.Second, Every: 4 * time.Second},
		{Kind: plan.Cumulate, Size: 12 * time.Second, Every: 4 * time.Second},
		{Kind: plan.Session, Gap: 5 * time.Second},
		{Size: time.Minute, Zone: berlin},
		{Kind: plan.Hopping, Size: 24 * time.Hour, Every: 6 * time.Hour, Zone: berlin},
	}).Draw(t, "window")
}

func batches(t *rapid.T) (out [][]record) {
	for range rapid.IntRange(1, 8).Draw(t, "batches") {
		var batch []record
		for range rapid.IntRange(0, 6).Draw(t, "records") {
			batch = append(batch, record{
				at(rapid.IntRange(0, 60).Draw(t, "at")), rapid.SampledFrom([]string{"a", "b"}).Draw(t, "k"), rapid.Int64Range(-3, 9).Draw(t, "v"),
			})
		}
		out = append(out, batch)
	}
	return out
}

func configs(t *rapid.T, p *plan.Plan) Config {
	firing := func(name string) Firing {
		return rapid.SampledFrom([]Firing{{}, {Count: 1}, {Count: 2}, {Every: 3 * time.Second}, {Never: true}}).Draw(t, name)
	}
	return Config{
		Plan: p, Early: firing("early"), Late: firing("late"),
		Accumulation: rapid.SampledFrom([]Accumulation{Accumulating, Discarding, Retracting}).Draw(t, "accumulation"),
		Allowed:      rapid.SampledFrom([]time.Duration{0, 5 * time.Second, 20 * time.Second, Forever}).Draw(t, "allowed"),
		Mode:         rapid.SampledFrom([]Mode{Update, Update, Discard}).Draw(t, "mode"),
	}
}

// The same panes come from SQL over a table as from rows in memory.
func TestTableIsAsMemory(t *testing.T) {
	db := newDatabase(t)
	ctx := context.Background()
	rapid.Check(t, func(r *rapid.T) {
		db.exec(t, "TRUNCATE events")
		db.rows = 0
		p := eventsPlan(t, windows(r))
		c := configs(r, p)
		m := NewMemory(p)
		one, two := New(c, m), New(c, NewTable(p, db, db))
		watermark, now := 0, 1000
		check := func(what string, a, b []Pane, errs ...error) {
			for _, err := range errs {
				if err != nil {
					r.Fatalf("%s: %v", what, err)
				}
			}
			if x, y := panesText(a), panesText(b); x != y {
				r.Fatalf("%s: in memory\n%s\nin SQL\n%s", what, x, y)
			}
		}
		for _, batch := range batches(r) {
			now += rapid.IntRange(0, 5).Draw(r, "passes")
			a, err := one.Pass(ctx, at(now))
			b, err2 := two.Pass(ctx, at(now))
			check("time passes", a, b, err, err2)
			for _, rec := range batch {
				m.Add(rec.values(m.Columns()))
			}
			upTo := db.add(t, batch)
			a, dropped, err := one.Arrived(ctx, upTo)
			b, dropped2, err2 := two.Arrived(ctx, upTo)
			check("a batch", a, b, err, err2)
			if dropped != dropped2 {
				r.Fatalf("dropped %d in memory, %d in SQL", dropped, dropped2)
			}
			watermark += rapid.IntRange(0, 15).Draw(r, "advance")
			a, err = one.Advance(ctx, at(watermark))
			b, err2 = two.Advance(ctx, at(watermark))
			check("the watermark", a, b, err, err2)
		}
		a, err := one.Advance(ctx, EndOfInput)
		b, err2 := two.Advance(ctx, EndOfInput)
		check("the end", a, b, err, err2)
		if one.Open() != 0 {
			r.Fatalf("%d windows are open after the end", one.Open())
		}
	})
}

func panesText(panes []Pane) string {
	var b strings.Builder
	for _, p := range panes {
		fmt.Fprintf(&b, "%v %v %s %d %v %v %d %v\n", p.Window, p.Keys, p.Timing, p.Index, p.Final, p.Retraction, p.Records, p.Measures)
	}
	return b.String()
}

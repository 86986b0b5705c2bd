package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/engine/source/kinesis"
	"tidemark.dev/tidemark/internal/clocktest"
	"tidemark.dev/tidemark/internal/kinesistest"
)

// tide is a store and a stream that flows into it.
type tide struct {
	*bench
	*kinesistest.Server
	clock *clocktest.Clock
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newTide(t *testing.T, shards int) *tide {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	clock := clocktest.New(noon)
	s := kinesistest.New(clock)
	t.Cleanup(s.Close)
	s.CreateStream("app", shards)
	return &tide{newBench(t), s, clock}
}

func (f *tide) source() *kinesis.Source {
	f.t.Helper()
	s, err := kinesis.New(f.t.Context(), kinesis.Config{
		Name: "live", Stream: "app", Endpoint: f.URL, Region: kinesistest.Region, Start: kinesis.Horizon, Clock: f.clock,
		Wait: func(ctx context.Context, d time.Duration) error {
			f.clock.Move(d)
			select {
			case <-time.After(time.Millisecond):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

func (f *tide) live() pipeline.LiveOptions {
	f.t.Helper()
	from, err := f.Checkpoints(f.t.Context(), "logs", "live")
	if err != nil {
		f.t.Fatal(err)
	}
	o := f.options()
	o.Source = "live"
	return pipeline.LiveOptions{Options: o, From: from, Every: 5 * time.Millisecond}
}

// tail runs until the table has so many rows, or set aside records.
func (f *tide) tail(o pipeline.LiveOptions, rows int64) pipeline.Counts {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 30*time.Second)
	defer cancel()
	var mu sync.Mutex
	var stored int64
	before := o.Report
	o.Report = func(c pipeline.Counts) {
		mu.Lock()
		defer mu.Unlock()
		stored = c.Records + c.Quarantined
		if stored >= rows {
			cancel()
		}
		if before != nil {
			before(c)
		}
	}
	counts, err := pipeline.Tail(ctx, o, f.source())
	if err != nil {
		f.t.Fatal(err)
	}
	if counts.Records+counts.Quarantined < rows {
		f.t.Fatalf("%+v, want %d", counts, rows)
	}
	return counts
}

func TestTail(t *testing.T) {
	f := newTide(t, 2)
	for i := range 1000 {
		f.clock.Move(time.Millisecond)
		f.Put("app", fmt.Sprint(i), fmt.Appendf(nil, `{"ts":"2026-03-01T11:59:%02d.%03dZ","level":"INFO","id":%d}`, i/100, i%100, i))
	}
	c := f.tail(f.live(), 1000)
	if c.Read != 1000 || c.Records != 1000 {
		t.Errorf("%+v", c)
	}
	f.want(`SELECT count(*), count(DISTINCT body.id), count(DISTINCT _position), count(DISTINCT _seq), min(event_time), min(arrival_time), any_value(_source) FROM logs`,
		"1000|1000|1000|1000|2026-03-01T11:59:00Z|2026-03-01T12:00:00.001Z|live")
	f.want(`SELECT count(*) FROM logs WHERE NOT regexp_matches(_position, '^app/shardId-00000000000[01]#4966[0-9]{52}$')`, "0")
	f.want(`SELECT count(*) FROM tidemark.shards WHERE sequence IS NOT NULL`, "2")

	f.Put("app", "x", []byte(`{"ts":"2026-03-01T12:00:01Z","level":"INFO","id":1000}`))
	f.tail(f.live(), 1)
	f.want(`SELECT count(*), count(DISTINCT body.id) FROM logs`, "1001|1001")
}

// want compares the one row of a query, its values joined by bars.
func (f *tide) want(query, want string) {
	f.t.Helper()
	if got := strings.Join(f.texts(query), "|"); got != want {
		f.t.Errorf("%s\n got %s\nwant %s", query, got, want)
	}
}

func (f *tide) texts(query string) []string {
	f.t.Helper()
	rows, err := f.QueryContext(f.t.Context(), query)
	if err != nil {
		f.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	values, at := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		at[i] = &values[i]
	}
	if !rows.Next() {
		return nil
	}
	if err := rows.Scan(at...); err != nil {
		f.t.Fatal(err)
	}
	var out []string
	for _, v := range values {
		if t, ok := v.(time.Time); ok {
			v = t.UTC().Format(time.RFC3339Nano)
		}
		out = append(out, fmt.Sprint(v))
	}
	return out
}

// TestTailTakesWhatComes: records of any look, in one stream.
func TestTailTakesWhatComes(t *testing.T) {
	f := newTide(t, 1)
	at := noon.Add(-time.Minute)
	f.Put("app", "a", []byte(`{"time":"2026-03-01T11:58:00Z","level":"INFO","message":"plain"}`))
	f.Put("app", "a", []byte("{\"time\":\"2026-03-01T11:58:01Z\",\"message\":\"two\"}\n{\"time\":\"2026-03-01T11:58:02Z\",\"message\":\"lines\"}\n"))
	f.Put("app", "a", kinesistest.Aggregate(
		kinesistest.UserRecord{Key: "a", Data: []byte(`{"time":"2026-03-01T11:58:03Z","message":"packed"}`)},
		kinesistest.UserRecord{Key: "a", Data: kinesistest.Subscription("/app", "s", kinesistest.LogEvent{ID: "e0", At: at, Message: `{"message":"nested"}`})},
	))
	f.Put("app", "a", kinesistest.Subscription("/app", "s",
		kinesistest.LogEvent{ID: "e1", At: at, Message: "first of a subscription"}, kinesistest.LogEvent{ID: "e2", At: at, Message: "second"}))
	f.Put("app", "a", kinesistest.Control())
	f.Put("app", "a", []byte{0, 1, 2, 3, 250})
	f.Put("app", "a", []byte(`{"time":"2026-03-01T11:58:04Z","message":"last"}`))
	c := f.tail(f.live(), 9)
	if c.Records != 8 || c.Quarantined != 1 || c.Dropped != 1 || c.Read != c.Records+c.Quarantined+c.Dropped {
		t.Errorf("%+v", c)
	}
	f.want(`SELECT string_agg(message, ',' ORDER BY _seq) FROM logs`, "plain,two,lines,packed,nested,first of a subscription,second,last")
	f.want(`SELECT count(DISTINCT _position) FROM logs`, "8")
	f.want(`SELECT count(*) FROM logs WHERE event_time IS NULL`, "0")
	f.want(`SELECT count(*), any_value(hex(raw)) FROM tidemark.quarantine`, "1|00010203FA")
}

// TestTailSurvives: the process dies at any moment, while shards are split;
// every record is there once.
func TestTailSurvives(t *testing.T) {
	f := newTide(t, 2)
	rng := rand.New(rand.NewPCG(7, 7))
	id := 0
	for range 25 {
		for range 50 + rng.IntN(200) {
			f.Put("app", fmt.Sprint(id), fmt.Appendf(nil, `{"ts":"2026-03-01T12:00:00Z","id":%d}`, id))
			id++
		}
		if rng.IntN(3) == 0 {
			open := f.OpenShards("app")
			f.Split("app", open[rng.IntN(len(open))])
		}
		f.killed(rng)
	}
	f.tail(f.live(), 0)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := f.live()
	o.Committed = func(ctx context.Context, _ pipeline.Commit) error {
		if f.texts(`SELECT count(*) FROM logs`)[0] == fmt.Sprint(id) {
			cancel()
		}
		return nil
	}
	o.Every = time.Millisecond
	if f.texts(`SELECT count(*) FROM logs`)[0] != fmt.Sprint(id) {
		if _, err := pipeline.Tail(ctx, o, f.source()); err != nil {
			t.Fatal(err)
		}
	}
	f.want(`SELECT count(*), count(DISTINCT body.id), count(DISTINCT _position) FROM logs`, fmt.Sprintf("%d|%[1]d|%[1]d", id))
}

var errDied = errors.New("the process died")

// dying fails a commit, before or after the store has made it.
type dying struct {
	pipeline.Store
	left  int
	after bool
}

func (d *dying) Commit(ctx context.Context, b engine.Batch) (engine.Committed, error) {
	d.left--
	if d.left >= 0 {
		return d.Store.Commit(ctx, b)
	}
	if d.after {
		if done, err := d.Store.Commit(ctx, b); err != nil {
			return done, err
		}
	}
	return engine.Committed{}, errDied
}

// killed tails until a commit fails, then opens the database anew.
func (f *tide) killed(rng *rand.Rand) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 50*time.Millisecond+time.Duration(rng.IntN(100))*time.Millisecond)
	defer cancel()
	o := f.live()
	o.Store = &dying{Store: f.Store, left: rng.IntN(3), after: rng.IntN(2) == 0}
	o.Every = time.Millisecond
	if _, err := pipeline.Tail(ctx, o, f.source()); err != nil && !errors.Is(err, errDied) {
		f.t.Fatal(err)
	}
	if err := f.Store.Close(); err != nil {
		f.t.Fatal(err)
	}
	f.open()
}

// TestTailEndsWithItsStore: a store that cannot write ends a tail, although
// its stream brings nothing more by which it would notice.
func TestTailEndsWithItsStore(t *testing.T) {
	f := newTide(t, 2)
	f.Put("app", "k", []byte(`{"ts":"2026-03-01T12:00:00Z","id":1}`))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o := f.live()
	o.Store = &dying{Store: f.Store}
	if _, err := pipeline.Tail(ctx, o, f.source()); !errors.Is(err, errDied) || ctx.Err() != nil {
		t.Errorf("%v, %v", err, ctx.Err())
	}
}

// TestTailCommitsTheWatermark with the rows it follows from.
func TestTailCommitsTheWatermark(t *testing.T) {
	f := newTide(t, 1)
	put := func(id, second int) {
		f.Put("app", "k", fmt.Appendf(nil, `{"ts":"2026-03-01T12:00:%02dZ","id":%d}`, second, id))
	}
	put(1, 30)
	put(2, 10)
	o := f.live()
	o.Advance = func(m map[string]pipeline.Moments) (time.Time, []engine.ShardMark) {
		var newest int64
		for _, s := range m {
			newest = max(newest, slices.Max(append(s.Times, 0)))
		}
		if newest == 0 {
			return time.Time{}, nil
		}
		at := time.UnixMicro(newest).UTC().Add(-5 * time.Second)
		return at, []engine.ShardMark{{Shard: "shardId-000000000000", At: at, Seen: noon}}
	}
	f.tail(o, 2)
	f.want(`SELECT watermark FROM tidemark.watermarks`, "2026-03-01T12:00:25Z")
	marks, err := f.Marks(t.Context(), "logs", "live")
	if err != nil || len(marks) != 1 || !marks[0].Seen.Equal(noon) {
		t.Errorf("%+v %v", marks, err)
	}
	put(3, 20) // behind the watermark
	put(4, 40)
	next := f.live()
	next.Advance, next.Watermark = o.Advance, time.Date(2026, 3, 1, 12, 0, 25, 0, time.UTC)
	c := f.tail(next, 2)
	if c.Late != 1 {
		t.Errorf("%+v", c)
	}
	f.want(`SELECT string_agg(body.id, ',') FROM logs WHERE _late`, "3")
	f.want(`SELECT watermark FROM tidemark.watermarks`, "2026-03-01T12:00:35Z")
}

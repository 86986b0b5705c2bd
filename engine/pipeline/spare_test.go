package pipeline_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
)

// wasteful is a stream of one shard that writes over the bytes and the texts of
// records as soon as the sink says that it may.
type wasteful struct {
	calls [][]string
	spare int // calls that were spare
}

func (w *wasteful) Shards() []engine.ShardState { return nil }

func (w *wasteful) Tail(ctx context.Context, _ []engine.Checkpoint, sink func(context.Context, engine.Arrivals) error) error {
	at := noon
	for n, call := range w.calls {
		var room []byte
		text := func(s string) []byte {
			room = append(slices.Grow(room, len(s)), s...)
			return room[len(room)-len(s):]
		}
		room = make([]byte, 0, 1<<16)
		spare := false
		a := engine.Arrivals{Checkpoint: engine.Checkpoint{Source: "live", Stream: "app", Shard: "0", Sequence: fmt.Sprint(n)}, Spare: &spare}
		for i, s := range call {
			at = at.Add(time.Second)
			sequence := text(fmt.Sprintf("%03d%03d", n, i))
			a.Records = append(a.Records, engine.Arrival{Data: text(s), Sequence: unsafe.String(unsafe.SliceData(sequence), len(sequence)), Time: at})
		}
		if err := sink(ctx, a); err != nil {
			return err
		}
		if spare {
			w.spare++
			for i := range room {
				room[i] = '?'
			}
		}
		clear(a.Records)
	}
	return nil
}

// TestSpareRecords: what the stream uses again is nothing that anybody still
// needs: a line in quarantine, one that waits for its type, what was the example of a
// conflict.
func TestSpareRecords(t *testing.T) {
	b := newBench(t)
	run, spare := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		line := rapid.SampledFrom([]string{
			`{"ts":"2026-03-01T12:00:00Z","level":"INFO","id":1,"message":"all is well here, and it takes a while to say so"}`,
			`{"ts":"2026-03-01T12:00:00Z","level":"WARN","id":2}`, `{"ts":"2026-03-01T12:00:00Z","level":"WARN","id":"two"}`,
			`{"ts":"2026-03-01T12:00:00Z","level":"INFO","new":{"path":1.5}}`, `{"ts":"2026-03-01T12:00:00Z","other":["a"]}`, `{"id":`, `no JSON at all`, ``, "{\"id\":1}\n{\"id\":2}",
		})
		calls := rapid.SliceOfN(rapid.SliceOfN(line, 0, 6), 1, 6).Draw(t, "calls")
		plain := slices.Repeat([]string{`{"ts":"2026-03-01T12:00:00Z","level":"INFO","id":3}`}, 4)
		calls = append([][]string{plain, plain}, calls...)
		w := &wasteful{calls: calls}
		used := tailed(t, b, fmt.Sprintf("spare_%d", run), w, nil)
		spare += w.spare
		if kept := tailed(t, b, fmt.Sprintf("spare_%d", run), careful{w}, nil); used != kept {
			t.Fatalf("used again:\n%s\nnot used again:\n%s", used, kept)
		}
	})
	if spare == 0 {
		t.Error("nothing was used again")
	}
}

// TestGuessedRecords: a record that looks like the plain ones before it, and is
// not one, becomes what it is anyway. Under a quota each is looked at.
func TestGuessedRecords(t *testing.T) {
	b := newBench(t)
	run := 0
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	fmt.Fprint(z, `{"id":7}`)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		run++
		line := rapid.SampledFrom([]string{
			`{"ts":"2026-03-01T12:00:00Z","id":1}`, `{"id":2,"ts":"2026-03-01T12:00:00Z"}`, ` {"id":3} `, `{}`, `{"id":4,"id":5}`, `{"id":6,"new":1}`,
			`{"ts":"2026-03-01T12:00:00Z","id":1}`, `{"ts":"2026-03-01T12:00:00Z","id":8}`,
			"{\"id\":1}\n{\"id\":2}", `{"id":1}{"id":2}`, `[{"id":1},{"id":2}]`, zipped.String(), `{"id":10`, `{"id":11}}`, "text\nof two lines", `{"id":"\xff"}`,
			`{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","subscriptionFilters":["f"],"logEvents":[{"id":"a","timestamp":1772366400000,"message":"{\"id\":12}"},{"id":"a","timestamp":1772366400001,"message":"m"}]}`,
			`{"Records":[{"id":13},{"id":14}]}`,
		})
		calls := rapid.SliceOfN(rapid.SliceOfN(line, 0, 6), 1, 8).Draw(t, "calls")
		plain := slices.Repeat([]string{`{"ts":"2026-03-01T12:00:00Z","id":3}`, `{"id":3}`}, 2)
		w := &wasteful{calls: append([][]string{plain, plain}, calls...)}
		guessed := tailed(t, b, fmt.Sprintf("guess_%d", run), w, nil)
		if looked := tailed(t, b, fmt.Sprintf("guess_%d", run), w, &pipeline.Quota{PerSecond: 1e9, Over: "block"}); guessed != looked {
			t.Fatalf("guessed:\n%s\nlooked at:\n%s", guessed, looked)
		}
	})
}

// tailed reads a stream into a dataset, and says all that became of it.
func tailed(t *rapid.T, b *bench, dataset string, stream engine.Stream, quota *pipeline.Quota) string {
	opt := b.options()
	opt.Dataset, opt.Source = dataset, "live"
	if _, err := pipeline.Tail(context.Background(), pipeline.LiveOptions{Options: opt, Every: time.Millisecond, Quota: quota}, stream); err != nil {
		t.Fatal(err)
	}
	rows, err := b.DB().Query(fmt.Sprintf(`SELECT coalesce(to_json(r)::VARCHAR, '') FROM (SELECT * EXCLUDE (ingest_time, _seq) FROM %[1]s) AS r
		UNION ALL SELECT reason || ' ' || coalesce(position, '') || ' ' || hex(raw) FROM tidemark.quarantine WHERE dataset = '%[1]s'
		UNION ALL SELECT path || ' ' || want || ' ' || got || ' ' || count || ' ' || coalesce(example, '') FROM tidemark.conflicts WHERE dataset = '%[1]s' ORDER BY 1`, dataset))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if err := b.Drop(context.Background(), dataset); err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, "\n")
}

// careful is a stream whose records stay.
type careful struct{ *wasteful }

func (c careful) Tail(ctx context.Context, from []engine.Checkpoint, sink func(context.Context, engine.Arrivals) error) error {
	return c.wasteful.Tail(ctx, from, func(ctx context.Context, a engine.Arrivals) error {
		a.Spare = nil
		return sink(ctx, a)
	})
}

package pipeline_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/engine/schema"
	"tidemark.dev/tidemark/engine/store"
)

// replay reads entries of quarantine once more, as the workbench does.
func (b *bench) replay(opt pipeline.Options, entries []store.QuarantineEntry) (pipeline.Counts, error) {
	opt.Fetch = func(ctx context.Context, o engine.Object) (pipeline.Local, error) {
		id, _ := strconv.ParseInt(o.Key, 10, 64)
		_, raw, err := b.QuarantineRaw(ctx, id)
		if err != nil {
			return pipeline.Local{}, err
		}
		path := filepath.Join(b.dir, "in", "entry-"+o.Key)
		return pipeline.Local{Path: path}, os.WriteFile(path, raw, 0o600)
	}
	var tasks []pipeline.Task
	for _, e := range entries {
		object, number, _ := strings.Cut(e.Position, "#")
		row, _ := strconv.ParseInt(number, 10, 64)
		tasks = append(tasks, pipeline.Task{Entry: e.ID, Record: row, Head: e.Head, Object: engine.Object{
			Source: "src", Key: strconv.FormatInt(e.ID, 10), URL: object, ETag: "x", Size: e.Bytes, Modified: e.At,
		}})
	}
	return pipeline.Pull(context.Background(), opt, tasks)
}

// TestCountsAlwaysAddUp pulls, replays, discards, restores and changes types
// in any order. Whatever is done, each record is stored once, or stands in
// quarantine once, or was discarded; and the ledger says the same.
func TestCountsAlwaysAddUp(t *testing.T) {
	b := newBench(t)
	cases := 0
	rapid.Check(t, func(t *rapid.T) {
		b := &bench{t: t, dir: b.dir, Store: b.Store}
		opt := b.options()
		cases++
		opt.Dataset = fmt.Sprintf("d%d", cases)
		opt.Strict = rapid.Bool().Draw(t, "strict")
		in := 0
		for step := range rapid.IntRange(2, 6).Draw(t, "steps") {
			in += b.someStep(t, opt, step)
			b.want(strings.ReplaceAll(fmt.Sprintf(`WITH o AS (FROM tidemark.objects WHERE DATASET), q AS (SELECT count(*) AS n FROM tidemark.quarantine WHERE DATASET),
				d AS (SELECT count(*) AS n FROM tidemark.discarded WHERE DATASET), s AS (SELECT %s AS n)
				SELECT q.n + d.n + s.n, coalesce((SELECT sum(quarantined) FROM o), 0) = q.n + d.n, coalesce((SELECT sum(stored) FROM o), 0) = s.n,
				(SELECT coalesce(sum(records), 0)::BIGINT FROM o) FROM q, d, s`, b.stored(opt.Dataset)), "DATASET", "dataset = '"+opt.Dataset+"'"),
				fmt.Sprintf("%d | true | true | %[1]d", in))
		}
	})
}

// someStep does one thing to a dataset; it gives how many records came in.
func (b *bench) someStep(t *rapid.T, opt pipeline.Options, step int) (in int) {
	ctx := context.Background()
	some := func(all []store.QuarantineEntry, err error) []store.QuarantineEntry {
		b.must(err)
		return slices.DeleteFunc(all, func(store.QuarantineEntry) bool { return rapid.Bool().Draw(t, "not this") })
	}
	mine := store.QuarantineFilter{Dataset: opt.Dataset}
	switch rapid.SampledFrom([]string{"pull", "pull", "replay", "discard", "restore", "type"}).Draw(t, "what") {
	case "pull":
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{
			`{"a":1}`, `{"a":"x"}`, `{"b":{"c":[1,2]}}`, `{"a":1.5}`, `not json`, `{"a":`, `[1]`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", `{"a":1,"a":2}`, "\x00",
		}), 1, 6).Draw(t, "lines")
		if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
			n := rapid.IntRange(1, 4).Draw(t, "flows")
			b.pull(opt, b.object(fmt.Sprintf("%s-%d.log", opt.Dataset, step), chosenFlows+strings.Repeat(flow14, n)))
			return n + 1
		}
		b.pull(opt, b.object(fmt.Sprintf("%s-%d.ndjson", opt.Dataset, step), `{"a":7}`+"\n"+strings.Join(lines, "\n")))
		return len(lines) + 1
	case "replay":
		_, err := b.replay(opt, some(b.Quarantine(ctx, mine)))
		b.must(err)
	case "discard":
		_, err := b.Discard(ctx, ids(some(b.Quarantine(ctx, mine))))
		b.must(err)
	case "restore":
		_, err := b.Restore(ctx, ids(some(b.Discarded(ctx, mine))))
		b.must(err)
	case "type":
		b.setType(opt.Dataset, engine.Path{"body", "a"}, engine.Scalar(rapid.SampledFrom([]engine.TypeKind{engine.Varchar, engine.BigInt, engine.JSON}).Draw(t, "type")))
	}
	return 0
}

// chosenFlows is a flow log with chosen fields and a whole record, flow14 a
// line that has too few for it and would be one of a log with the usual ones.
const (
	chosenFlows = "version vpc-id subnet-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status region\n" +
		"5 vpc-1 subnet-1 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 1 1700000000 1700000001 ACCEPT OK eu-west-1\n"
	flow14 = "2 123456789012 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 1 1700000000 1700000001 ACCEPT OK\n"
)

// A line that was set aside is replayed under the header that it stood under.
func TestReplayKnowsTheHeader(t *testing.T) {
	b := newBench(t)
	for name, object := range map[string]string{
		"flows": chosenFlows + flow14,
		"edge": "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method\n" +
			"2026-01-01\t00:00:00\tFRA1\t10\t10.0.0.1\tGET\n2026-01-01\t00:00:00\tFRA1\n",
		"web": "#Version: 1.0\n#Date: 2026-01-02 00:00:00\n#Fields: time cs-method cs-uri-stem\n00:00:00\tGET\t/\n00:00:01\n",
	} {
		opt := b.options()
		opt.Dataset = name
		counts := b.pull(opt, b.object(name, object))
		if counts.Records != 1 || counts.Quarantined != 1 {
			t.Fatalf("%s: %+v", name, counts)
		}
		set := store.QuarantineFilter{Dataset: name}
		before, err := b.Quarantine(context.Background(), set)
		b.must(err)
		again, err := b.replay(opt, before)
		b.must(err)
		after, err := b.Quarantine(context.Background(), set)
		b.must(err)
		if again.Records != 0 || again.Quarantined != 1 || len(after) != 1 || after[0].Reason != before[0].Reason || after[0].Head != before[0].Head || after[0].Position != before[0].Position {
			t.Errorf("%s: %+v\n%+v\n%+v", name, again, before, after)
		}
		_, err = b.DB().Exec(fmt.Sprintf(`UPDATE tidemark.quarantine SET raw = encode(%s) WHERE dataset = '%s'`, engine.QuoteText(map[string]string{
			"flows": strings.TrimSpace(strings.Split(chosenFlows, "\n")[1]), "edge": "2026-01-01\t00:00:05\tFRA1\t10\t10.0.0.1\tGET", "web": "00:00:05\tGET\t/x",
		}[name]), name))
		b.must(err)
		if again, err = b.replay(opt, after); err != nil || again.Records != 1 {
			t.Errorf("%s, made whole: %+v %v", name, again, err)
		}
		b.want(fmt.Sprintf(`SELECT count(DISTINCT keys)::VARCHAR, count(*)::VARCHAR, count(event_time)::VARCHAR FROM (SELECT body::JSON::VARCHAR <> '' AS keys, event_time FROM %s)`, name), "1 | 2 | 2")
	}
}

func ids(entries []store.QuarantineEntry) []int64 {
	out := []int64{}
	for _, e := range entries {
		out = append(out, e.ID)
	}
	return out
}

// stored is how many rows the dataset has, as SQL.
func (b *bench) stored(dataset string) string {
	if _, has := b.Schema(dataset); !has {
		return "0"
	}
	return "(SELECT count(*) FROM " + dataset + ")"
}

func (b *bench) setType(dataset string, path engine.Path, to engine.Type) {
	v, has := b.Schema(dataset)
	if !has {
		return
	}
	body, change, err := schema.SetType(v.Body, path[1:], to)
	b.must(err)
	if change == (schema.Change{}) {
		return
	}
	v.Version, v.Author, v.Body, v.Changes, v.Major = v.Version+1, "person", body, []string{change.String()}, change.Major()
	b.must(b.Retype(context.Background(), v, path))
}

// TestReplayIsOneTransaction: an entry leaves with the batch that has its
// record, so that a replay that was broken off stores nothing twice.
func TestReplayIsOneTransaction(t *testing.T) {
	b := newBench(t)
	opt := b.options()
	opt.Strict = true
	b.pull(opt, b.object("a.ndjson", `{"n":1}`))
	b.pull(opt, b.object("b.ndjson", "{\"n\":\"x\"}\n{\"m\":{\"k\":true}}\n{\"n\":2.5}\n{\"n\":2}"))
	b.want(`SELECT position[-2:], reason, path, want, got FROM tidemark.quarantine ORDER BY id`,
		"#1 | the schema is strict and a value has another type | n | bigint | text",
		"#2 | the schema is strict and does not have one of its paths | m | - | object",
		"#3 | the schema is strict and a value has another type | n | bigint | number")
	b.setType("logs", engine.Path{"body", "n"}, engine.Scalar(engine.Double))
	entries, err := b.Quarantine(t.Context(), store.QuarantineFilter{Path: "n"})
	if err != nil || len(entries) != 2 {
		t.Fatal(entries, err)
	}
	counts, err := b.replay(opt, entries)
	if err != nil || counts.Records != 1 || counts.Quarantined != 1 {
		t.Fatalf("%+v %v", counts, err)
	}
	b.want(`SELECT split_part(parse_filename(_position), '#', 1), split_part(_position, '#', 2), body.n FROM logs ORDER BY _position`,
		"a.ndjson | 1 | 1", "b.ndjson | 3 | 2.5", "b.ndjson | 4 | 2")
	b.want(`SELECT split_part(position, '#', 2), path, want FROM tidemark.quarantine ORDER BY position`, "1 | n | double", "2 | m | -")
	b.want(`SELECT records, stored, quarantined FROM tidemark.objects ORDER BY key`, "1 | 1 | 0", "4 | 2 | 2")
}

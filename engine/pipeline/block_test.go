package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
)

// counting is a store that counts the rows it gets as blocks.
type counting struct {
	pipeline.Store
	inBlocks int64
}

func (c *counting) Commit(ctx context.Context, b engine.Batch) (engine.Committed, error) {
	for _, r := range b.Blocks {
		c.inBlocks += int64(r.Rows)
	}
	return c.Store.Commit(ctx, b)
}

// asSeen selects all that a dataset shows of its rows, and what is said of them.
const asSeen = `SELECT typeof(body), parse_filename(_position), * EXCLUDE (ingest_time, _seq, _position, body, labels, rest), body::VARCHAR, to_json(body)::VARCHAR, labels::VARCHAR, rest::VARCHAR FROM %[1]s
	UNION ALL BY NAME SELECT path AS service, want AS level, got AS message, count::VARCHAR AS span_id, example AS trace_id FROM tidemark.conflicts WHERE dataset = '%[1]s'
	UNION ALL BY NAME SELECT reason AS service, parse_filename(position) AS level, path AS message, hex(raw) AS trace_id FROM tidemark.quarantine WHERE dataset = '%[1]s'
	ORDER BY ALL`

// bothWays pulls the same as blocks and as text, wants the same rows, and says
// how many came as blocks. The datasets begin with a type, if there is one.
func (b *bench) bothWays(before *engine.Type, opt pipeline.Options, tasks ...pipeline.Task) (records, inBlocks int64) {
	b.t.Helper()
	var seen [2][]string
	var counts [2]pipeline.Counts
	for i := range seen {
		into := &counting{Store: b.Store}
		opt := opt
		opt.Store, opt.Dataset = into, fmt.Sprintf("d%d", datasets.Add(1))
		if i == 1 {
			opt = pipeline.AsText(opt)
		}
		if before != nil {
			b.must(b.Adopt(context.Background(), engine.SchemaVersion{Dataset: opt.Dataset, Version: 1, Author: "person", At: time.Unix(0, 0), Body: *before, Mapping: opt.Mapping}))
		}
		counts[i] = b.pull(opt, tasks...)
		if i == 0 {
			inBlocks = into.inBlocks
		} else if into.inBlocks > 0 {
			b.t.Fatalf("%d rows of text came as blocks", into.inBlocks)
		}
		if _, has := b.Schema(opt.Dataset); has {
			seen[i] = b.rows(fmt.Sprintf(asSeen, opt.Dataset))
			b.must(b.Drop(context.Background(), opt.Dataset))
		}
	}
	if diff := cmp.Diff(seen[1], seen[0]); diff != "" {
		b.t.Fatalf("blocks are not what text is (-text +blocks)\n%s", diff)
	}
	if diff := cmp.Diff(counts[1].Records, counts[0].Records); diff != "" {
		b.t.Fatal(diff)
	}
	return counts[0].Records, inBlocks
}

// spelled draws the text of a value, with the spellings that matter to types.
func spelled(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		top := 6
		if depth == 0 {
			top = 3
		}
		switch rapid.IntRange(0, top).Draw(t, "kind") {
		case 0:
			return rapid.SampledFrom([]string{"null", "true", "false", "[]", "{}", "{ }"}).Draw(t, "word")
		case 1:
			return rapid.SampledFrom([]string{
				"0", "-0", "-0.0", "1", "-17", "1.0", "1.7", "-2.50", "1e3", "1E+400", "1e-400", "0.1", "123456789.012345", "0.30000000000000004", "9007199254740993", "9223372036854775807", "-9223372036854775808",
				"9223372036854775808", "170141183460469231731687303715884105727", "-170141183460469231731687303715884105728", "0.1000000000000000055511151231257827", "5e-324", "1767225600", "1767225600123456789", "-1767225600.1234567",
			}).Draw(t, "number")
		case 2:
			return rapid.SampledFrom([]string{
				`"2026-01-01T00:00:00Z"`, `"2026-01-01T02:00:00+02:00"`, `"1926-01-01 00:00:00.1234567Z"`, `"2016-12-31T23:59:60Z"`, `"1969-12-31"`, `"1767225600"`, `"soon"`, `"9999-12-31"`, `"0001-01-01"`,
				`"5b8aa5a2-d2c8-72e8-321c-f37308d69df2"`, `"FB8AA5A2-d2c8-72e8-321c-f37308d69df2"`, `"12.50"`, `"-0.10"`, `"99999999.99"`, `"-0"`, `"-12345678901234567890.5"`,
			}).Draw(t, "text of another type")
		case 3:
			return rapid.SampledFrom([]string{`""`, `"x"`, `"12"`, `"\u00e9\n\"\\\/"`, `"\ud83d\ude00"`, `"\u0000"`, `"é"`, `"twelve bytes"`, `"thirteen byte"`, `"{\"a\":1}, and much more than fits"`}).Draw(t, "text")
		case 4:
			return "[" + strings.Join(rapid.SliceOfN(spelled(depth-1), 1, 3).Draw(t, "elements"), rapid.SampledFrom([]string{",", " , "}).Draw(t, "comma")) + "]"
		}
		return spelledObject(depth).Draw(t, "object")
	})
}

func spelledObject(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		names := rapid.SliceOfN(rapid.SampledFrom([]string{
			"a", "A", "b", "o", "t", "l", "ts", "message", "service", "name", "region", "level", "a.b", "", `\u0061`, `q\"`, "_", "_raw", "body", "é", "u", "d", "e", "on", "h", "many", "deep",
		}), 0, 5).Draw(t, "names")
		var members []string
		for _, name := range names {
			members = append(members, `"`+name+`":`+spelled(depth-1).Draw(t, name))
		}
		return "{" + strings.Join(members, ", ") + "}"
	})
}

// before are types that only files and people give.
func before(with ...engine.Field) *engine.Type {
	t := engine.StructOf(append(with,
		engine.Field{Name: "a", Type: engine.Scalar(engine.Double)}, engine.Field{Name: "b", Type: engine.Scalar(engine.Timestamp)},
		engine.Field{Name: "l", Type: engine.ListOf(engine.Scalar(engine.Double))},
		engine.Field{Name: "o", Type: engine.MapOf(engine.Scalar(engine.Varchar))}, engine.Field{Name: "t", Type: engine.ListOf(engine.Scalar(engine.Timestamp))},
		engine.Field{Name: "u", Type: engine.Scalar(engine.UUID)}, engine.Field{Name: "d", Type: engine.Type{Kind: engine.Decimal, Precision: 8, Scale: 2}},
		engine.Field{Name: "e", Type: engine.Type{Kind: engine.Decimal, Precision: 4, Scale: 1}}, engine.Field{Name: "é", Type: engine.Type{Kind: engine.Decimal, Precision: 38, Scale: 10}},
		engine.Field{Name: "on", Type: engine.Scalar(engine.Date)}, engine.Field{Name: "h", Type: engine.Scalar(engine.HugeInt)},
		engine.Field{Name: "many", Type: engine.MapOf(engine.ListOf(engine.Type{Kind: engine.Decimal, Precision: 15, Scale: 10}))},
		engine.Field{Name: "deep", Type: engine.ListOf(engine.ListOf(engine.StructOf(engine.Field{Name: "a", Type: engine.Scalar(engine.BigInt)}, engine.Field{Name: "o", Type: engine.MapOf(engine.ListOf(engine.Scalar(engine.UUID)))})))},
	)...)
	return &t
}

// Records become the same rows whether they reach the database as blocks or as
// text that it reads once more.
func TestBlocksAreWhatTextIs(t *testing.T) {
	b := newBench(t)
	inBlocks := int64(0)
	rapid.Check(t, func(t *rapid.T) {
		b := *b
		b.t = t
		opt := b.options()
		if rapid.Bool().Draw(t, "mapped") {
			opt.Mapping.EventTime = []engine.Path{{"ts"}, {"o", "t"}}
			opt.Mapping.Labels = []engine.Path{{"region"}, {"o", "l"}, {"region"}}
		}
		var tasks []pipeline.Task
		for i := range rapid.IntRange(1, 2).Draw(t, "objects") {
			lines := rapid.SliceOfN(spelledObject(3), 1, 6).Draw(t, "lines")
			tasks = append(tasks, b.object(fmt.Sprintf("o-%d", i), strings.Join(lines, "\n")))
		}
		var start *engine.Type
		if rapid.Bool().Draw(t, "typed") {
			start = before()
		}
		_, n := b.bothWays(start, opt, tasks...)
		inBlocks += n
	})
	if inBlocks == 0 {
		t.Error("nothing came as a block")
	}
}

// A type that blocks cannot hold takes the way of text.
func TestJSONColumnsGoAsText(t *testing.T) {
	b := newBench(t)
	start := before(engine.Field{Name: "name", Type: engine.Scalar(engine.JSON)})
	records, inBlocks := b.bothWays(start, b.options(), b.object("a", `{"name": {"b" : 1.50, "a":[ 1 ]}, "a":1}`+"\n"+`{"a":2.5}`))
	if records != 2 || inBlocks != 0 {
		t.Errorf("%d records, of which %d came as blocks", records, inBlocks)
	}
}

// blind keeps the objects from those that look ahead.
func blind(opt pipeline.Options) pipeline.Options {
	asked, fetch := false, opt.Fetch
	opt.Fetch = func(ctx context.Context, o engine.Object) (pipeline.Local, error) {
		if !asked { // the sample is the first to ask
			asked = true
			return pipeline.Local{}, errors.New("not now")
		}
		return fetch(ctx, o)
	}
	return opt
}

// A row is loaded at the type that its batch ends with: what had no type when
// the row was made must not be in the way of the type that it gets.
func TestTypesFoundInABatchFitItsFirstRows(t *testing.T) {
	for _, lines := range []string{
		`{"e":[{},{}]}` + "\n" + `{"e":[["x"]]}`,
		`{"e":[[{}]]}` + "\n" + `{"e":[[["x"]]]}`,
		`{"e":[{"a":1,"b":{}}]}` + "\n" + `{"e":[{"a":2,"b":["x"]}]}`,
		`{"e":[{"a":1,"b":[{}]}]}` + "\n" + `{"e":[{"a":2,"b":[["x"]]}]}`,
	} {
		for _, as := range []func(pipeline.Options) pipeline.Options{pipeline.AsText, func(o pipeline.Options) pipeline.Options { return o }} {
			b := newBench(t)
			first, second, _ := strings.Cut(lines, "\n")
			b.pull(b.options(), b.object("a", first))
			b.pull(as(blind(b.options())), b.object("b", first+"\n"+second))
			b.want("SELECT count(*)::VARCHAR, count(body.e) FILTER (WHERE ends_with(_position, '#2'))::VARCHAR FROM logs", "3 | 1")
		}
	}
}

// What is left of an object whose members became labels is no value of the
// type that its path gets.
func TestAnObjectWithoutATypeLeavesNothing(t *testing.T) {
	for _, as := range []func(pipeline.Options) pipeline.Options{pipeline.AsText, func(o pipeline.Options) pipeline.Options { return o }} {
		b := newBench(t)
		opt := blind(b.options())
		opt.Mapping.Labels = []engine.Path{{"o", "l"}}
		b.pull(as(opt), b.object("a", `{"o":{"l":"x"}}`+"\n"+`{"o":"text"}`+"\n"+`{"o":"more"}`))
		b.want("SELECT body.o, labels::VARCHAR, rest::VARCHAR FROM logs ORDER BY _seq", "- | {o.l=x} | -", "text | - | -", "more | - | -")
	}
}

// Rows by the thousand cross the bounds of chunks, vectors and their lists.
func TestBlocksOfManyRows(t *testing.T) {
	b := newBench(t)
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same every time
	var text strings.Builder
	for i := range 9000 {
		fmt.Fprintf(&text, `{"ts":"2026-01-01T00:00:%02dZ","service":"s%d","n":%d,"x":%g,"region":"r%d"`, i%60, r.IntN(9), r.Int64(), r.Float64()*1e3, r.IntN(3))
		if i%3 > 0 {
			fmt.Fprintf(&text, `,"text":"%s","o":{"a":%d}`, strings.Repeat("é", r.IntN(20)), i)
		}
		if i > 5000 && i%2 == 0 { // late, and sparse
			fmt.Fprintf(&text, `,"l":[%s null],"m":[{"k":[1,2],"v":null},{"v":"%d"}]`, strings.Repeat("1, null, ", r.IntN(9)), i)
		}
		if i == 7000 {
			fmt.Fprintf(&text, `,"long":[%s0]`, strings.Repeat(`1,null,`, 5000))
		}
		if i%1000 == 0 {
			text.WriteString(`,"n":"twice"`)
		}
		text.WriteString("}\n")
		if i%2500 == 0 {
			text.WriteString("no record\n")
		}
	}
	opt := b.options()
	opt.Mapping.Labels = []engine.Path{{"region"}, {"o", "a"}}
	records, inBlocks := b.bothWays(nil, opt, b.object("a", text.String()), b.object("b", text.String()))
	if records != 18000 || inBlocks < 17000 {
		t.Errorf("%d records, of which %d came as blocks", records, inBlocks)
	}
}

// TestBlocksOfOtherSuites takes the samples of many formats both ways.
func TestBlocksOfOtherSuites(t *testing.T) {
	b := newBench(t)
	var records, inBlocks int64
	for _, dir := range []string{"applogs", "otlp", "aws-events", "aws-service-logs", "weblogs", "json-suite"} {
		b.eachOf(t, dir, func(path string) {
			t.Run(dir+"/"+filepath.Base(path), func(t *testing.T) {
				b := *b
				b.t = t
				n, m := b.bothWays(nil, b.options(), task(path))
				records, inBlocks = records+n, inBlocks+m
			})
		})
	}
	if inBlocks*2 < records {
		t.Errorf("of %d records only %d came as blocks", records, inBlocks)
	}
}

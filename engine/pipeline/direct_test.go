package pipeline_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
)

// edit is a transform in Go: each value of its fields becomes what change
// makes of it; rows for which it gives false are dropped.
type edit struct {
	fields []pipeline.StageField
	change func(value string) (string, bool)
}

func (e *edit) Name() string                   { return "edit@1" }
func (e *edit) Inputs() []pipeline.StageField  { return e.fields }
func (e *edit) Outputs() []pipeline.StageField { return e.fields }

func (e *edit) Run(_ context.Context, in []engine.Column, rows int) (pipeline.StageResult, error) {
	out := pipeline.StageResult{Columns: make([]engine.Column, len(in))}
	for i := range out.Columns {
		out.Columns[i] = engine.Column{Name: in[i].Name, Type: in[i].Type, Null: []bool{}, Offsets: []uint32{0}}
	}
	for row := range rows {
		keep := true
		for i := range in {
			_, ok := e.change(string(in[i].Text(row)))
			keep = keep && (ok || in[i].IsNull(row))
		}
		if !keep {
			continue
		}
		out.Src = append(out.Src, uint32(row))
		for i := range in {
			c := &out.Columns[i]
			if c.Null = append(c.Null, in[i].IsNull(row)); !in[i].IsNull(row) {
				text, _ := e.change(string(in[i].Text(row)))
				c.Bytes = append(c.Bytes, text...)
			}
			c.Offsets = append(c.Offsets, uint32(len(c.Bytes)))
		}
	}
	return out, nil
}

// masking changes the values that have an "1" and keeps the others.
func masking(fields ...string) *edit {
	e := &edit{change: func(v string) (string, bool) {
		return string(bytes.ReplaceAll([]byte(v), []byte("1"), []byte("\"*\n"))), true
	}}
	for _, f := range fields {
		path, err := engine.ParsePath(f)
		if err != nil {
			panic(err)
		}
		e.fields = append(e.fields, pipeline.StageField{Path: path, Type: engine.Varchar})
	}
	return e
}

const everything = `SELECT split_part(_position, '/', -1), * EXCLUDE (ingest_time, _seq, _position, body, labels, rest), body::VARCHAR, labels::VARCHAR, rest::VARCHAR FROM logs ORDER BY ALL`

// tables are files whose rows have labels, nulls and texts of all kinds.
func (b *bench) tables(n, groups int) []pipeline.Task {
	row := func(i string) string {
		return `SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_seconds(` + i + `) AS ts, 'm' || (hash(` + i + `) % 40) AS msg,
			CASE WHEN hash(` + i + `) % 3 <> 0 THEN 'r' || (` + i + ` % 3) END AS region, CASE WHEN hash(` + i + ` + 1) % 3 <> 0 THEN ` + i + ` END AS shard,
			` + i + ` % 2 = 0 AS sampled, CASE WHEN ` + i + ` % 5 <> 0 THEN '10.0.0.' || (` + i + ` % 30) END AS ip, {'id': 'u' || ` + i + `, 'n': [` + i + `]} AS "user", ` + i + ` * 0.25::DOUBLE AS x`
	}
	return []pipeline.Task{
		b.parquetBy("a.parquet", row("i")+fmt.Sprintf(" FROM range(%d) t(i)", n), groups),
		b.parquetBy("b.parquet", row("i")+", 'x' || i AS more FROM range(50, 60) t(i)", groups),
		b.parquetBy("c.parquet", "SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00' AS ts, 1 AS msg, 'only' AS region", groups),
		b.parquetBy("d.parquet", row("i")+" FROM range(0) t(i)", groups),
	}
}

// direct are options whose datasets send tables through labels and transforms.
func (b *bench) direct(stages ...pipeline.Stage) pipeline.Options {
	opt := b.options()
	opt.Mapping.EventTime = []engine.Path{{"ts"}}
	opt.Mapping.Envelope["message"] = []engine.Path{{"msg"}}
	opt.Mapping.Labels = []engine.Path{{"region"}, {"shard"}, {"missing"}, {"sampled"}, {"region"}}
	opt.Stages = stages
	return opt
}

// Columns that go through labels and transforms as they are become what they
// would become as lines.
func TestTablesAsColumnsAndAsLines(t *testing.T) {
	for i, fields := range [][]string{nil, {"message"}, {"body.ip"}, {"body.ip", "message", "labels.region", "body.none"}, {"body.user.id"}, {"service"}} {
		t.Run(fmt.Sprint(fields), func(t *testing.T) {
			rows, twice := 9000, i%2 == 1 // more than a batch of a scan, and of a row group
			var got [2][]string
			var counts [2]pipeline.Counts
			for i := range got {
				b := newBench(t)
				var stages []pipeline.Stage
				if fields != nil {
					stages = append(stages, masking(fields...))
				}
				if twice {
					stages = append(stages, masking("message"))
				}
				opt := b.direct(stages...)
				if i == 1 {
					opt = pipeline.AsLines(opt)
				}
				counts[i] = b.pull(opt, b.tables(rows, 2048)...)
				counts[i].Fetched = 0
				got[i] = b.rows(everything)
			}
			if diff := cmp.Diff(got[1], got[0]); diff != "" {
				t.Fatalf("as lines (-) and as columns (+)\n%s", diff)
			}
			if diff := cmp.Diff(counts[1], counts[0]); diff != "" {
				t.Fatalf("counts as lines (-) and as columns (+)\n%s", diff)
			}
		})
	}
}

// A transform that drops records, or makes fields that a file has not, gets
// its records as lines.
func TestTransformsThatDoMoreGetLines(t *testing.T) {
	dropping := masking("message")
	dropping.change = func(v string) (string, bool) { return v, v != "m7" }
	adding := masking("body.none")
	adding.change = func(v string) (string, bool) { return v + "x", true }
	for name, s := range map[string]*edit{"drop": dropping, "add": adding} {
		var got [2][]string
		for i := range got {
			b := newBench(t)
			opt := b.direct(s)
			if i == 1 {
				opt = pipeline.AsLines(opt)
			}
			b.pull(opt, b.tables(300, 2048)...)
			got[i] = b.rows(everything)
		}
		if diff := cmp.Diff(got[1], got[0]); diff != "" || len(got[0]) == 0 {
			t.Errorf("%s: as lines (-) and as columns (+)\n%s", name, diff)
		}
	}
}

// The number of a row is its place in the file, however many threads read it.
func TestRowsOfATableKeepTheirPlace(t *testing.T) {
	for name, lines := range map[string]bool{"columns": false, "lines": true} {
		b := newBench(t)
		opt := b.direct(masking("message"))
		opt.Mapping.Labels = nil
		if lines {
			opt = pipeline.AsLines(opt)
		}
		b.pull(opt, b.parquetBy("a.parquet", `SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00' AS ts, 'm' || (i % 7) AS msg, i FROM range(60000) t(i)`, 2048))
		if got := b.rows(`SELECT count(*), count(*) FILTER (split_part(_position, '#', 2)::BIGINT = body.i + 1) FROM logs`); got[0] != "60000 | 60000" {
			t.Errorf("%s: rows, and those in their place: %s", name, got[0])
		}
	}
}

package pipeline

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/format"
	"tidemark.dev/tidemark/engine/schema"
)

// sampleObjects is how many objects, spread over all of them, are looked at
// before a pull, so that most datasets have one version from the start.
const sampleObjects = 16

// lookAhead learns the types of a sample of the objects. What it cannot read
// it leaves for the pull proper to report.
func (p *puller) lookAhead(ctx context.Context, tasks []Task, fresh bool) error {
	if p.router == nil && p.opt.Strict && !fresh {
		return nil
	}
	lines, tables, err := p.sample(ctx, tasks)
	if err != nil {
		return err
	}
	if p.router != nil {
		return p.learnRouted(ctx, lines)
	}
	p.learn(ctx, lines, tables)
	return nil
}

// learn takes up the time field and the types of a sample.
func (p *puller) learn(ctx context.Context, lines []sampled, tables [][]engine.ForeignColumn) {
	if p.opt.FindTime {
		p.opt.Mapping.EventTime = timeFields(p.opt.Formats, p.opt.Mapping.EventTime, lines, tables)
	}
	for _, columns := range tables {
		body, changes := schema.Join(p.version.Body, tableBody(columns, envelopeOf(columns, p.opt.Mapping)))
		p.adopt(body, changes, "")
	}
	var seen schema.Observation
	conform := schema.NewConformer(p.version.Body, p.opt.Mapping, p.refused)
	first := ""
	for _, l := range lines {
		if out := conform.Conform(l.raw); out.Reason == "" && out.Unknown {
			seen.Observe(conform.Line(), conform.Except())
			if first == "" {
				first = l.url
			}
		}
	}
	if first != "" {
		p.evolve(ctx, &seen, first)
	}
}

type sampled struct {
	raw []byte
	url string
}

func (p *puller) sample(ctx context.Context, tasks []Task) (lines []sampled, tables [][]engine.ForeignColumn, err error) {
	for i, t := range spread(tasks, sampleObjects) {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		local, err := p.opt.Fetch(ctx, t.Object)
		if err != nil {
			continue
		}
		r := &reading{task: t, local: local}
		l, columns := p.sampleObject(ctx, r, i == 0)
		p.counts.Fetched += r.local.Fetched
		p.sampled[t.Key] = r.local.Fetched
		lines = append(lines, l...)
		if columns != nil {
			tables = append(tables, columns)
		}
		r.release()
	}
	return lines, tables, nil
}

// spread chooses n tasks so that every kind of object has its turn, kinds
// being told by names without their digits, and the objects of a kind are far
// apart.
func spread(tasks []Task, n int) []Task {
	var order []string
	kinds := map[string][]Task{}
	for _, t := range tasks {
		kind := strings.Map(func(r rune) rune {
			if '0' <= r && r <= '9' {
				return -1
			}
			return r
		}, path.Base(t.Key))
		if kinds[kind] == nil {
			order = append(order, kind)
		}
		kinds[kind] = append(kinds[kind], t)
	}
	if len(order) > n { // names that are all different tell no kinds
		order, kinds = []string{""}, map[string][]Task{"": tasks}
	}
	var out []Task
	each := max(1, n/max(1, len(order)))
	for _, kind := range order {
		of := kinds[kind]
		for i := range min(each, len(of)) {
			out = append(out, of[i*len(of)/each])
		}
	}
	return out
}

// sampleObject reads the first chunk of an object, or the columns of a
// Parquet file. A CSV file is typed from all of its rows, so only the first
// object of all is looked at when it is one.
func (p *puller) sampleObject(ctx context.Context, r *reading, first bool) ([]sampled, []engine.ForeignColumn) {
	f, err := r.open()
	if err != nil {
		return nil, nil
	}
	defer f.Close()
	s, err := p.opt.Formats.Open(f, p.hint(r.task))
	if err != nil {
		return nil, nil
	}
	defer s.Close()
	switch {
	case p.opt.Private && (s.Format == format.Parquet || first && s.Format == format.CSV):
		return nil, p.privateColumns(ctx, r, s)
	case s.Plain() && (s.Format == format.Parquet || first && s.Format == format.CSV):
		table, err := p.opt.Store.OpenForeign(ctx, r.local.Path, string(s.Format), p.opt.Scratch)
		if err != nil {
			return nil, nil
		}
		defer table.Close()
		return nil, table.Columns()
	case !s.Columnar() && s.Format != format.Unknown:
		c, err := s.Records(chunkBytes).Next()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, nil
		}
		return p.sampleLines(c, r.task.URL), nil
	}
	return nil, nil
}

func (p *puller) sampleLines(c format.Chunk, url string) (lines []sampled) {
	protect := p.protector()
	if p.router != nil {
		protect = nil // each dataset has its own policies
	}
	for _, r := range c.Records {
		if r.Problem != "" || r.Dropped {
			continue
		}
		raw := c.Bytes(r)
		if protect != nil {
			raw = protect.Protect(raw)
		}
		lines = append(lines, sampled{raw, url})
	}
	return lines
}

// timeFields adds to the known time fields of a dataset: what decoders say, if
// any does, and the usual name under which most of the other records keep it.
func timeFields(formats *format.Table, known []engine.Path, lines []sampled, tables [][]engine.ForeignColumn) []engine.Path {
	derived := slices.ContainsFunc(known, isDerivedTime) ||
		slices.ContainsFunc(tables, func(c []engine.ForeignColumn) bool { return knownRows(formats, c) })
	var own []sampled // of no format that says it
	x := schema.NewExtractor([][]engine.Path{{schema.DerivedTime}})
	for _, l := range lines {
		if bytes.Contains(l.raw[:min(len(l.raw), 64)], []byte(derivedTimeName)) && timed(x, l) {
			derived = true
			continue
		}
		own = append(own, l)
	}
	if derived {
		known = append([]engine.Path{schema.DerivedTime}, slices.DeleteFunc(slices.Clone(known), isDerivedTime)...)
	}
	if len(known) > 0 && !isDerivedTime(known[len(known)-1]) {
		return known
	}
	return append(known, timeField(own, tables)...)
}

var derivedTimeName = schema.DerivedTime[0]

func isDerivedTime(p engine.Path) bool { return len(p) == 1 && p[0] == derivedTimeName }

// timed reports whether a line has a time where the extractor looks.
func timed(x *schema.Extractor, l sampled) bool {
	column := engine.Column{Type: engine.Timestamp}
	if !x.Find(l.raw) {
		return false
	}
	x.Append(&column, 0)
	return !column.IsNull(0)
}

// timeField finds the usual name under which most of the sample keeps its
// event time.
func timeField(lines []sampled, tables [][]engine.ForeignColumn) []engine.Path {
	for _, candidate := range schema.TimeCandidates {
		with, of := 0, 0
		x := schema.NewExtractor([][]engine.Path{{candidate}})
		for _, l := range lines {
			column := engine.Column{Type: engine.Timestamp}
			if x.Find(l.raw) {
				of++
				if x.Append(&column, 0); !column.IsNull(0) {
					with++
				}
			}
		}
		for _, columns := range tables {
			of++
			for _, c := range columns {
				if c.Name == candidate[0] && c.Type.Kind == engine.Timestamp {
					with++
				}
			}
		}
		if with > 0 && 2*with >= of {
			return []engine.Path{candidate}
		}
	}
	return nil
}

package workbench

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/schema"
	"tidemark.dev/tidemark/engine/source/parquet"
)

// shape is what files of one schema look like in the dataset.
type shape struct {
	columns []engine.ForeignColumn
	// envelope is where in a row each envelope column is, taken which columns
	// are in the envelope whole, and body the type of the others.
	envelope map[string]engine.Path
	labels   []engine.Path
	taken    []string
	body     engine.Type
}

// shapeOf finds the shape of an object. The types are those that DuckDB gives
// a file of the same schema without rows, in an instance that is thrown away
// if it fails.
func (b *Workbench) shapeOf(ctx context.Context, a *attachment, f *parquet.Footer) (*shape, error) {
	empty, err := f.Empty()
	if err != nil {
		return nil, engine.Errorf(engine.Invalid, "", "%w", err)
	}
	key := string(empty.Tail)
	if s := a.shapes[key]; s != nil {
		return s, nil
	}
	columns, ok := a.columns[key]
	if !ok {
		if columns, err = b.columnsOf(ctx, &empty); err != nil {
			return nil, err
		}
		if len(a.columns) >= maxFooters {
			a.columns, a.shapes = map[string][]engine.ForeignColumn{}, map[string]*shape{}
		}
		a.columns[key] = columns
	}
	s := newShape(columns, a.mapping)
	a.shapes[key] = s
	return s, nil
}

// columnsOf are the columns that DuckDB sees in a file.
func (b *Workbench) columnsOf(ctx context.Context, empty *parquet.Cut) ([]engine.ForeignColumn, error) {
	path, err := b.writeCut(empty)
	if err != nil {
		return nil, err
	}
	defer os.Remove(path)
	t, err := b.Store.OpenForeign(ctx, path, "parquet", b.Current().TempDir())
	if err != nil {
		return nil, err
	}
	defer t.Close()
	return t.Columns(), nil
}

// writeCut makes the file of a cut, its pieces still missing.
func (b *Workbench) writeCut(c *parquet.Cut) (path string, err error) {
	f, err := os.CreateTemp(b.Current().TempDir(), "cut-*.parquet")
	if err != nil {
		return "", engine.Errorf(engine.Unavailable, "keep a part of an object", "%w", err)
	}
	defer func() {
		if closed := f.Close(); err == nil {
			err = closed
		}
		if err != nil {
			os.Remove(f.Name())
			err = engine.Errorf(engine.Unavailable, "keep a part of an object", "%w", err).WithHint("free some disk space")
		}
	}()
	if _, err = io.WriteString(f, parquet.Head); err == nil {
		_, err = f.WriteAt(c.Tail, c.TailAt)
	}
	return f.Name(), err
}

// newShape maps the columns of a file.
func newShape(columns []engine.ForeignColumn, m engine.Mapping) *shape {
	s := &shape{columns: columns, envelope: map[string]engine.Path{}, body: engine.Type{Kind: engine.Struct}}
	for column, candidates := range m.Envelope {
		if p, t, ok := s.find(candidates); ok {
			s.envelope[column] = p
			if len(p) == 1 && t.Kind == engine.Varchar {
				s.taken = append(s.taken, p[0])
			}
		}
	}
	if p, t, ok := s.find(m.EventTime); ok {
		s.envelope["event_time"] = p
		if len(p) == 1 && t.Kind == engine.Timestamp && s.declared(p[0]) != "TIMESTAMP_NS" {
			s.taken = append(s.taken, p[0])
		}
	} else if len(m.EventTime) > 0 {
		s.envelope["event_time"] = m.EventTime[0] // is null in its rows
	}
	for _, p := range m.Labels {
		if _, t, ok := s.find([]engine.Path{p}); ok && t.Kind != engine.Struct && t.Kind != engine.List && t.Kind != engine.Map {
			s.labels = append(s.labels, p)
			if len(p) == 1 && t.Kind == engine.Varchar {
				s.taken = append(s.taken, p[0])
			}
		}
	}
	if s.declared("labels") == "MAP(VARCHAR, VARCHAR)" && len(s.labels) == 0 {
		s.taken = append(s.taken, "labels")
	}
	slices.Sort(s.taken)
	for _, c := range columns {
		if !slices.Contains(s.taken, c.Name) {
			s.body.Fields = append(s.body.Fields, engine.Field{Name: c.Name, Type: c.Type})
		}
	}
	return s
}

func (s *shape) declared(name string) string {
	for _, c := range s.columns {
		if c.Name == name {
			return c.Declared
		}
	}
	return ""
}

// find gives the first of several places that the file has.
func (s *shape) find(candidates []engine.Path) (engine.Path, engine.Type, bool) {
	whole := engine.Type{Kind: engine.Struct}
	for _, c := range s.columns {
		whole.Fields = append(whole.Fields, engine.Field{Name: c.Name, Type: c.Type})
	}
next:
	for _, p := range candidates {
		t := whole
		for _, name := range p {
			member, ok := t.Field(name)
			if !ok {
				continue next
			}
			t = member
		}
		return p, t, true
	}
	return nil, engine.Type{}, false
}

// aside lists the columns that a body cannot hold; they go to rest.
func (s *shape) aside(body engine.Type) []string {
	var out []string
	for _, f := range s.body.Fields {
		one := engine.Type{Kind: engine.Struct, Fields: []engine.Field{f}}
		if !schema.Holds(body, one) {
			out = append(out, f.Name)
		}
	}
	return out
}

// wanted turns what a query reads into columns of the file.
func (s *shape) wanted(paths []engine.Path, aside []string) [][]string {
	var out [][]string
	add := func(p engine.Path) {
		if len(p) > 0 {
			out = append(out, p)
		}
	}
	for _, p := range paths {
		switch p[0] {
		case "body":
			if len(p) > 1 {
				if !slices.Contains(aside, p[1]) && !slices.Contains(s.taken, p[1]) {
					add(p[1:])
				}
				continue
			}
			for _, f := range s.body.Fields {
				if !slices.Contains(aside, f.Name) {
					add(engine.Path{f.Name})
				}
			}
		case "rest":
			for _, name := range aside {
				add(engine.Path{name})
			}
		case "labels":
			for _, l := range s.labels {
				add(l)
			}
			if slices.Contains(s.taken, "labels") {
				add(engine.Path{"labels"})
			}
		default:
			add(s.envelope[p[0]])
		}
	}
	return out
}

// scans turns conditions on the dataset into ones on the file, as far as they
// mean the same there.
func (s *shape) scans(of []engine.Scan, aside []string) []engine.Scan {
	out := make([]engine.Scan, len(of))
	for i, scan := range of {
		for _, c := range scan.Conditions {
			switch {
			case c.Path[0] == "body" && len(c.Path) > 1:
				if slices.Contains(aside, c.Path[1]) || slices.Contains(s.taken, c.Path[1]) {
					continue
				}
				c.Path = c.Path[1:]
			case len(s.envelope[c.Path[0]]) > 0:
				c.Path = s.envelope[c.Path[0]]
				if _, _, has := s.find([]engine.Path{c.Path}); !has || c.Op == "null" {
					continue
				}
			default:
				continue
			}
			out[i].Conditions = append(out[i].Conditions, c)
		}
	}
	return out
}

// settleTime finds the event time of a dataset that nobody configured: the
// usual name that most of the first objects have as a timestamp.
func (b *Workbench) settleTime(ctx context.Context, a *attachment, looks []*look) error {
	if len(a.mapping.EventTime) > 0 {
		return nil
	}
	if v, has := b.Store.Schema(a.dataset); has {
		a.mapping.EventTime = v.Mapping.EventTime
		a.shapes = map[string]*shape{}
		return nil
	}
	var seen [][]engine.ForeignColumn
	for _, l := range looks {
		if l.damage != nil {
			continue
		}
		s, err := b.shapeOf(ctx, a, l.footer)
		switch {
		case engine.KindOf(err) == engine.Invalid:
			l.damage = err
		case err != nil:
			return err
		default:
			seen = append(seen, s.columns)
		}
	}
	for _, candidate := range schema.TimeCandidates {
		with := 0
		for _, columns := range seen {
			for _, c := range columns {
				if len(candidate) == 1 && c.Name == candidate[0] && c.Type.Kind == engine.Timestamp {
					with++
				}
			}
		}
		if with > 0 && 2*with >= len(seen) {
			a.mapping.EventTime = []engine.Path{candidate}
			a.shapes = map[string]*shape{}
			return nil
		}
	}
	return nil
}

// timePath is where a file has its event time.
func (a *attachment) timePath(f *parquet.Footer) engine.Path {
	for _, p := range a.mapping.EventTime {
		if _, _, ok := f.Span(p); ok {
			return p
		}
	}
	return nil
}

func sizeText(n int64) string {
	const units = "kMGTP"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, i := float64(n)/1000, 0
	for v >= 1000 && i < len(units)-1 {
		v, i = v/1000, i+1
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0") + " " + units[i:i+1] + "B"
}

package workbench

import (
	"context"
	"encoding/json"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/lookup"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/plugins"
)

// lookupStage fits a lookup into the pipeline: keys cross as JSON, and so do
// the values that come back.
type lookupStage struct {
	name    string
	lookup  *lookup.Lookup
	in, out []pipeline.StageField
}

func (b *Workbench) newLookupStage(ctx context.Context, l workspace.Lookup) (*lookupStage, func(), error) {
	if _, own := b.Current().Plugin(l.Name); own || b.bundledPlugin(l.Name) {
		return nil, nil, engine.Errorf(engine.Conflict, "look up "+l.Name, "there are a plugin and a lookup of that name").WithHint("give the lookup another name")
	}
	x, release, err := b.openLookup(ctx, l)
	if err != nil {
		return nil, nil, err
	}
	s := &lookupStage{name: l.Name, lookup: x}
	var in, out []plugins.Field
	for _, k := range l.Key {
		in = append(in, plugins.Field{Field: k.Value.Value, Type: "json"})
	}
	for _, t := range l.Take {
		out = append(out, plugins.Field{Field: t.Key.Value, Type: "json"})
	}
	if s.in, err = stageFields(l.Name, in); err == nil {
		s.out, err = stageFields(l.Name, out)
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return s, release, nil
}

// Name identifies the lookup in quarantine reasons.
func (s *lookupStage) Name() string { return s.name }

func (s *lookupStage) Inputs() []pipeline.StageField { return s.in }

func (s *lookupStage) Outputs() []pipeline.StageField { return s.out }

// Run looks a batch up. A record that nobody knows, and is kept, keeps what it
// has where there is no fallback.
func (s *lookupStage) Run(ctx context.Context, in []engine.Column, rows int) (pipeline.StageResult, error) {
	keys := make([][]string, rows)
	for row := range rows {
		keys[row] = keyOfRow(in, row)
	}
	answers, err := s.lookup.Batch(ctx, keys)
	if err != nil {
		return pipeline.StageResult{}, err
	}
	out := pipeline.StageResult{Columns: make([]engine.Column, len(s.out))}
	for i, f := range s.out {
		out.Columns[i] = engine.Column{Name: f.Path.String(), Type: engine.JSON, Offsets: []uint32{0}, Null: []bool{}}
	}
	last := -1
	for _, a := range answers {
		if a.Rejected != "" {
			out.Rejected = append(out.Rejected, pipeline.Rejected{Row: a.Row, Reason: a.Rejected})
			continue
		}
		if a.Drop {
			continue
		}
		out.Loose = out.Loose || a.Row < last
		last = a.Row
		out.Src = append(out.Src, uint32(a.Row))
		for i := range out.Columns {
			appendJSON(&out.Columns[i], a.Values, i)
		}
	}
	return out, nil
}

func appendJSON(c *engine.Column, values []json.RawMessage, i int) {
	none := i >= len(values) || len(values[i]) == 0
	if !none {
		c.Bytes = append(c.Bytes, values[i]...)
	}
	c.Null = append(c.Null, none)
	c.Offsets = append(c.Offsets, uint32(len(c.Bytes)))
}

// keyOfRow gives the key of a record; nil when a part of it is missing.
func keyOfRow(in []engine.Column, row int) []string {
	key := make([]string, len(in))
	for i := range in {
		if in[i].IsNull(row) {
			return nil
		}
		text, ok := keyText(in[i].Text(row))
		if !ok {
			return nil
		}
		key[i] = text
	}
	return key
}

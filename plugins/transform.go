package plugins

import (
	"context"
	"time"

	"tidemark.dev/tidemark/engine"
)

func (p *Plugin) transform() Function {
	if n := p.manifest.index(KindTransform); n >= 0 {
		return p.manifest.Functions[n]
	}
	return Function{}
}

// Inputs are the table paths whose values Transform takes, in order.
func (p *Plugin) Inputs() []Field {
	f := p.transform()
	if len(p.settings.Fields) == 0 {
		return f.Inputs
	}
	var out []Field
	for _, path := range p.settings.Fields {
		out = append(out, Field{path, f.Inputs[0].Type})
	}
	return out
}

// Outputs are the table paths that Transform gives values for, in order.
func (p *Plugin) Outputs() []Field {
	if len(p.settings.Fields) == 0 {
		return p.transform().Outputs
	}
	return p.Inputs()
}

// Result is what a transform made of its rows.
type Result struct {
	// Src is the input row of each output row, never going back.
	Src     []uint32
	Columns []engine.Column
	// Rejected rows are not in Src.
	Rejected []Rejection
}

// Rejection is a row that the plugin refused, or that broke it.
type Rejection struct {
	Row    int
	Reason string
}

// Transform runs the plugin over rows of columns, which are those of Inputs.
// A batch that breaks it is halved until the rows that do are found; those are
// rejected, and the others go on. When the search takes too long, because the
// plugin runs into its deadline again and again, the rest of the batch is
// rejected too. An error means that ctx ended.
func (p *Plugin) Transform(ctx context.Context, in []engine.Column, rows int) (*Result, error) {
	if !p.Has(KindTransform) {
		return nil, engine.Errorf(engine.Invalid, "transform "+p.name, "it has no transform")
	}
	started := time.Now()
	var out *Result
	var err error
	if len(p.settings.Fields) == 0 {
		out, err = p.run(ctx, p.manifest.index(KindTransform), in, rows)
	} else {
		out, err = p.runFields(ctx, in, rows)
	}
	if err != nil {
		return nil, err
	}
	p.stats.add(rows, len(out.Rejected), time.Since(started))
	return out, nil
}

// runFields runs a field-wise function over each column by itself.
func (p *Plugin) runFields(ctx context.Context, in []engine.Column, rows int) (*Result, error) {
	out := &Result{Columns: make([]engine.Column, len(in))}
	reasons := map[int]string{}
	made := make([]int, rows) // what each record became
	for i := range in {
		r, err := p.run(ctx, p.manifest.index(KindTransform), in[i:i+1], rows)
		if err != nil {
			return nil, err
		}
		for _, x := range r.Rejected {
			reasons[x.Row] = x.Reason
		}
		out.Columns[i] = spread(r, rows)
		out.Columns[i].Name = in[i].Name
		clear(made)
		for _, src := range r.Src {
			made[src]++
		}
		for row, n := range made {
			if n != 1 && reasons[row] == "" {
				reasons[row] = "it drops or splits records, which a function bound to fields must not"
			}
		}
	}
	kept := make([]int, 0, rows)
	for row := range rows {
		if why, bad := reasons[row]; bad {
			out.Rejected = append(out.Rejected, Rejection{row, why})
			continue
		}
		out.Src = append(out.Src, uint32(row))
		kept = append(kept, row)
	}
	if len(kept) < rows {
		for i := range out.Columns {
			out.Columns[i] = pick(&out.Columns[i], kept)
		}
	}
	return out, nil
}

// spread puts a column's values at the rows they came from.
func spread(r *Result, rows int) engine.Column {
	if len(r.Src) == rows {
		return r.Columns[0]
	}
	at := make([]int, rows)
	for i := range at {
		at[i] = -1
	}
	for i, src := range r.Src {
		at[src] = i
	}
	return pick(&r.Columns[0], at)
}

// pick makes a column of some rows of another; -1 is a null.
func pick(c *engine.Column, rows []int) engine.Column {
	out := engine.Column{Name: c.Name, Type: c.Type, Null: make([]bool, len(rows))}
	text := c.Type == engine.Varchar || c.Type == engine.JSON
	if text {
		out.Offsets = append(out.Offsets, 0)
	}
	for i, row := range rows {
		out.Null[i] = row < 0 || c.IsNull(row)
		switch {
		case text:
			if row >= 0 {
				out.Bytes = append(out.Bytes, c.Text(row)...)
			}
			out.Offsets = append(out.Offsets, uint32(len(out.Bytes)))
		case c.Type == engine.Double && row >= 0:
			out.Floats = append(out.Floats, c.Floats[row])
		case c.Type == engine.Double:
			out.Floats = append(out.Floats, 0)
		case row >= 0:
			out.Ints = append(out.Ints, c.Ints[row])
		default:
			out.Ints = append(out.Ints, 0)
		}
	}
	return out
}

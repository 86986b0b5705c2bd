package window

import (
	"context"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// Memory keeps rows in memory, numbered from 1. It computes by the plan's row
// evaluator what Table computes by SQL, and suits tests and small inputs: a
// cell looks at all rows of its group.
type Memory struct {
	plan     *plan.Plan
	columns  []engine.Path
	keep     plan.Evaluator
	keys     []plan.Evaluator
	make     []func() plan.Accumulator
	finisher *plan.Finisher
	last     int64
	rows     []memoryRow
	groups   map[string][]int
}

type memoryRow struct {
	seq   int64
	at    time.Time
	group string
	keys  []plan.Value
	env   *plan.Env
}

// NewMemory has no rows yet.
func NewMemory(p *plan.Plan) *Memory {
	m := &Memory{plan: p, columns: p.CellColumns(), finisher: p.NewFinisher(), groups: map[string][]int{}}
	if p.Where != nil {
		m.keep = plan.Compile(p.Where, m.columns)
	}
	for _, k := range p.Keys {
		m.keys = append(m.keys, plan.Compile(k.Column, m.columns))
	}
	for _, a := range p.Aggregates {
		m.make = append(m.make, a.NewAccumulator(m.columns))
	}
	return m
}

// Columns lists what each row given to Add holds, in order.
func (m *Memory) Columns() []engine.Path { return m.columns }

// Add stores a row and gives its number. Rows without an event time, and those
// that where leaves out, are counted and not kept.
func (m *Memory) Add(columns []plan.Value) int64 {
	m.last++
	env := &plan.Env{Columns: columns}
	at, timed := columns[0].Time() // event time comes first
	if !timed || m.keep != nil && !m.keep(env).True() {
		return m.last
	}
	r := memoryRow{seq: m.last, at: at, env: env}
	for _, k := range m.keys {
		r.keys = append(r.keys, k(env))
	}
	r.group = plan.KeyText(r.keys)
	m.groups[r.group] = append(m.groups[r.group], len(m.rows))
	m.rows = append(m.rows, r)
	return m.last
}

// Last is the number of the newest row.
func (m *Memory) Last() int64 { return m.last }

// Slices makes a slice of every row.
func (m *Memory) Slices(_ context.Context, after, upTo int64) (out []Slice, err error) {
	for _, r := range m.rows {
		if r.seq > after && r.seq <= upTo {
			out = append(out, Slice{Keys: r.keys, First: r.at, Last: r.at, Records: 1})
		}
	}
	return out, nil
}

// Cells computes panes.
func (m *Memory) Cells(_ context.Context, cells []plan.Cell) ([]plan.Row, error) {
	out := make([]plan.Row, len(cells))
	for i, c := range cells {
		out[i] = m.cell(c)
	}
	return out, nil
}

func (m *Memory) cell(c plan.Cell) plan.Row {
	row := plan.Row{Env: plan.Env{Keys: c.Keys}}
	acc := make([]plan.Accumulator, len(m.make))
	for i, f := range m.make {
		acc[i] = f()
	}
	for _, n := range m.groups[plan.KeyText(c.Keys)] {
		if r := m.rows[n]; holds(c, r.at, r.seq) {
			row.Records++
			for _, a := range acc {
				a.Add(r.env)
			}
		}
	}
	parts := make([][]plan.Value, len(acc))
	for i, a := range acc {
		parts[i] = a.Parts()
	}
	m.finisher.Finish(&row.Env, parts)
	return row
}

// holds reports whether a row counts for a cell.
func holds(c plan.Cell, at time.Time, seq int64) bool {
	if seq > c.UpTo {
		return false
	}
	for i, e := range c.Except {
		if e.Contains(at) && seq > e.After && seq <= c.ExceptUpTo[i] {
			return false
		}
	}
	for _, p := range c.Pieces {
		if p.Contains(at) {
			return seq > p.After
		}
	}
	return false
}

package plan

import (
	"database/sql"
	"time"
)

// Finisher turns what SQL or accumulators computed of a window into its
// measures. It is used by one goroutine.
type Finisher struct {
	plan     *Plan
	measures []Evaluator
	when     Evaluator
	targets  []any
	cells    []any
	// parts are those of the row that is read, keys those of the one before:
	// rows come by group, so that most have the same.
	parts [][]Value
	keys  []Value
}

// NewFinisher prepares the plan's measures and its condition.
func (p *Plan) NewFinisher() *Finisher {
	f := &Finisher{plan: p}
	for _, m := range p.Measures {
		f.measures = append(f.measures, Compile(m.Expr, nil))
	}
	if p.When != nil {
		f.when = Compile(p.When, nil)
	}
	width := 4 + len(p.Keys)
	for _, a := range p.Aggregates {
		width += a.parts()
		f.parts = append(f.parts, make([]Value, a.parts()))
	}
	f.cells, f.targets = make([]any, width), make([]any, width)
	for i := range f.cells {
		f.targets[i] = &f.cells[i]
	}
	return f
}

// Scan reads one row of Query and finishes it. overflow tells that a sum is
// null because of a value that was too large for it.
func (f *Finisher) Scan(rows *sql.Rows) (row Row, overflow bool, err error) {
	if err := rows.Scan(f.targets[1:]...); err != nil {
		return Row{}, false, err
	}
	row, overflow = f.row(f.cells[1:])
	return row, overflow, nil
}

// ScanPane reads one row of PaneQuery and finishes it, with the span of its
// window.
func (f *Finisher) ScanPane(rows *sql.Rows) (span Span, row Row, overflow bool, err error) {
	if err := rows.Scan(f.targets...); err != nil {
		return Span{}, Row{}, false, err
	}
	row, overflow = f.row(f.cells[1:])
	start, _ := Of(f.cells[0]).Int64()
	span = Span{time.UnixMicro(start).UTC(), time.UnixMicro(row.Window).UTC()}
	return span, row, overflow, nil
}

func (f *Finisher) row(cells []any) (row Row, overflow bool) {
	next := func() Value {
		v := Of(cells[0])
		cells = cells[1:]
		return v
	}
	row.Window, _ = next().Int64()
	row.Keys = f.group(cells[:len(f.plan.Keys)])
	cells = cells[len(f.plan.Keys):]
	row.Records, _ = next().Int64()
	row.Late, _ = next().Int64()
	for _, parts := range f.parts {
		for i := range parts {
			parts[i] = next()
		}
	}
	overflow = f.Finish(&row.Env, f.parts)
	return row, overflow
}

// group are the values of the keys, shared by the rows of one group.
func (f *Finisher) group(cells []any) []Value {
	same := f.keys != nil
	for i, c := range cells {
		same = same && Of(c).Equal(f.keys[i])
	}
	if same {
		return f.keys
	}
	f.keys = make([]Value, len(cells))
	for i, c := range cells {
		f.keys[i] = Of(c)
	}
	return f.keys
}

// Finish computes env.Aggregates from their parts and env.Measures from
// everything before; env.Keys must be set.
func (f *Finisher) Finish(env *Env, parts [][]Value) (overflow bool) {
	env.Aggregates = make([]Value, len(parts))
	for i, a := range f.plan.Aggregates {
		var over bool
		env.Aggregates[i], over = a.Finish(parts[i])
		overflow = overflow || over
	}
	f.Measure(env)
	return overflow
}

// Measure computes env.Measures from its keys and aggregates.
func (f *Finisher) Measure(env *Env) {
	env.Measures = make([]Value, 0, len(f.measures))
	for _, m := range f.measures {
		env.Measures = append(env.Measures, m(env))
	}
}

// Breaching is the plan's condition on a finished window: true, false, or
// null for a missing datapoint. A plan that looks back wants the window to
// have entered its group's Trail.
func (f *Finisher) Breaching(env *Env) Value { return f.when(env) }

// Empty is the row of a window without records.
func (f *Finisher) Empty(keys []Value) (row Row) {
	row.Keys = keys
	parts := make([][]Value, len(f.plan.Aggregates))
	for i, a := range f.plan.Aggregates {
		parts[i] = a.NewAccumulator(a.Columns())().Parts()
	}
	f.Finish(&row.Env, parts)
	return row
}

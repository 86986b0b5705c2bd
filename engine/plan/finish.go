package plan

import (
	"database/sql"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Finisher turns what SQL or accumulators computed of a window into its
// measures. It is used by one goroutine.
type Finisher struct {
	plan     *Plan
	measures []Evaluator
	when     Evaluator
	targets  []any
	cells    []any
	// values are those of the row that is read.
	values []Value
	parts  [][]Value
	// keys are those of the row before: rows come by group, so that most have
	// the same.
	keys []Value
	// lent says that rows take their memory from arena, of which used is taken.
	lent  bool
	arena []Value
	used  int
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
	f.parts = make([][]Value, len(p.Aggregates))
	width := 4 + len(p.Keys)
	for _, a := range p.Aggregates {
		width += a.parts()
	}
	f.values, f.cells, f.targets = make([]Value, width), make([]any, width), make([]any, width)
	for i := range f.cells {
		f.targets[i] = &f.cells[i]
	}
	return f
}

// Lend makes the aggregates and measures of rows hold only until Again is
// called, which saves most of the memory that a long backtest goes through.
func (f *Finisher) Lend() *Finisher {
	f.lent = true
	return f
}

// Again takes back what was lent.
func (f *Finisher) Again() { f.used = 0 }

// Scan reads one row of Query and finishes it. overflow tells that a sum is
// null because of a value that was too large for it.
func (f *Finisher) Scan(rows *sql.Rows) (row Row, overflow bool, err error) {
	if err := rows.Scan(f.targets[1:]...); err != nil {
		return Row{}, false, err
	}
	f.takeCells()
	row, overflow = f.row()
	return row, overflow, nil
}

// ScanPane reads one row of PaneQuery and finishes it, with the span of its
// window.
func (f *Finisher) ScanPane(rows *sql.Rows) (span Span, row Row, overflow bool, err error) {
	if err := rows.Scan(f.targets...); err != nil {
		return Span{}, Row{}, false, err
	}
	f.takeCells()
	span, row, overflow = f.pane()
	return span, row, overflow, nil
}

func (f *Finisher) takeCells() {
	for i, c := range f.cells {
		f.values[i] = Of(c)
	}
}

// Read is Scan of row i of columns.
func (f *Finisher) Read(columns []engine.Column, i int) (row Row, overflow bool) {
	f.takeColumns(f.values[1:], columns, i)
	return f.row()
}

// ReadPane is ScanPane of row i of columns.
func (f *Finisher) ReadPane(columns []engine.Column, i int) (span Span, row Row, overflow bool) {
	f.takeColumns(f.values, columns, i)
	return f.pane()
}

func (f *Finisher) takeColumns(values []Value, columns []engine.Column, i int) {
	for at := range columns {
		values[at] = cell(&columns[at], i, values[at])
	}
}

func (f *Finisher) pane() (span Span, row Row, overflow bool) {
	row, overflow = f.row()
	start, _ := f.values[0].Int64()
	return Span{time.UnixMicro(start).UTC(), time.UnixMicro(row.Window).UTC()}, row, overflow
}

// row finishes the row that values hold, from their second on.
func (f *Finisher) row() (row Row, overflow bool) {
	keys := len(f.plan.Keys)
	row.Window, _ = f.values[1].Int64()
	row.Keys = f.group(f.values[2 : 2+keys])
	row.Records, _ = f.values[2+keys].Int64()
	row.Late, _ = f.values[3+keys].Int64()
	rest := f.values[4+keys:]
	for i, a := range f.plan.Aggregates {
		f.parts[i], rest = rest[:a.parts()], rest[a.parts():]
	}
	overflow = f.Finish(&row.Env, f.parts)
	return row, overflow
}

// group are the values of the keys, shared by the rows of one group.
func (f *Finisher) group(values []Value) []Value {
	if f.keys == nil || !slices.EqualFunc(f.keys, values, Value.Equal) {
		f.keys = slices.Clone(values)
	}
	return f.keys
}

// Finish computes env.Aggregates from their parts and env.Measures from
// everything before; env.Keys must be set.
func (f *Finisher) Finish(env *Env, parts [][]Value) (overflow bool) {
	env.Aggregates = f.room(len(parts))[:len(parts)]
	for i, a := range f.plan.Aggregates {
		var over bool
		env.Aggregates[i], over = a.Finish(parts[i])
		overflow = overflow || over
	}
	f.Measure(env)
	return overflow
}

// room is where n values go.
func (f *Finisher) room(n int) []Value {
	if !f.lent {
		return make([]Value, 0, n)
	}
	if f.used+n > len(f.arena) {
		f.arena, f.used = make([]Value, 2*len(f.arena)+n), 0
	}
	f.used += n
	return f.arena[f.used-n : f.used-n : f.used]
}

// Measure computes env.Measures from its keys and aggregates.
func (f *Finisher) Measure(env *Env) {
	env.Measures = f.room(len(f.measures))
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

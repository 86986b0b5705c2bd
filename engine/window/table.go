package window

import (
	"context"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// Table is a dataset in the database. A query reads the rows of the windows
// asked for: event times and row numbers bound what is read from disk.
type Table struct {
	plan     *plan.Plan
	query    engine.Querier
	catalog  engine.Catalog
	finisher *plan.Finisher
}

// NewTable reads the plan's dataset.
func NewTable(p *plan.Plan, q engine.Querier, c engine.Catalog) *Table {
	return &Table{plan: p, query: q, catalog: c, finisher: p.NewFinisher()}
}

// Slices groups the rows by slices of event time.
func (t *Table) Slices(ctx context.Context, after, upTo int64) ([]Slice, error) {
	if after >= upTo {
		return nil, nil
	}
	relation, err := t.catalog.Relation(t.plan.Dataset, t.plan.CellColumns())
	if err != nil {
		return nil, err
	}
	query, err := t.plan.SliceQuery(relation, after, upTo)
	if err != nil {
		return nil, err
	}
	rows, err := t.query.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Slice
	cells := make([]any, len(t.plan.Keys)+4)
	targets := make([]any, len(cells))
	for i := range cells {
		targets[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		s := Slice{}
		for _, c := range cells[1 : 1+len(t.plan.Keys)] {
			s.Keys = append(s.Keys, plan.Of(c))
		}
		rest := cells[1+len(t.plan.Keys):]
		s.First, s.Last = micros(rest[0]), micros(rest[1])
		s.Records, _ = plan.Of(rest[2]).Int64()
		out = append(out, s)
	}
	return out, rows.Err()
}

func micros(v any) time.Time {
	n, _ := plan.Of(v).Int64()
	return time.UnixMicro(n).UTC()
}

// Cells computes panes by one query.
func (t *Table) Cells(ctx context.Context, cells []plan.Cell) ([]plan.Row, error) {
	out := make([]plan.Row, len(cells))
	for i, c := range cells {
		out[i] = t.finisher.Empty(c.Keys)
	}
	relation, err := t.catalog.Relation(t.plan.Dataset, t.plan.CellColumns())
	if err != nil {
		return nil, err
	}
	query, err := t.plan.CellQuery(relation, cells)
	if err != nil {
		return nil, err
	}
	rows, err := t.query.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		row, _, err := t.finisher.Scan(rows)
		if err != nil {
			return nil, err
		}
		out[row.Window] = row
	}
	return out, rows.Err()
}

package workbench

import (
	"context"
	"errors"
	"strings"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/dashboard"
	"tidemark.dev/tidemark/engine/explore"
	"tidemark.dev/tidemark/engine/notebook"
)

// DashboardQuery asks for the rows of one item.
type DashboardQuery struct {
	DashboardText
	Row     int          `json:"row" minimum:"0"`
	Item    int          `json:"item" minimum:"0"`
	From    *time.Time   `json:"from,omitempty" doc:"Absent: what the dashboard's time means."`
	To      *time.Time   `json:"to,omitempty"`
	Filters []PathValues `json:"filters,omitempty"`
	Brush   *PathRange   `json:"brush,omitempty"`
	Records bool         `json:"records,omitempty" doc:"Compute from the records, also where a rollup has the answer."`
}

// PathValues keeps the records whose path has one of the values.
type PathValues struct {
	Path   string `json:"path"`
	Values []any  `json:"values" doc:"None is no filter."`
}

// PathRange keeps the records whose path lies in [from, to).
type PathRange struct {
	Path string `json:"path"`
	From any    `json:"from,omitempty"`
	To   any    `json:"to,omitempty"`
}

// ItemRows is what an item shows.
type ItemRows struct {
	Columns   []notebook.Column `json:"columns"`
	Rows      [][]any           `json:"rows"`
	Truncated bool              `json:"truncated"`
	SQL       string            `json:"sql" doc:"What ran, with the range and the filters."`
	Params    map[string]any    `json:"params"`
	Rollup    string            `json:"rollup,omitempty" doc:"The rollup that answered, where one did."`
	Seconds   float64           `json:"seconds"`
	Type      string            `json:"type"`
	X         string            `json:"x"`
	Y         []string          `json:"y"`
	Series    string            `json:"series"`
	// Unfiltered are filters that say nothing about this item.
	Unfiltered []string `json:"unfiltered" doc:"Paths of filters that the item's datasets do not have."`
}

// DashboardItem runs one item.
func (b *Workbench) DashboardItem(ctx context.Context, q DashboardQuery) (ItemRows, error) {
	defer b.asking.begin()()
	began := time.Now()
	var out ItemRows
	d, err := workspace.DecodeDashboard(q.File, []byte(q.Text))
	if err != nil {
		return out, err
	}
	if q.Row >= len(d.Rows) || q.Item >= len(d.Rows[q.Row].Items) {
		return out, engine.Errorf(engine.NotFound, "show "+q.File, "there is no item %d in row %d", q.Item+1, q.Row+1).WithHint("it may have been removed: read the dashboard again")
	}
	item := &d.Rows[q.Row].Items[q.Item]
	from, to, err := b.itemTime(ctx, d, q)
	if err != nil {
		return out, err
	}
	view := itemView(*item)
	out.Type, out.X, out.Y, out.Series = view.Type, view.X, view.Y, view.Series
	n := &narrowing{b: b, from: from, to: to, filters: filtersOf(q), params: explore.Params{}}
	query, empty := item.SQL.Value, []any(nil)
	var table *notebook.Table
	if item.Measure.Value != "" {
		p, err := b.measure(d, item, from, to)
		if err != nil {
			return out, noData(err, item.Measure)
		}
		if query, err = dashboard.Measure(p, out.X == "time"); err != nil {
			return out, placed(item.Measure, err)
		}
		empty = emptyMeasure(p)
		if !q.Records {
			if table, out.Rollup, err = n.rolled(ctx, p, out.X == "time"); err != nil {
				return out, placed(item.Measure, err)
			}
		}
	}
	if table == nil {
		table, err = n.run(ctx, query)
	}
	if err != nil {
		if item.SQL.Value != "" {
			err = inFile(item.SQL, err)
		}
		return out, err
	}
	if len(table.Rows) == 0 && out.Type == "big_number" && empty != nil {
		table.Rows = append(table.Rows, empty)
	}
	out.Columns, out.Rows, out.Truncated = table.Columns, table.Rows, table.More
	out.SQL, out.Params, out.Unfiltered = n.shown, n.shownParams(), n.unfiltered
	out.Seconds = time.Since(began).Seconds()
	return out, nil
}

// itemTime is the range that is asked for: the dashboard's where the question
// does not say.
func (b *Workbench) itemTime(ctx context.Context, d *workspace.Dashboard, q DashboardQuery) (from, to time.Time, err error) {
	t, err := dashboard.ParseTime(d.Time)
	if err != nil {
		return from, to, err
	}
	if from, to, err = b.resolve(ctx, t, nil); err != nil {
		return from, to, err
	}
	if q.From != nil {
		from = q.From.UTC()
	}
	if q.To != nil {
		to = q.To.UTC()
	}
	return from, to, nil
}

func filtersOf(q DashboardQuery) []explore.Filter {
	var out []explore.Filter
	for _, f := range q.Filters {
		if len(f.Values) > 0 {
			out = append(out, explore.Filter{Path: f.Path, Op: "=", Value: f.Values})
		}
	}
	if q.Brush != nil && q.Brush.From != nil {
		out = append(out, explore.Filter{Path: q.Brush.Path, Op: ">=", Value: q.Brush.From})
	}
	if q.Brush != nil && q.Brush.To != nil {
		out = append(out, explore.Filter{Path: q.Brush.Path, Op: "<", Value: q.Brush.To})
	}
	return out
}

// noData tells that a measure has nothing to measure.
func noData(err error, at engine.Text) error {
	if !errors.Is(err, errNoData) {
		return err
	}
	e := at.At(0, "there is no data to measure yet").WithHint("pull its sources first")
	e.Kind = engine.NotFound
	return e
}

// inFile moves an error from the text of an item to the file that it stands
// in.
func inFile(t engine.Text, err error) error {
	var e *engine.Error
	if !errors.As(err, &e) || e.File != "" || t.Line == 0 {
		return err
	}
	at := *e
	at.File = t.File
	if at.Line == 0 {
		at.Line, at.Column, at.Excerpt = t.Line, t.Column, ""
		return &at
	}
	at.Line += t.Line - 1
	at.Column += t.Column - 1
	at.Excerpt = strings.Repeat(" ", max(t.Column-1, 0)) + at.Excerpt
	return &at
}

package workbench

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/dashboard"
	"tidemark.dev/tidemark/engine/explore"
	"tidemark.dev/tidemark/engine/notebook"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/rule"
)

// DashboardText is a dashboard as it stands in the editor.
type DashboardText struct {
	File string `json:"file"`
	Text string `json:"text"`
}

// DashboardView is a dashboard and the time it looks at now.
type DashboardView struct {
	Title          string             `json:"title"`
	Time           string             `json:"time"`
	RefreshSeconds float64            `json:"refresh_seconds" doc:"0 is whenever data arrives."`
	Dataset        string             `json:"dataset" doc:"That of filters."`
	Filters        []string           `json:"filters"`
	From           time.Time          `json:"from"`
	To             time.Time          `json:"to"`
	Rows           []DashboardRowView `json:"rows"`
	// Err holds all problems.
	Err error `json:"-"`
}

// DashboardRowView is a row of charts.
type DashboardRowView struct {
	Height int                 `json:"height"`
	Items  []DashboardItemView `json:"items"`
}

// DashboardItemView is one chart.
type DashboardItemView struct {
	Title   string   `json:"title"`
	Type    string   `json:"type"`
	X       string   `json:"x"`
	Y       []string `json:"y"`
	Series  string   `json:"series"`
	Width   float64  `json:"width"`
	SQL     string   `json:"sql,omitempty"`
	Measure string   `json:"measure,omitempty"`
	Line    int      `json:"line" doc:"Where it stands in the file."`
}

const defaultRowHeight = 260

// ParseDashboard reads a dashboard; what can be told of a broken one is told.
func (b *Workbench) ParseDashboard(ctx context.Context, d DashboardText) (DashboardView, error) {
	out := DashboardView{Filters: []string{}, Rows: []DashboardRowView{}}
	parsed, err := workspace.DecodeDashboard(d.File, []byte(d.Text))
	if parsed == nil {
		parsed = &workspace.Dashboard{}
	}
	problems := []error{err}
	t, err := dashboard.ParseTime(parsed.Time)
	if err != nil {
		problems = append(problems, err)
		t = dashboard.Time{Length: dashboard.DefaultSpan}
	}
	if out.From, out.To, err = b.resolve(ctx, t, nil); err != nil {
		return out, err
	}
	out.Title, out.Time, out.RefreshSeconds = parsed.Title, parsed.Time.Value, parsed.Refresh.Seconds()
	ds, _ := b.measured(parsed, nil)
	out.Dataset = ds.Name
	for _, f := range parsed.Filters {
		out.Filters = append(out.Filters, f.Value)
		if ds.Name == "" {
			continue
		}
		if _, err := explore.NewFacet(ds, f.Value); err != nil {
			problems = append(problems, placed(f, err))
		}
	}
	for _, row := range parsed.Rows {
		r := DashboardRowView{Height: row.Height, Items: []DashboardItemView{}}
		if r.Height <= 0 {
			r.Height = defaultRowHeight
		}
		for _, i := range row.Items {
			r.Items = append(r.Items, itemView(i))
			if i.Measure.Value == "" {
				continue
			}
			if _, err := b.measure(parsed, &i, out.From, out.To); err != nil && !errors.Is(err, errNoData) {
				problems = append(problems, err)
			}
		}
		out.Rows = append(out.Rows, r)
	}
	out.Err = errors.Join(problems...)
	return out, nil
}

func itemView(i workspace.DashboardItem) DashboardItemView {
	out := DashboardItemView{
		Title: i.Title, Type: itemType(i), X: i.X, Y: append([]string{}, i.Y...), Series: i.Series, Width: i.Width,
		SQL: i.SQL.Value, Measure: i.Measure.Value, Line: i.At.Text.Line,
	}
	if out.Width <= 0 {
		out.Width = 1
	}
	if i.Measure.Value != "" {
		out.Y = []string{measureColumn(i)}
		if out.X == "" && out.Type != "big_number" {
			out.X = "time"
		}
	}
	return out
}

func itemType(i workspace.DashboardItem) string {
	switch {
	case i.Type != "":
		return i.Type
	case i.Measure.Value != "":
		return "line"
	}
	return "table"
}

// measureColumn is what the column of a measure is called.
func measureColumn(i workspace.DashboardItem) string {
	if len(i.Y) > 0 {
		return i.Y[0]
	}
	return "value"
}

// placed puts the place of a text on an error that has none.
func placed(t engine.Text, err error) error {
	var e *engine.Error
	if !errors.As(err, &e) || e.Line > 0 {
		return err
	}
	at := t.At(0, "%w", e.Err)
	at.Hint = e.Hint
	return at
}

// ResolveTime finds the range that a text means now.
func (b *Workbench) ResolveTime(ctx context.Context, text string, datasets []string) (from, to time.Time, err error) {
	t, err := dashboard.ParseTime(engine.Text{Value: text})
	if err != nil {
		return from, to, err
	}
	return b.resolve(ctx, t, datasets)
}

// resolve finds a range over some datasets, or all.
func (b *Workbench) resolve(ctx context.Context, t dashboard.Time, datasets []string) (from, to time.Time, err error) {
	all, err := b.Store.Datasets(ctx)
	if err != nil {
		return from, to, err
	}
	var watermark, first, last time.Time
	for _, d := range all {
		if len(datasets) > 0 && !slices.Contains(datasets, d.Name) {
			continue
		}
		w, ok, err := b.Store.Watermark(ctx, d.Name)
		if err != nil {
			return from, to, err
		}
		if ok && w.After(watermark) {
			watermark = w
		}
		if !t.All {
			continue
		}
		f, l, err := b.spanOf(ctx, d.Name)
		if err != nil {
			return from, to, err
		}
		if first.IsZero() || f.Before(first) {
			first = f
		}
		if l.After(last) {
			last = l
		}
	}
	now := b.clock.Now()
	if first.IsZero() {
		first, last = now.Add(-dashboard.DefaultSpan), now
	}
	from, to = t.Resolve(watermark, now, first, last)
	return from, to, nil
}

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
	t, err := dashboard.ParseTime(d.Time)
	if err != nil {
		return out, err
	}
	from, to, err := b.resolve(ctx, t, nil)
	if err != nil {
		return out, err
	}
	if q.From != nil {
		from = q.From.UTC()
	}
	if q.To != nil {
		to = q.To.UTC()
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

// measured is the dataset that an item, or else the dashboard, is about.
func (b *Workbench) measured(d *workspace.Dashboard, item *workspace.DashboardItem) (engine.Dataset, error) {
	name := d.Dataset
	if item != nil && item.Dataset.Value != "" {
		name = item.Dataset
	}
	if name.Value != "" {
		ds, err := b.Store.Dataset(name.Value)
		if err != nil && b.Expects(name.Value) {
			return ds, errNoData
		}
		return ds, placed(name, err)
	}
	all, err := b.Store.Datasets(context.Background()) // reads memory only
	if err != nil || len(all) == 0 {
		return engine.Dataset{}, errNoData
	}
	if len(all) == 1 || item == nil {
		return all[0], nil
	}
	return engine.Dataset{}, item.Measure.At(0, "it is not clear which dataset is measured").WithHint("add dataset: %s to the item, or to the dashboard", all[0].Name)
}

// measureBuckets is about how many points a measure has over the range.
const measureBuckets = 120

// measure compiles the measure of an item: over time, or per value of x over
// the whole range.
func (b *Workbench) measure(d *workspace.Dashboard, item *workspace.DashboardItem, from, to time.Time) (*plan.Plan, error) {
	ds, err := b.measured(d, item)
	if err != nil {
		return nil, err
	}
	view := itemView(*item)
	size := max(to.Sub(from), time.Microsecond)
	window := plan.Window{Size: size, Offset: time.Duration(mod(from.UnixMicro(), size.Microseconds())) * time.Microsecond}
	var groups []engine.Text
	group := func(name string) {
		key := item.At.Key("series")
		key.Value = name
		groups = append(groups, key)
	}
	switch view.X {
	case "time":
		window = plan.Window{Size: explore.Cut(from, to, measureBuckets).Size()}
	case "":
	default:
		group(view.X)
	}
	if view.Series != "" {
		group(view.Series)
	}
	return rule.CompileMeasure(view.Y[0], item.Measure, item.Where, ds, window, groups)
}

func mod(a, n int64) int64 { return (a%n + n) % n }

// emptyMeasure is the row of a count of nothing; nil for what is unknown then.
func emptyMeasure(p *plan.Plan) []any {
	ref, ok := p.Measures[0].Expr.(*plan.Ref)
	if ok && len(p.Keys) == 0 && ref.To == plan.AggregateRef && p.Aggregates[ref.Index].Func == plan.Count {
		return []any{0}
	}
	return nil
}

const allEvents = "all_events"

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

// maxFilterValues is how many values a filter offers.
const maxFilterValues = 100

package workbench

import (
	"context"
	"errors"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/dashboard"
	"tidemark.dev/tidemark/engine/explore"
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

// Package dashboard is what a dashboard means: which time it looks at, how its
// range and its filters act on the query of an item, and which query a measure
// is. The form of the file is known by app/workspace, rules of the expression
// language by engine/rule, and conditions on paths by engine/explore; running
// a query is left to others.
package dashboard

import (
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// DefaultSpan is the time a dashboard looks at when it does not say.
const DefaultSpan = 24 * time.Hour

// Time is a range as people write it.
type Time struct {
	// Length of a range that ends at the newest watermark, or now.
	Length time.Duration
	OfNow  bool
	// All is everything there is.
	All bool
	// From and To are set for a range of two times.
	From, To time.Time
}

// ParseTime reads "6h", "6h as of now", "all", or two times "A/B"; nothing is
// DefaultSpan.
func ParseTime(t engine.Text) (Time, error) {
	text := strings.TrimSpace(t.Value)
	if text == "" {
		return Time{Length: DefaultSpan}, nil
	}
	if text == "all" {
		return Time{All: true}, nil
	}
	wrong := func() (Time, error) {
		return Time{}, t.At(0, "%q is no time range", t.Value).
			WithHint("write 6h, 7d as of now, all, or two times: 2026-01-09T12:00:00Z/2026-01-09T18:00:00Z")
	}
	if a, b, two := strings.Cut(text, "/"); two {
		from, errFrom := time.Parse(time.RFC3339Nano, strings.TrimSpace(a))
		to, errTo := time.Parse(time.RFC3339Nano, strings.TrimSpace(b))
		if errFrom != nil || errTo != nil || !from.Before(to) {
			return wrong()
		}
		return Time{From: from.UTC(), To: to.UTC()}, nil
	}
	length, ofNow := strings.CutSuffix(text, "as of now")
	d, err := engine.ParseDuration(strings.TrimSpace(length))
	if err != nil || d == 0 {
		return wrong()
	}
	return Time{Length: d, OfNow: ofNow}, nil
}

// Resolve finds the range. The newest watermark is how far the data is
// complete; zero when there is none. first and last are what the data spans.
func (t Time) Resolve(watermark, now, first, last time.Time) (from, to time.Time) {
	switch {
	case t.All:
		return first, last
	case !t.From.IsZero():
		return t.From, t.To
	}
	to = watermark
	if t.OfNow || to.IsZero() {
		to = now
	}
	return to.Add(-t.Length), to
}

// Narrowed is a dataset of which only some records count.
type Narrowed struct {
	Name string
	// Where is a line for each condition, "\nWHERE a\n  AND b"; it is trusted.
	Where string
}

// Within puts in front of a query, for each dataset, a CTE of the dataset's
// own name that keeps only what counts: the query itself stays as it was
// written, whatever it begins with.
func Within(query string, datasets []Narrowed) string {
	if len(datasets) == 0 {
		return query
	}
	var list []string
	for _, d := range datasets {
		name := engine.ShortIdent(d.Name)
		list = append(list, name+" AS (\n  SELECT * FROM "+name+indented.Replace(d.Where)+"\n)")
	}
	return "WITH " + strings.Join(list, ", ") + "\n" + opening(query) + "\n" + query + "\n)"
}

// WithinLine is Within with everything before the query on the query's own
// first line, so that lines of errors are those of the query.
func WithinLine(query string, datasets []Narrowed) string {
	if len(datasets) == 0 {
		return query
	}
	var list []string
	for _, d := range datasets {
		name := engine.ShortIdent(d.Name)
		list = append(list, name+" AS (SELECT * FROM "+name+joined.Replace(d.Where)+")")
	}
	return "WITH " + strings.Join(list, ", ") + " " + opening(query) + query + "\n)"
}

// indented and joined move conditions, but not what stands in names.
var (
	indented = strings.NewReplacer("\nWHERE ", "\n  WHERE ", "\n  AND ", "\n    AND ")
	joined   = strings.NewReplacer("\nWHERE ", " WHERE ", "\n  AND ", " AND ")
)

// opening is what a query stands in. DuckDB takes no WITH after a WITH; in a
// subquery it may stand, whose order is kept as well.
func opening(query string) string {
	first := strings.TrimLeft(query, "( \t\r\n")
	if len(first) >= 4 && strings.EqualFold(first[:4], "with") {
		return "SELECT * FROM ("
	}
	return "("
}

// Measure writes the query of a measure: a row for each window and group with
// records. p has one measure; with time, the first column is the beginning of
// the window, named time.
func Measure(p *plan.Plan, withTime bool) (string, error) {
	inner, err := p.SQL()
	if err != nil {
		return "", err
	}
	return measured(p, inner, withTime), nil
}

// MeasureRolled is Measure from a rollup; see plan.RolledSQL.
func MeasureRolled(p *plan.Plan, r plan.Rolled, at plan.Range, kept, ofRecords string, withTime bool) (string, error) {
	inner, err := p.RolledSQL(r, at, kept, ofRecords)
	if err != nil {
		return "", err
	}
	return measured(p, inner, withTime), nil
}

// measured orders the rows of a plan's windows, and leaves its one measure.
func measured(p *plan.Plan, inner string, withTime bool) string {
	var columns, order []string
	if withTime {
		columns, order = append(columns, `"window start" AS "time"`), append(order, `"time"`)
	}
	for _, k := range p.Keys {
		columns, order = append(columns, engine.QuoteIdent(k.Name)), append(order, engine.QuoteIdent(k.Name)+" NULLS LAST")
	}
	columns = append(columns, engine.QuoteIdent(p.Measures[0].Name))
	sql := "SELECT " + strings.Join(columns, ", ") + "\nFROM (\n" + inner + "\n)"
	if len(order) > 0 {
		sql += "\nORDER BY " + strings.Join(order, ", ")
	}
	return sql
}

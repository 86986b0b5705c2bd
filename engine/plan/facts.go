package plan

import (
	"context"
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Facts are what holds of all records of a relation, so that a statement over
// them does not look at each. The zero value says nothing.
type Facts struct {
	// NoneLate says that no record is late.
	NoneLate bool
	// Finite says that no stored double that the plan reads is NaN or infinite.
	Finite bool
}

// Cover reports whether f says all that other says.
func (f Facts) Cover(other Facts) bool {
	return (f.NoneLate || !other.NoneLate) && (f.Finite || !other.Finite)
}

// lateCount counts the late records of a window.
func (w *sqlWriter) lateCount() string {
	if w.facts.NoneLate {
		return "0::BIGINT"
	}
	return "count(*) FILTER (WHERE " + w.column(late) + ")"
}

// FactsOf finds out what holds of the records of relation. DuckDB answers from
// the least and greatest values that it keeps of each row group, among which NaN
// is the greatest; only the marks of late records are read, a bit each or less.
func (p *Plan) FactsOf(ctx context.Context, q engine.Querier, relation string) (f Facts, err error) {
	odd := []string{"false"}
	for _, x := range p.doubles() {
		odd = append(odd, exists(relation, x+" >= 'infinity'::DOUBLE"), exists(relation, x+" <= '-infinity'::DOUBLE"))
	}
	rows, err := q.QueryContext(ctx, "SELECT coalesce((SELECT max("+recordWriter().column(late)+") FROM "+relation+" AS r), false), "+strings.Join(odd, " OR "))
	if err != nil {
		return Facts{}, err
	}
	defer rows.Close()
	for rows.Next() {
		var late, odd bool
		if err := rows.Scan(&late, &odd); err != nil {
			return Facts{}, err
		}
		f = Facts{NoneLate: !late, Finite: !odd}
	}
	return f, rows.Err()
}

func exists(relation, condition string) string {
	return "EXISTS (SELECT 1 FROM " + relation + " AS r WHERE " + condition + ")"
}

// doubles are the stored doubles that go into the windows, as SQL.
func (p *Plan) doubles() (out []string) {
	w := recordWriter()
	from := []Expr{p.Where}
	for _, a := range p.Aggregates {
		from = append(from, a.Arg)
	}
	for _, e := range from {
		if e == nil {
			continue
		}
		Walk(e, func(x Expr) {
			if c, ok := x.(*Column); ok && c.Stored.Kind == engine.Double {
				out = append(out, w.raw(c))
			}
		})
	}
	slices.Sort(out)
	return slices.Compact(out)
}

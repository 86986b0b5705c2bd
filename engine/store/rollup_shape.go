package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// maxRollupFields bounds the numbers that a rollup keeps without being asked.
const maxRollupFields = 16

// field is a path of which a rollup keeps something.
type field struct {
	name  string
	path  engine.Path
	plain engine.Type
	// number keeps count, sum, min and max; quantiles and distinct a sketch.
	number, quantiles, distinct bool
}

// rollupFields are the numbers in body, the outer and the first ones, and
// what sketches are asked for.
func rollupFields(ds engine.Dataset, kept Kept) []field {
	var out []field
	ds.Walk(func(p engine.Path, t engine.Type) {
		if isNumber(t) && len(out) < maxRollupFields && !isTaken(out, fieldName(p)) {
			out = append(out, field{name: fieldName(p), path: p, plain: t, number: true})
		}
	})
	ask := func(paths []engine.Path, want func(*field) bool) {
		for _, p := range paths {
			path, t, err := ds.Resolve(p)
			if err != nil || !t.Known() {
				continue
			}
			i := slices.IndexFunc(out, func(f field) bool { return slices.Equal(f.path, path) })
			f := field{name: fieldName(path), path: path, plain: t, number: isNumber(t)}
			if i >= 0 {
				f = out[i]
			}
			if !want(&f) {
				continue
			}
			if i >= 0 {
				out[i] = f
			} else if !isTaken(out, f.name) {
				out = append(out, f)
			}
		}
	}
	ask(kept.Quantiles, func(f *field) bool { f.quantiles = f.number; return f.number })
	ask(kept.Distinct, func(f *field) bool { f.distinct = isScalar(f.plain); return f.distinct })
	return out
}

func isNumber(t engine.Type) bool {
	return t.Kind == engine.BigInt || t.Kind == engine.HugeInt || t.Kind == engine.Double || t.Kind == engine.Decimal
}

func isScalar(t engine.Type) bool {
	return !slices.Contains([]engine.TypeKind{engine.Struct, engine.Map, engine.List, engine.JSON}, t.Kind)
}

// fieldName is the column of a path: body is left out.
func fieldName(p engine.Path) string {
	if p[0] == "body" {
		p = p[1:]
	}
	return p.String()
}

// isTaken reports whether a rollup has a column of that name already.
func isTaken(fields []field, name string) bool {
	return slices.Contains([]string{"time", "records", "late"}, strings.ToLower(name)) ||
		slices.ContainsFunc(fields, func(f field) bool { return strings.EqualFold(f.name, name) }) ||
		slices.Contains(rollupKeys, strings.ToLower(name))
}

// rollupKeys are the columns whose values have rows of their own.
var rollupKeys = []string{"service", "level"}

// plan measures what a rollup keeps: averages, which are sums and counts, and
// extremes.
func (r rollup) plan() (*plan.Plan, error) {
	p := &plan.Plan{Dataset: r.dataset, Window: plan.Window{Size: r.size}}
	for _, name := range rollupKeys {
		k, err := plan.NewKey(name, engine.Path{name}, engine.Scalar(engine.Varchar))
		if err != nil {
			return nil, err
		}
		p.Keys = append(p.Keys, k)
	}
	for _, f := range r.fields {
		if !f.number {
			continue
		}
		x, err := plan.NewColumn(f.path, f.plain)
		if err != nil {
			return nil, err
		}
		for _, of := range []plan.AggregateFunc{plan.Avg, plan.Min, plan.Max} {
			a, err := plan.NewAggregate(of, []plan.Expr{x})
			if err != nil {
				return nil, err
			}
			p.AddAggregate(a)
		}
	}
	return p, nil
}

// begin makes the tables, unless they are there and hold the same. since is
// the newest row that they count.
func (r rollup) begin(ctx context.Context, tx *sql.Tx, want string) (since int64, begun bool, err error) {
	var definition string
	err = tx.QueryRowContext(ctx, `SELECT seq, definition FROM tidemark.rollups WHERE dataset = ? AND size = ?`, r.dataset, r.size.Microseconds()).Scan(&since, &definition)
	if err == nil && definition == want {
		return since, true, nil
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, false, err
	}
	for _, statement := range r.create() {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return 0, false, err
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.rollups WHERE dataset = ? AND size = ?`, r.dataset, r.size.Microseconds()); err != nil {
		return 0, false, err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO tidemark.rollups VALUES (?, ?, ?, 0, ?, NULL)`, r.dataset, r.size.Microseconds(), r.name(), want)
	return 0, false, err
}

// rowQuerier is a database or a transaction of it.
type rowQuerier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// definition is the same for rollups that hold the same, so that what an
// older one holds may be added to.
func (r rollup) definition(ctx context.Context, tx rowQuerier, base *plan.Plan) (string, error) {
	query, err := base.Query("(SELECT * FROM added_rows)", plan.Range{From: time.UnixMicro(0)})
	if err != nil {
		return "", err
	}
	for i, f := range r.fields {
		if f.quantiles || f.distinct {
			query += fmt.Sprintf("\n%d %s %s", i, f.path, f.plain.DuckDB())
		}
		if f.quantiles {
			query += fmt.Sprintf(" buckets of %g", plan.Accuracy)
		}
		if f.distinct {
			// Values are known by their hash, which is another one in another
			// version of the database.
			var version string
			if err := tx.QueryRowContext(ctx, "SELECT version()").Scan(&version); err != nil {
				return "", err
			}
			query += fmt.Sprintf(" values by the hash of %s, %d exact", version, exactValues)
		}
	}
	return query, nil
}

// column is a stored column of a field, with how two of it become one; of a
// sketch that is said elsewhere.
type column struct{ name, kind, merged string }

// numbers are the columns of a number that SQL merges by itself.
func (f field) numbers(i int) []column {
	if !f.number {
		return nil
	}
	name := func(part string) string { return fmt.Sprintf("f%d_%s", i, part) }
	kind := "DOUBLE"
	if f.plain.Kind == engine.BigInt || f.plain.Kind == engine.HugeInt {
		kind = f.plain.DuckDB()
	}
	out := []column{
		{name("sum"), "HUGEINT", "sum(" + name("sum") + ")"},
		{name("count"), "BIGINT", "sum(" + name("count") + ")::BIGINT"},
	}
	if f.plain.Kind != engine.BigInt {
		out = append(out, column{name("over"), "BIGINT", "sum(" + name("over") + ")::BIGINT"})
	}
	return append(out, column{name("min"), kind, "min(" + name("min") + ")"}, column{name("max"), kind, "max(" + name("max") + ")"})
}

// plain lists the columns that SQL merges by itself.
func (r rollup) plain() []column {
	out := []column{{"records", "BIGINT", "sum(records)::BIGINT"}, {"late", "BIGINT", "sum(late)::BIGINT"}}
	for i, f := range r.fields {
		out = append(out, f.numbers(i)...)
	}
	return out
}

// create makes the table of parts and the view of it.
func (r rollup) create() []string {
	columns := []string{"time TIMESTAMPTZ", "service VARCHAR", "level VARCHAR"}
	for _, c := range append(r.plain(), r.sketches()...) {
		columns = append(columns, c.name+" "+c.kind)
	}
	shown := []string{"time", "service", "level", "records", "late"}
	for i, f := range r.fields {
		shown = append(shown, "{"+strings.Join(f.shown(i), ", ")+"} AS "+engine.QuoteIdent(f.name))
	}
	return []string{
		"DROP VIEW IF EXISTS " + r.view(),
		"CREATE OR REPLACE TABLE " + r.table() + " (" + strings.Join(columns, ", ") + ")",
		"CREATE VIEW " + r.view() + " AS SELECT " + strings.Join(shown, ", ") + " FROM " + r.table(),
	}
}

// shown are the members that people see of a field.
func (f field) shown(i int) (members []string) {
	name := func(part string) string { return fmt.Sprintf("f%d_%s", i, part) }
	show := func(as, value string) { members = append(members, "'"+as+"': "+value) }
	if f.number {
		sum := name("sum")
		if f.plain.Kind != engine.BigInt && f.plain.Kind != engine.HugeInt {
			sum = "CAST(" + sum + " AS DOUBLE) / 1e6"
		}
		if f.plain.Kind != engine.BigInt {
			sum = "CASE WHEN " + name("over") + " = 0 THEN " + sum + " END"
		}
		show("count", name("count"))
		show("sum", sum)
		show("min", name("min"))
		show("max", name("max"))
	}
	if f.quantiles {
		for _, q := range keptQuantiles {
			show(fmt.Sprintf("p%d", q), name(fmt.Sprintf("p%d", q)))
		}
		show("quantile_error", fmt.Sprintf("%g::DOUBLE", plan.Accuracy))
	}
	if f.distinct {
		show("distinct", "coalesce("+name("distinct")+", 0)")
		show("distinct_error", fmt.Sprintf("CASE WHEN coalesce(%s, true) THEN 0 ELSE %g END::DOUBLE", name("exact"), distinctError))
	}
	return members
}

package plan

import (
	"tidemark.dev/tidemark/engine"
)

// sql writes the parts as aggregates of DuckDB.
func (a *Aggregate) sql(w *sqlWriter) []string {
	switch a.Func {
	case Count:
		if a.Arg == nil {
			return []string{"count(*)"}
		}
		return []string{"count(*) FILTER (WHERE " + w.truth(a.Arg) + ")"}
	case Sum, Avg:
		return a.sumSQL(w)
	case Min, Max:
		return []string{string(a.Func) + "(" + w.finite(a.Arg) + ")"}
	case Quantile:
		return []string{"quantile_disc(" + w.charge(bucketSQL(w.raw(a.Arg))) + ", " + a.At.decimalSQL() + ")"}
	case Distinct:
		return []string{"count(DISTINCT " + w.finite(a.Arg) + ")"}
	}
	x, t := w.finite(a.Arg), w.column(eventTime)
	if a.Func == Collect {
		order := t
		if len(Columns(a.Arg)) > 0 { // DuckDB refuses to order by a constant
			order += ", " + x
		}
		return []string{"list(" + x + " ORDER BY " + order + ") FILTER (WHERE " + x + " IS NOT NULL)"}
	}
	end := map[AggregateFunc]string{First: "min", Last: "max"}[a.Func]
	return []string{"(" + end + "({'t': " + t + ", 'v': " + x + "}) FILTER (WHERE " + t + " IS NOT NULL AND " + x + " IS NOT NULL)).v"}
}

// recordSQL writes the parts of one record, of an aggregate that adds up.
func (a *Aggregate) recordSQL(w *sqlWriter) []string {
	one := func(condition string) string { return "CASE WHEN " + condition + " THEN 1 ELSE 0 END" }
	switch a.Func {
	case Count:
		if a.Arg == nil {
			return []string{"1"}
		}
		return []string{one(w.truth(a.Arg))}
	case Min, Max:
		return []string{w.finite(a.Arg)}
	}
	entry, exceeds := a.entrySQL(w)
	parts := []string{w.charge(entry)}
	if a.Func == Avg {
		parts = append(parts, w.charge(one(entry+" IS NOT NULL")))
	}
	if a.guarded() {
		parts = append(parts, w.charge(one(exceeds)))
	}
	return parts
}

// sumSQL writes the sum, for an average the number of values in it, and
// unless they are bigints the number of those too large to enter.
func (a *Aggregate) sumSQL(w *sqlWriter) []string {
	entry, exceeds := a.entrySQL(w)
	if !a.guarded() {
		return []string{"sum(" + entry + ")", "count(" + entry + ")"}[:a.parts()]
	}
	parts := []string{w.charge("sum(" + entry + ")")}
	if a.Func == Avg {
		parts = append(parts, "count("+entry+")")
	}
	return append(parts, w.charge("count(*) FILTER (WHERE "+exceeds+")"))
}

// entrySQL writes what of a value enters a sum, and whether it is too large to.
func (a *Aggregate) entrySQL(w *sqlWriter) (entry, exceeds string) {
	x := w.integer(a.Arg)
	switch a.Arg.Type() {
	case engine.BigInt:
		return x, "false"
	case engine.HugeInt:
		fits := " BETWEEN -" + sumLimitInt + " AND " + sumLimitInt
		entry = "CASE WHEN " + x + fits + " THEN " + x + " END"
		exceeds = x + " NOT" + fits
	default:
		limit := doubleSQL(SumLimit)
		entry = "CASE WHEN abs(" + x + ") < " + limit + " THEN TRY_CAST(round(" + x + " * " + doubleSQL(sumFactor) + ") AS HUGEINT) END"
		exceeds = "abs(" + x + ") >= " + limit
		if w.mayBeInfinite(a.Arg) {
			exceeds += " AND isfinite(" + x + ")"
		}
	}
	return entry, exceeds
}

// finishSQL is Finish in SQL, over the names of the parts.
func (a *Aggregate) finishSQL(parts []string) string {
	v, scale := parts[0], ""
	if a.Arg != nil && a.Arg.Type() == engine.Double {
		scale = doubleSQL(sumFactor)
	}
	guard := func(s string) string {
		if !a.guarded() {
			return s
		}
		return "CASE WHEN " + parts[len(parts)-1] + " = 0 THEN " + s + " END"
	}
	switch {
	case a.Func == Quantile:
		return bucketValueSQL(v)
	case a.Func == Sum && scale != "":
		return guard("CAST(" + v + " AS DOUBLE) / " + scale)
	case a.Func == Sum:
		return guard(v)
	case a.Func == Avg && scale != "":
		return guard("CAST(" + v + " AS DOUBLE) / (" + parts[1] + " * " + scale + ")")
	case a.Func == Avg:
		return guard("CAST(" + v + " AS DOUBLE) / " + parts[1])
	}
	return v
}

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
		return []string{"quantile_disc(" + w.charge(bucketSQL(w.finite(a.Arg))) + ", " + a.At.decimalSQL() + ")"}
	case Distinct:
		return []string{"count(DISTINCT " + w.finite(a.Arg) + ")"}
	}
	x, t := w.finite(a.Arg), w.column(eventTime)
	end := map[AggregateFunc]string{First: "min", Last: "max"}[a.Func]
	return []string{"(" + end + "({'t': " + t + ", 'v': " + x + "}) FILTER (WHERE " + t + " IS NOT NULL AND " + x + " IS NOT NULL)).v"}
}

func (a *Aggregate) sumSQL(w *sqlWriter) (parts []string) {
	x, limit, entry := w.integer(a.Arg), "", ""
	switch a.Arg.Type() {
	case engine.BigInt:
		parts = []string{"sum(" + x + ")", "count(" + x + ")"}
		return parts[:a.parts()]
	case engine.HugeInt:
		limit, entry = sumLimitInt, x
		x = "(" + x + ")"
	default:
		limit, entry = doubleSQL(SumLimit), "TRY_CAST(round("+x+" * "+doubleSQL(sumFactor)+") AS HUGEINT)"
		x = "abs(" + x + ")"
	}
	fits, exceeds := x+" < "+limit, x+" >= "+limit
	if a.Arg.Type() == engine.HugeInt {
		fits, exceeds = x+" > -"+limit+" AND "+x+" < "+limit, x+" >= "+limit+" OR "+x+" <= -"+limit
	} else if mayBeInfinite(a.Arg) {
		exceeds += " AND isfinite(" + x + ")"
	}
	parts = append(parts, "sum(CASE WHEN "+fits+" THEN "+entry+" END)")
	if a.Func == Avg {
		parts = append(parts, "count(*) FILTER (WHERE "+fits+")")
	}
	return append(parts, w.charge("count(*) FILTER (WHERE "+exceeds+")"))
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

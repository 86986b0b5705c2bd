package export

import (
	"fmt"
	"math"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// flinkPart is a column that an aggregate is computed in.
type flinkPart struct{ name, sql string }

// flinkParts are the columns of an aggregate. Sums run on decimals and
// quantiles over the numbers of buckets, so that the value is the one that
// Tidemark has, to the last digit.
func (w *flinkExpr) flinkParts(i int, a *plan.Aggregate) []flinkPart {
	name := fmt.Sprintf("aggregate_%d", i+1)
	if a.Arg == nil {
		return []flinkPart{{name, "COUNT(*)"}}
	}
	x := w.value(a.Arg)
	switch a.Func {
	case plan.Count:
		return []flinkPart{{name, "COUNT(*) FILTER (WHERE " + x + ")"}}
	case plan.Distinct:
		return []flinkPart{{name, "COUNT(DISTINCT " + x + ")"}}
	case plan.Min:
		return []flinkPart{{name, "MIN(" + x + ")"}}
	case plan.Max:
		return []flinkPart{{name, "MAX(" + x + ")"}}
	case plan.First:
		return []flinkPart{{name, "FIRST_VALUE(" + x + ") FILTER (WHERE " + x + " IS NOT NULL)"}}
	case plan.Last:
		return []flinkPart{{name, "LAST_VALUE(" + x + ") FILTER (WHERE " + x + " IS NOT NULL)"}}
	case plan.Sum, plan.Avg:
		return w.sumParts(name, a, x)
	case plan.Quantile:
		bucket := flinkBucket(x)
		return []flinkPart{{name, "ARRAY_SORT(ARRAY_AGG(" + bucket + ") FILTER (WHERE (" + bucket + ") IS NOT NULL))"}}
	}
	w.no(describeAggregate(a), "Flink SQL has no such aggregate", "use count, sum, avg, min, max, quantile, distinct, first or last")
	return nil
}

// sumParts are the sum of what may enter it, the number of that, and the
// number of what is too large.
func (w *flinkExpr) sumParts(name string, a *plan.Aggregate, x string) []flinkPart {
	entry, exceeds := "CAST("+x+" AS DECIMAL(38, 0))", "FALSE"
	limit := flinkDouble(plan.SumLimit)
	switch a.Arg.Type() {
	case engine.Double:
		entry = fmt.Sprintf("CASE WHEN ABS(%s) < %s THEN CAST(ROUND(%s * %s) AS DECIMAL(38, 0)) END", x, limit, x, flinkDouble(sumScale))
		exceeds = "ABS(" + x + ") >= " + limit
	case engine.HugeInt:
		exceeds = "ABS(CAST(" + x + " AS DOUBLE)) >= " + limit
		entry = "CASE WHEN NOT (" + exceeds + ") THEN " + entry + " END"
	}
	return []flinkPart{
		{name, "SUM(" + entry + ")"},
		{name + "_n", "COUNT(" + entry + ")"},
		{name + "_over", "COUNT(*) FILTER (WHERE " + exceeds + ")"},
	}
}

// sumScale is what doubles are multiplied by on their way into a sum.
var sumScale = math.Pow10(plan.SumScale)

// flinkFinish is the value of an aggregate from its columns.
func flinkFinish(i int, a *plan.Aggregate) string {
	name := quoted(fmt.Sprintf("aggregate_%d", i+1))
	n, over := quoted(fmt.Sprintf("aggregate_%d_n", i+1)), quoted(fmt.Sprintf("aggregate_%d_over", i+1))
	double := a.Arg != nil && a.Arg.Type() == engine.Double
	guard := func(s string) string { return "(CASE WHEN " + over + " = 0 THEN " + s + " END)" }
	switch {
	case a.Func == plan.Quantile:
		return flinkBucketValue(name)
	case a.Func == plan.Sum && double:
		return guard("CAST(" + name + " AS DOUBLE) / " + flinkDouble(sumScale))
	case a.Func == plan.Sum:
		return guard(name)
	case a.Func == plan.Avg && double:
		return guard("CAST(" + name + " AS DOUBLE) / (" + n + " * " + flinkDouble(sumScale) + ")")
	case a.Func == plan.Avg:
		return guard("CAST(" + name + " AS DOUBLE) / " + n)
	}
	return name
}

// A quantile is that of the numbers of logarithmic buckets; see plan.Accuracy.
var (
	bucketsPerE   = 1 / math.Log1p(2*plan.Accuracy/(1-plan.Accuracy))
	leastInBucket = 2.2250738585072014e-308 * (1 + plan.Accuracy) / (1 - plan.Accuracy)
)

// firstBucket keeps the buckets of all positive numbers above zero.
const firstBucket = 40000

func flinkBucket(x string) string {
	number := func(x string) string {
		return fmt.Sprintf("CAST(FLOOR(LN(%s) * %s) AS INT) + %d", x, flinkDouble(bucketsPerE), firstBucket)
	}
	return fmt.Sprintf("CASE WHEN %[1]s >= %[2]s THEN %[3]s WHEN %[1]s <= -%[2]s THEN -(%[4]s) WHEN ABS(%[1]s) < %[2]s THEN 0 END",
		x, flinkDouble(leastInBucket), number(x), number("-("+x+")"))
}

func flinkBucketValue(b string) string {
	return fmt.Sprintf("(CASE WHEN %[1]s = 0 THEN 0E0 ELSE SIGN(%[1]s) * EXP((ABS(%[1]s) - %[2]d) / %[3]s) * %[4]s END)",
		b, firstBucket, flinkDouble(bucketsPerE), flinkDouble(1+plan.Accuracy))
}

// flinkRank is the element of a sorted array that a quantile is.
func flinkRank(array string, a *plan.Aggregate) string {
	return fmt.Sprintf("%s[GREATEST(1, CAST(CEIL(CAST(%s AS DECIMAL(20, 9)) * CARDINALITY(%s)) AS INT))]", array, a.At, array)
}

package export

import (
	"fmt"
	"math"
	"strconv"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// added is what an aggregate keeps of a window when a record has come; $w is
// the window before that. Doubles enter sums as whole millionths and
// quantiles by the number of their bucket, as in Tidemark.
func (w *connectRule) added(b *bloblang, i int) string {
	a, at := w.Plan.Aggregates[i], fmt.Sprintf("$w.a%d", i+1)
	if a.Arg == nil {
		return at + ".or(0) + 1"
	}
	x := b.value(a.Arg)
	switch a.Func {
	case plan.Count:
		return fmt.Sprintf("%s.or(0) + (if %s == true { 1 } else { 0 })", at, x)
	case plan.Sum, plan.Avg:
		entry := x
		if a.Arg.Type() == engine.Double {
			entry = fmt.Sprintf("(%s * %s).round()", x, strconv.FormatFloat(sumScale, 'f', 1, 64))
		}
		return fmt.Sprintf("if %s == null { %s.or({\"sum\": 0, \"n\": 0}) } else { {\"sum\": %s.sum.or(0) + %s, \"n\": %s.n.or(0) + 1} }", x, at, at, entry, at)
	case plan.Min, plan.Max:
		than := "<"
		if a.Func == plan.Max {
			than = ">"
		}
		return fmt.Sprintf("if %[1]s == null { %[2]s.or(null) } else if %[2]s.or(null) == null { %[1]s } else if %[1]s %[3]s %[2]s { %[1]s } else { %[2]s }", x, at, than)
	case plan.First, plan.Last:
		than := "<"
		if a.Func == plan.Last {
			than = ">"
		}
		fresh := fmt.Sprintf("{\"t\": this.columns.event_time, \"v\": %s}", x)
		return fmt.Sprintf("if %[1]s == null { %[2]s.or(null) } else if %[2]s.or(null) == null { %[4]s } else if this.columns.event_time %[3]s %[2]s.t { %[4]s } else if this.columns.event_time == %[2]s.t && %[1]s %[3]s %[2]s.v { %[4]s } else { %[2]s }", x, at, than, fresh)
	case plan.Distinct:
		return fmt.Sprintf("if %[1]s == null { %[2]s.or({}) } else { %[2]s.or({}).assign({(%[1]s.string()): true}) }", x, at)
	case plan.Quantile:
		bucket := b.let("if %[1]s == null { null } else if %[1]s.abs() < %[2]s { \"0\" } else { ((if %[1]s < 0 { -1 } else { 1 }) * ((%[1]s.abs().log() * %[3]s).floor() + %[4]d)).string() }",
			x, strconv.FormatFloat(math.SmallestNonzeroFloat32*1e-30, 'f', -1, 64), strconv.FormatFloat(bucketsPerE, 'f', -1, 64), firstBucket)
		return fmt.Sprintf("if %[1]s == null { %[2]s.or({}) } else { %[2]s.or({}).assign({(%[1]s): %[2]s.get(%[1]s).or(0) + 1}) }", bucket, at)
	}
	w.no(describeAggregate(a), "Bloblang keeps no list of what a window had", "use another aggregate")
	return ""
}

// finished is the value of an aggregate, of the window that is this.
func (w *connectRule) finished(i int) string {
	a, at := w.Plan.Aggregates[i], fmt.Sprintf("this.a%d", i+1)
	scale := "1.0"
	if a.Arg != nil && a.Arg.Type() == engine.Double {
		scale = strconv.FormatFloat(sumScale, 'f', 1, 64)
	}
	switch a.Func {
	case plan.Sum:
		if scale == "1.0" {
			return fmt.Sprintf("if %[1]s.n == 0 { null } else { %[1]s.sum }", at)
		}
		return fmt.Sprintf("if %[1]s.n == 0 { null } else { %[1]s.sum / %[2]s }", at, scale)
	case plan.Avg:
		return fmt.Sprintf("if %[1]s.n == 0 { null } else { %[1]s.sum / (%[1]s.n * %[2]s) }", at, scale)
	case plan.First, plan.Last:
		return at + ".v.or(null)"
	case plan.Distinct:
		return at + ".length()"
	case plan.Quantile:
		return quantileOf(at, a)
	case plan.Collect:
		w.no(describeAggregate(a), "Bloblang keeps no list of what a window had", "use another aggregate")
	}
	return at
}

// quantileOf walks over the buckets in order until it has seen so many values.
func quantileOf(at string, a *plan.Aggregate) string {
	return fmt.Sprintf(`if %[1]s.length() == 0 { null } else {
    %[1]s.key_values().map_each(b -> {"bucket": b.key.number(), "n": b.value}).sort_by(b -> b.bucket).fold({"left": [1, (%[1]s.values().sum() * %[2]s).ceil()].max(), "bucket": null}, item -> if item.tally.left <= 0 { item.tally } else { {"left": item.tally.left - item.value.n, "bucket": item.value.bucket} }).bucket.apply("bucket_value")
  }`, at, a.At)
}

// connectBuckets is the number that stands for a bucket.
var connectBuckets = fmt.Sprintf("map bucket_value {\n  root = if this == 0 { 0 } else { (if this < 0 { -1 } else { 1 }) * 2.718281828459045.pow((this.abs() - %d) / %s) * %s }\n}\n",
	firstBucket, strconv.FormatFloat(bucketsPerE, 'f', -1, 64), strconv.FormatFloat(1+plan.Accuracy, 'f', -1, 64))

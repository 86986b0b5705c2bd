package rule

import (
	"math"
	"math/big"
	"slices"

	"tidemark.dev/tidemark/engine/plan"
)

// naiveRecord is a record: when it happened, and its columns by name.
type naiveRecord struct {
	at      instant
	late    bool
	columns map[string]any
}

// aggregated is an aggregate over the records of a window; arg is nil for
// count(), q is the fraction of a quantile in thousandths.
func aggregated(name string, arg *node, q int64) *node {
	n := &node{text: name + "()", op: name}
	if arg != nil {
		n.text = name + "(" + arg.text + ")"
	}
	if arg != nil {
		n.args = []*node{arg}
	}
	n.kind = map[string]string{"count": "int", "distinct": "int", "avg": "double", "quantile": "double", "list": "list"}[name]
	if n.kind == "" {
		n.kind = arg.kind
	}
	if name == "sum" && arg.kind == "int" {
		n.kind = "huge"
	}
	if name == "quantile" {
		n.text = "quantile(" + arg.text + ", " + plan.Double(float64(q)/1000).String() + ")"
	}
	n.eval = func(s *scene) any { return aggregate(name, arg, q, s.rows) }
	return n
}

// entered is a value that is not null, and when it came.
type entered struct {
	at instant
	v  any
}

func aggregate(name string, arg *node, q int64, rows []naiveRecord) any {
	if arg == nil {
		return big.NewInt(int64(len(rows)))
	}
	var list []entered
	for _, r := range rows {
		if v := arg.eval(&scene{record: r.columns}); v != nil {
			list = append(list, entered{r.at, v})
		}
	}
	byValue := func(a, b entered) int { return order(a.v, b.v) }
	byTime := func(a, b entered) int {
		if a.at != b.at {
			return int(min(max(a.at-b.at, -1), 1))
		}
		return order(a.v, b.v)
	}
	switch name {
	case "count":
		return big.NewInt(int64(len(slices.DeleteFunc(list, func(e entered) bool { return e.v != true }))))
	case "distinct":
		slices.SortFunc(list, byValue)
		return big.NewInt(int64(len(slices.CompactFunc(list, func(a, b entered) bool { return byValue(a, b) == 0 }))))
	}
	if len(list) == 0 {
		return nil
	}
	switch name {
	case "min":
		return slices.MinFunc(list, byValue).v
	case "max":
		return slices.MaxFunc(list, byValue).v
	case "first":
		return slices.MinFunc(list, byTime).v
	case "last":
		return slices.MaxFunc(list, byTime).v
	case "quantile":
		return quantileOf(list, q)
	case "list":
		slices.SortStableFunc(list, byTime)
		out := make([]any, len(list))
		for i, e := range list {
			out[i] = e.v
		}
		return out
	}
	return summed(name, arg.kind, list)
}

// quantileOf is what stands for the bucket of the value at rank ceil(q*n).
// That it is within 1 % of the value is tested where buckets are.
func quantileOf(list []entered, q int64) any {
	values := make([]float64, len(list))
	for i, e := range list {
		values[i] = asDouble(e.v)
	}
	slices.Sort(values)
	n := int64(len(values))
	rank := max(1, (q*n+999)/1000)
	return plan.BucketValue(plan.Bucket(values[rank-1]))
}

// summed is a sum or an average: null where a value is too large to enter.
func summed(name, kind string, list []entered) any {
	total := new(big.Int)
	for _, e := range list {
		n, ok := e.v.(*big.Int)
		if !ok {
			f := e.v.(float64)
			if math.Abs(f) >= 1e24 {
				return nil
			}
			n, _ = big.NewFloat(math.Round(f * 1e6)).Int(nil)
		} else if kind == "huge" && n.CmpAbs(sumBound) >= 0 {
			return nil
		}
		total.Add(total, n)
	}
	scale := 1.0
	if kind == "double" {
		scale = 1e6
	}
	switch {
	case name == "avg":
		return number(asDouble(total) / (float64(len(list)) * scale))
	case kind == "double":
		return number(asDouble(total) / scale)
	}
	return whole("huge", total)
}

// overflows reports whether a sum or an average in a measure met a value that
// is too large to enter it.
func overflows(measure *node, rows []naiveRecord) bool {
	if measure.op != "sum" && measure.op != "avg" {
		return slices.ContainsFunc(measure.args, func(n *node) bool { return overflows(n, rows) })
	}
	arg := measure.args[0]
	return slices.ContainsFunc(rows, func(r naiveRecord) bool {
		switch v := arg.eval(&scene{record: r.columns}).(type) {
		case float64:
			return math.Abs(v) >= 1e24
		case *big.Int:
			return arg.kind == "huge" && v.CmpAbs(sumBound) >= 0
		}
		return false
	})
}

// sumBound is what does not enter a sum any more.
var sumBound = new(big.Int).Exp(big.NewInt(10), big.NewInt(24), nil)

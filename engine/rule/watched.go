package rule

import (
	"slices"

	"tidemark.dev/tidemark/engine/plan"
)

// Watched is a measure that when reads.
type Watched struct {
	Name  string
	Index int // among the plan's measures
	// Lowest says that small values are the bad ones: when compares it with
	// <, as in lookups < 0.3.
	Lowest bool
}

// way is which values of a measure are the bad ones, as far as a place tells.
type way int

const (
	small   way = -1
	untold  way = 0
	large   way = 1
	reverse     = small
)

// watched lists the measures that when reads, in order, each once. Which way
// is worse is told by the first place of a measure that tells it: one in which
// it is compared by order. That it is there, or the same as something, does
// not.
func watched(p *plan.Plan) (list []Watched) {
	var told []bool
	var visit func(e plan.Expr, worse way)
	visit = func(e plan.Expr, worse way) {
		switch e := e.(type) {
		case *plan.Ref:
			if e.To != plan.MeasureRef {
				return
			}
			i := slices.IndexFunc(list, func(w Watched) bool { return w.Index == e.Index })
			if i < 0 {
				i = len(list)
				list, told = append(list, Watched{Name: e.Name, Index: e.Index}), append(told, false)
			}
			if !told[i] && worse != untold {
				list[i].Lowest, told[i] = worse == small, true
			}
			return
		case *plan.Not:
			visit(e.X, worse*reverse)
			return
		case *plan.Negate:
			visit(e.X, worse*reverse)
			return
		case *plan.IsNull, *plan.In, *plan.Matches:
			worse = untold
		case *plan.Binary:
			left, right := sides(e.Op, worse)
			visit(e.L, left)
			visit(e.R, right)
			return
		}
		for _, x := range plan.Operands(e) {
			visit(x, worse)
		}
	}
	visit(p.When, large)
	return list
}

// sides says for the two operands which values make the result worse: of a < b
// it is small a and large b.
func sides(op plan.Op, worse way) (left, right way) {
	switch op {
	case plan.Less, plan.AtMost:
		return worse * reverse, worse
	case plan.Greater, plan.AtLeast, plan.Sub, plan.Div:
		return worse, worse * reverse
	case plan.Equal, plan.NotEqual, plan.Contains, plan.StartsWith, plan.EndsWith:
		return untold, untold
	}
	return worse, worse
}

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

// watched lists the measures that when reads, in order, each once. Which way
// is worse is told by the comparison a measure first stands in.
func watched(p *plan.Plan) (list []Watched) {
	var visit func(e plan.Expr, lowest bool)
	visit = func(e plan.Expr, lowest bool) {
		switch e := e.(type) {
		case *plan.Ref:
			seen := func(w Watched) bool { return w.Index == e.Index }
			if e.To == plan.MeasureRef && !slices.ContainsFunc(list, seen) {
				list = append(list, Watched{Name: e.Name, Index: e.Index, Lowest: lowest})
			}
			return
		case *plan.Not:
			visit(e.X, !lowest)
			return
		case *plan.Negate:
			visit(e.X, !lowest)
			return
		case *plan.Binary:
			left, right := sides(e.Op, lowest)
			visit(e.L, left)
			visit(e.R, right)
			return
		}
		for _, x := range plan.Operands(e) {
			visit(x, lowest)
		}
	}
	visit(p.When, false)
	return list
}

// sides says for the two operands whether smaller values make the result
// worse: of a < b it is small a and large b.
func sides(op plan.Op, lowest bool) (left, right bool) {
	switch op {
	case plan.Less, plan.AtMost:
		return !lowest, lowest
	case plan.Greater, plan.AtLeast, plan.Sub, plan.Div:
		return lowest, !lowest
	}
	return lowest, lowest
}

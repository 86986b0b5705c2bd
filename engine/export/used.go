package export

import "tidemark.dev/tidemark/engine/plan"

// used marks the measures that expressions read, directly or through others,
// by their places in the plan.
func used(p *plan.Plan, exprs ...plan.Expr) []bool {
	marked := make([]bool, len(p.Measures))
	var visit func(plan.Expr)
	visit = func(e plan.Expr) {
		plan.Walk(e, func(x plan.Expr) {
			ref, ok := x.(*plan.Ref)
			if !ok {
				return
			}
			i := ref.Index
			switch ref.To {
			case plan.PastRef:
				i = p.Pasts[i].Measure
			case plan.MeasureRef:
			default:
				return
			}
			if !marked[i] {
				marked[i] = true
				visit(p.Measures[i].Expr)
			}
		})
	}
	for _, e := range exprs {
		if e != nil {
			visit(e)
		}
	}
	return marked
}

// aggregatesOf lists the aggregates that the marked measures are computed
// from, in the plan's order.
func aggregatesOf(p *plan.Plan, marked []bool) (list []*plan.Aggregate) {
	read := make([]bool, len(p.Aggregates))
	for i, m := range p.Measures {
		if !marked[i] {
			continue
		}
		plan.Walk(m.Expr, func(x plan.Expr) {
			if ref, ok := x.(*plan.Ref); ok && ref.To == plan.AggregateRef {
				read[ref.Index] = true
			}
		})
	}
	for i, a := range p.Aggregates {
		if read[i] {
			list = append(list, a)
		}
	}
	return list
}

// alwaysThere reports whether an expression has a value, and is not zero, in
// every window that has records: count() and what is made of it alone.
func alwaysThere(p *plan.Plan, e plan.Expr) bool {
	switch e := stripped(e).(type) {
	case *plan.Literal:
		f, number := e.Value.Float()
		return number && f != 0
	case *plan.Ref:
		switch e.To {
		case plan.AggregateRef:
			a := p.Aggregates[e.Index]
			return a.Func == plan.Count && a.Arg == nil
		case plan.MeasureRef:
			return alwaysThere(p, p.Measures[e.Index].Expr)
		}
	}
	return false
}

// nullable reports whether an expression may be null in a window that has
// records.
func nullable(p *plan.Plan, e plan.Expr) bool {
	switch e := e.(type) {
	case *plan.Literal:
		return e.Value.IsNull()
	case *plan.IsNull:
		return false
	case *plan.Ref:
		switch e.To {
		case plan.AggregateRef:
			f := p.Aggregates[e.Index].Func
			return f != plan.Count && f != plan.Distinct
		case plan.MeasureRef:
			return nullable(p, p.Measures[e.Index].Expr)
		}
		return true
	case *plan.Binary:
		if (e.Op == plan.Div || e.Op == plan.Mod) && !alwaysThere(p, e.R) {
			return true
		}
		if e.Op == plan.Equal || e.Op == plan.NotEqual {
			return false
		}
	}
	for _, x := range plan.Operands(e) {
		if nullable(p, x) {
			return true
		}
	}
	return false
}

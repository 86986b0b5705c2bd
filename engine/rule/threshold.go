package rule

import (
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// Threshold is a constant that a measure is compared with in when.
type Threshold struct {
	Measure string
	Op      plan.Op
	Value   plan.Value
}

// mirrored is the operator for the operands the other way round.
var mirrored = map[plan.Op]plan.Op{
	plan.Less: plan.Greater, plan.AtMost: plan.AtLeast, plan.Greater: plan.Less, plan.AtLeast: plan.AtMost,
	plan.Equal: plan.Equal, plan.NotEqual: plan.NotEqual,
}

// Thresholds lists the simple comparisons in when, in order: those of a
// measure with a constant, joined by and and or.
func (r *Rule) Thresholds() (list []Threshold) {
	var visit func(e plan.Expr)
	visit = func(e plan.Expr) {
		b, ok := e.(*plan.Binary)
		switch {
		case !ok:
		case b.Op == plan.And || b.Op == plan.Or:
			visit(b.L)
			visit(b.R)
		default:
			op, known := mirrored[b.Op]
			if !known {
				return
			}
			if name, ok := measureOf(b.L); ok {
				if v, ok := constantOf(b.R); ok {
					list = append(list, Threshold{name, b.Op, v})
				}
			} else if name, ok := measureOf(b.R); ok {
				if v, ok := constantOf(b.L); ok {
					list = append(list, Threshold{name, op, v})
				}
			}
		}
	}
	visit(r.Plan.When)
	return list
}

func measureOf(e plan.Expr) (string, bool) {
	if c, ok := e.(*plan.Convert); ok {
		e = c.X
	}
	ref, ok := e.(*plan.Ref)
	if !ok || ref.To != plan.MeasureRef {
		return "", false
	}
	return ref.Name, true
}

func constantOf(e plan.Expr) (plan.Value, bool) {
	l, ok := e.(*plan.Literal)
	if !ok || l.Value.IsNull() || l.Type() == engine.Unknown {
		return plan.Null, false
	}
	return l.Value, true
}

// Sentence writes the summary for a window that a backtest has reported; ""
// when the rule has none.
func (r *Rule) Sentence(d Datapoint) string {
	return r.Summary.Render(r.envOf(&d))
}

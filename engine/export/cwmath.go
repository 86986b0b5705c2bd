package export

import (
	"fmt"
	"slices"
	"strconv"

	"tidemark.dev/tidemark/engine/plan"
)

// cwMath writes the condition of one group as metric math. The number of
// records is left sparse, so that a period without records is missing, as it
// is to the rule; what is counted among them is filled with zero.
type cwMath struct {
	*cwRule
	group   []plan.Value
	queries []cwQuery
	// sparse says that the condition reads the number of records, and so has
	// no value where there are none.
	sparse bool
}

// breach is 1 for a breaching period, 0 for another, and nothing for one
// without records; "" if the group can never breach.
func (m *cwMath) breach() string {
	records := m.query(m.metric(nil), "Sum")
	condition, known, constant := m.holds(m.Plan.When, true)
	switch {
	case constant && !known:
		return ""
	case constant:
		condition = records + " > 0"
	}
	s := "IF(" + condition + ", 1, 0)"
	if !m.sparse && !constant {
		s += " * (" + records + " > 0)"
	}
	return s
}

// query adds a metric, or finds it.
func (m *cwMath) query(metric, stat string) string {
	i := slices.IndexFunc(m.queries, func(q cwQuery) bool { return q.metric == metric && q.stat == stat })
	if i >= 0 {
		return m.queries[i].id
	}
	q := cwQuery{id: fmt.Sprint("m", len(m.queries)+1), metric: metric, stat: stat, period: int(m.Plan.Window.Size.Seconds())}
	for i, k := range m.Plan.Keys {
		q.dimensions = append(q.dimensions, [2]string{k.Name, m.group[i].String()})
	}
	m.queries = append(m.queries, q)
	return q.id
}

func (m *cwMath) value(e plan.Expr) string {
	switch e := e.(type) {
	case *plan.Literal:
		if f, ok := e.Value.Float(); ok {
			return strconv.FormatFloat(f, 'f', -1, 64)
		}
	case *plan.Convert:
		return m.value(e.X)
	case *plan.Ref:
		switch e.To {
		case plan.MeasureRef:
			return m.value(m.Plan.Measures[e.Index].Expr)
		case plan.AggregateRef:
			return m.aggregate(m.Plan.Aggregates[e.Index])
		}
	case *plan.Negate:
		return "-" + m.operand(e.X)
	case *plan.Call:
		switch e.Func {
		case "abs", "ceil", "floor":
			return map[string]string{"abs": "ABS", "ceil": "CEIL", "floor": "FLOOR"}[e.Func] + "(" + m.value(e.X) + ")"
		}
	case *plan.Conditional:
		if c, known, constant := m.holds(e.If, true); !constant {
			return "IF(" + c + ", " + m.value(e.Then) + ", " + m.value(e.Else) + ")"
		} else if known {
			return m.value(e.Then)
		}
		return m.value(e.Else)
	case *plan.Binary:
		if x := withoutOne(e); x != plan.Expr(e) {
			return m.value(x)
		}
		switch e.Op {
		case plan.Add, plan.Sub, plan.Mul, plan.Div:
			return m.operand(e.L) + " " + string(e.Op) + " " + m.operand(e.R)
		}
	}
	m.no(describe(e), "metric math has no such expression", "leave it out of when")
	return ""
}

func (m *cwMath) operand(e plan.Expr) string {
	x := withoutOne(stripped(e))
	if ref, ok := x.(*plan.Ref); ok && ref.To == plan.MeasureRef {
		return m.operand(m.Plan.Measures[ref.Index].Expr)
	}
	switch x.(type) {
	case *plan.Binary, *plan.Negate:
		return "(" + m.value(x) + ")"
	}
	return m.value(x)
}

func (m *cwMath) aggregate(a *plan.Aggregate) string {
	id := m.query(m.metricOf(a), m.stat(a))
	switch {
	case a.Func != plan.Count:
		return id
	case a.Arg != nil:
		return "FILL(" + id + ", 0)"
	}
	m.sparse = true
	return id
}

// holds is a condition that is true where e is, or where it is false. A part
// that the group alone decides is constant, and then known is its value.
func (m *cwMath) holds(e plan.Expr, want bool) (s string, known, constant bool) {
	switch e := e.(type) {
	case *plan.Literal:
		return "", !e.Value.IsNull() && e.Value.True() == want, true
	case *plan.Not:
		return m.holds(e.X, !want)
	case *plan.Ref:
		if e.To == plan.MeasureRef {
			return m.holds(m.Plan.Measures[e.Index].Expr, want)
		}
	case *plan.Binary:
		if e.Op == plan.And || e.Op == plan.Or {
			return m.joined(e, want)
		}
		if m.ofGroup(e) {
			return m.decided(e, want)
		}
		if op := comparedBy(e.Op, want); op != "" {
			return m.operand(e.L) + " " + op + " " + m.operand(e.R), false, false
		}
	default:
		if m.ofGroup(e) {
			return m.decided(e, want)
		}
	}
	m.no(describe(e), "metric math has no such condition", "compare measures with numbers")
	return "", false, false
}

func (m *cwMath) joined(e *plan.Binary, want bool) (string, bool, bool) {
	l, lKnown, lConstant := m.holds(e.L, want)
	r, rKnown, rConstant := m.holds(e.R, want)
	all := (e.Op == plan.And) == want // both must hold
	switch {
	case lConstant && lKnown != all:
		return "", lKnown, true
	case lConstant:
		return r, rKnown, rConstant
	case rConstant && rKnown != all:
		return "", rKnown, true
	case rConstant:
		return l, false, false
	case all:
		return "(" + l + ") AND (" + r + ")", false, false
	}
	return "(" + l + ") OR (" + r + ")", false, false
}

// ofGroup reports whether an expression reads the group's keys and nothing
// else of the window.
func (m *cwMath) ofGroup(e plan.Expr) bool {
	keys := false
	only := true
	plan.Walk(e, func(x plan.Expr) {
		if ref, ok := x.(*plan.Ref); ok {
			keys = keys || ref.To == plan.KeyRef
			only = only && ref.To == plan.KeyRef
		}
	})
	return keys && only
}

func (m *cwMath) decided(e plan.Expr, want bool) (string, bool, bool) {
	v := plan.Compile(e, nil)(&plan.Env{Keys: m.group})
	return "", !v.IsNull() && v.True() == want, true
}

// comparedBy is an operator of metric math, or its opposite.
func comparedBy(op plan.Op, want bool) string {
	opposites := map[plan.Op]string{
		plan.Less: ">=", plan.AtMost: ">", plan.Greater: "<=", plan.AtLeast: "<", plan.Equal: "!=", plan.NotEqual: "==",
	}
	if opposite, known := opposites[op]; !known || !want {
		return opposite
	}
	return string(op)
}

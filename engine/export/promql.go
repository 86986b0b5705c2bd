package export

import (
	"fmt"
	"strconv"

	"tidemark.dev/tidemark/engine/plan"
)

// dialect is what tells LogQL from PromQL in expressions over vectors.
type dialect struct {
	name string
	// calls says that there are functions of numbers, minus that a vector may
	// have a sign.
	calls, minus bool
}

var (
	promQL = dialect{"PromQL", true, true}
	logQL  = dialect{"LogQL", false, false}
)

// promExpr writes expressions over the row of a window in PromQL or LogQL. A null is a
// series that is not there; so a condition is written twice, as the series
// for which it is true and those for which it is false, and set operators do
// the rest: three-valued logic is exact.
type promExpr struct {
	*refuser
	dialect
	plan *plan.Plan
	// records is a series with a value for every group that has records in
	// the window.
	records string
	// measure is the series of a measure, aggregate the expression of an
	// aggregate, key the records of groups with some value of a key.
	measure   func(i int) string
	aggregate func(a *plan.Aggregate) string
	key       func(i int, operator string, values ...plan.Value) string
	// past is a look back.
	past func(i int) string
}

// value is the vector of a number.
func (w *promExpr) value(e plan.Expr) string {
	switch e := e.(type) {
	case *plan.Literal:
		return w.number(e)
	case *plan.Convert:
		return w.value(e.X)
	case *plan.Ref:
		switch e.To {
		case plan.MeasureRef:
			return w.measure(e.Index)
		case plan.AggregateRef:
			return w.aggregate(w.plan.Aggregates[e.Index])
		case plan.PastRef:
			return w.past(e.Index)
		}
	case *plan.Negate:
		if !w.minus {
			return "0 - " + w.operand(e.X)
		}
		return "-" + w.operand(e.X)
	case *plan.Binary:
		return w.arithmetic(e)
	case *plan.Call:
		return w.call(e)
	case *plan.Coalesce:
		return w.vector(e.X) + " or " + w.vector(e.Y)
	case *plan.Conditional:
		yes := w.holds(e.If, true)
		return "(" + w.vector(e.Then) + " and " + yes + ") or (" + w.vector(e.Else) + " unless " + yes + ")"
	}
	w.no(describe(e), w.name+" computes with numbers only", "leave it out of when and summary")
	return ""
}

func (w *promExpr) number(e *plan.Literal) string {
	f, ok := e.Value.Float()
	if !ok {
		w.no(describe(e), w.name+" computes with numbers only", "compare numbers")
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// operand is a value that may stand beside an operator.
func (w *promExpr) operand(e plan.Expr) string {
	switch e := withoutOne(stripped(e)).(type) {
	case *plan.Binary, *plan.Coalesce, *plan.Conditional, *plan.Negate:
		return "(" + w.value(e) + ")"
	}
	s := w.value(e)
	if ref, ok := stripped(e).(*plan.Ref); ok && ref.To == plan.AggregateRef && s != w.records {
		return "(" + s + ")"
	}
	return s
}

// vector is an operand that has a value for every group, also where it is a
// constant.
func (w *promExpr) vector(e plan.Expr) string {
	if l, ok := stripped(e).(*plan.Literal); ok {
		if l.Value.IsNull() {
			return "(" + w.records + " unless " + w.records + ")"
		}
		return "(" + w.records + " * 0 + " + w.number(l) + ")"
	}
	return w.operand(e)
}

func (w *promExpr) arithmetic(e *plan.Binary) string {
	if x := withoutOne(e); x != plan.Expr(e) {
		return w.value(x)
	}
	l, r := w.operand(e.L), w.operand(e.R)
	switch e.Op {
	case plan.Add, plan.Sub, plan.Mul:
		return l + " " + string(e.Op) + " " + r
	case plan.Div, plan.Mod:
		if !alwaysThere(w.plan, e.R) {
			r = "(" + w.vector(e.R) + " != 0)" // by zero is null
		}
		return l + " " + string(e.Op) + " " + r
	}
	w.no(describe(e), w.name+" computes with numbers only", "leave it out of when and summary")
	return ""
}

// withoutOne takes off a factor that is only there to make a double.
func withoutOne(e plan.Expr) plan.Expr {
	if b, ok := e.(*plan.Binary); ok && b.Op == plan.Mul {
		if l, ok := stripped(b.R).(*plan.Literal); ok && l.Value.String() == "1" {
			return stripped(b.L)
		}
	}
	return e
}

func (w *promExpr) call(e *plan.Call) string {
	if !w.calls {
		w.no(describe(e), w.name+" has no functions of numbers", "compare what is measured with another number")
	}
	x := w.value(e.X)
	switch e.Func {
	case "abs", "ceil", "floor":
		return e.Func + "(" + x + ")"
	case "round": // PromQL rounds halves up, rules away from zero
		return "sgn(" + x + ") * floor(abs(" + x + ") + 0.5)"
	}
	w.no(describe(e), w.name+" has no such function", "leave it out of when and summary")
	return ""
}

// holds is the vector of groups for which a condition is true, or false.
func (w *promExpr) holds(e plan.Expr, want bool) string {
	switch e := e.(type) {
	case *plan.Literal:
		if !e.Value.IsNull() && e.Value.True() == want {
			return w.records
		}
		return "(" + w.records + " unless " + w.records + ")"
	case *plan.Not:
		return w.holds(e.X, !want)
	case *plan.IsNull:
		if want {
			return "(" + w.records + " unless " + w.vector(e.X) + ")"
		}
		return w.vector(e.X)
	case *plan.In:
		return w.membership(e, want)
	case *plan.Ref:
		if e.To == plan.MeasureRef {
			return w.holds(w.plan.Measures[e.Index].Expr, want)
		}
	case *plan.Binary:
		switch {
		case e.Op == plan.And && want, e.Op == plan.Or && !want:
			return "(\n  " + w.holds(e.L, want) + "\nand\n  " + w.holds(e.R, want) + "\n)"
		case e.Op == plan.And, e.Op == plan.Or:
			return "(\n  " + w.holds(e.L, want) + "\nor\n  " + w.holds(e.R, want) + "\n)"
		case e.Op == plan.Equal, e.Op == plan.NotEqual:
			return w.equality(e, want)
		}
		if op, known := promOpposites[e.Op]; known {
			if want {
				op = string(e.Op)
			}
			return "(" + w.vector(e.L) + " " + op + " " + w.operand(e.R) + ")"
		}
	}
	w.no(describe(e), w.name+" compares numbers only", "compare measures with numbers")
	return ""
}

var promOpposites = map[plan.Op]string{plan.Less: ">=", plan.AtMost: ">", plan.Greater: "<=", plan.AtLeast: "<"}

// equality is null-safe: null equals null and nothing else.
func (w *promExpr) equality(e *plan.Binary, want bool) string {
	if ref, value, ok := keyTest(e); ok {
		op := "="
		if (e.Op == plan.Equal) != want {
			op = "!="
		}
		return w.key(ref.Index, op, value)
	}
	l, r := w.vector(e.L), w.vector(e.R)
	equal := "(" + l + " == " + r + ")"
	if nullable(w.plan, e.L) && nullable(w.plan, e.R) {
		equal = fmt.Sprintf("(%s or (%s unless %s unless %s))", equal, w.records, l, r)
	}
	if (e.Op == plan.Equal) == want {
		return equal
	}
	return "(" + w.records + " unless " + equal + ")"
}

// keyTest reads a comparison of a group's key with a constant.
func keyTest(e *plan.Binary) (*plan.Ref, plan.Value, bool) {
	for _, side := range [][2]plan.Expr{{e.L, e.R}, {e.R, e.L}} {
		ref, isRef := stripped(side[0]).(*plan.Ref)
		value, constant := stripped(side[1]).(*plan.Literal)
		if isRef && constant && ref.To == plan.KeyRef {
			return ref, value.Value, true
		}
	}
	return nil, plan.Null, false
}

func (w *promExpr) membership(e *plan.In, want bool) string {
	if ref, ok := stripped(e.X).(*plan.Ref); ok && ref.To == plan.KeyRef {
		op := "=~"
		if !want {
			op = "!~"
		}
		values := e.List
		if e.WithNull {
			values = append(values[:len(values):len(values)], plan.Null)
		}
		return w.key(ref.Index, op, values...)
	}
	if e.WithNull || len(e.List) == 0 {
		w.no(describe(e), w.name+" has no list of numbers with nil in it", "write the comparisons out")
	}
	x, any := w.vector(e.X), "("
	for i, v := range e.List {
		f, ok := v.Float()
		if !ok {
			w.no(describe(e), w.name+" compares numbers only", "compare measures with numbers")
		}
		if i > 0 {
			any += " or "
		}
		any += x + " == " + strconv.FormatFloat(f, 'g', -1, 64)
	}
	any += ")"
	if want {
		return any
	}
	return "(" + w.records + " unless " + any + ")"
}

package export

import (
	"strconv"
	"strings"

	"tidemark.dev/tidemark/engine/plan"
)

// describe writes an expression as a rule might, for people.
func describe(e plan.Expr) string {
	switch e := e.(type) {
	case *plan.Literal:
		return describeValue(e.Value)
	case *plan.Column:
		return e.Path.String()
	case *plan.Ref:
		return e.Name
	case *plan.Not:
		return "not " + inner(e.X)
	case *plan.Negate:
		return "-" + inner(e.X)
	case *plan.Binary:
		return inner(e.L) + " " + operatorWord(e.Op) + " " + inner(e.R)
	case *plan.In:
		items := make([]string, len(e.List))
		for i, v := range e.List {
			items[i] = describeValue(v)
		}
		return inner(e.X) + " in [" + strings.Join(items, ", ") + "]"
	case *plan.IsNull:
		return inner(e.X) + " == nil"
	case *plan.Matches:
		return inner(e.X) + " matches " + strconv.Quote(e.Pattern.String())
	case *plan.Conditional:
		return inner(e.If) + " ? " + inner(e.Then) + " : " + inner(e.Else)
	case *plan.Coalesce:
		return inner(e.X) + " ?? " + inner(e.Y)
	case *plan.Call:
		return e.Func + "(" + describe(e.X) + ")"
	case *plan.Convert:
		return describe(e.X)
	}
	return "this expression"
}

func inner(e plan.Expr) string {
	switch e.(type) {
	case *plan.Binary, *plan.Conditional, *plan.Coalesce:
		return "(" + describe(e) + ")"
	}
	return describe(e)
}

func operatorWord(op plan.Op) string {
	switch op {
	case plan.And:
		return "&&"
	case plan.Or:
		return "||"
	case plan.Concat:
		return "+"
	}
	return string(op)
}

func describeValue(v plan.Value) string {
	if s, ok := v.Text(); ok {
		return strconv.Quote(s)
	}
	if v.IsNull() {
		return "nil"
	}
	return v.String()
}

// describeAggregate writes an aggregate with its argument.
func describeAggregate(a *plan.Aggregate) string {
	if a.Arg == nil {
		return string(a.Func) + "()"
	}
	return string(a.Func) + "(" + describe(a.Arg) + ")"
}

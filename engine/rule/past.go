package rule

import (
	"time"

	"github.com/expr-lang/expr/ast"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// past compiles previous(m, 1), previous(m, 7d), baseline(m, 28d),
// baseline(m, 28d, 7d) and baseline(m, 28d, 20).
func (s windowScope) past(c *converter, name string, n *ast.CallNode) (plan.Expr, error) {
	if s.aggregates {
		return nil, c.refuse(n, "use it in when, recover_when or summary", "%s looks at earlier windows, and a measure at one", name)
	}
	example := map[string]string{
		"previous": "previous(p95, 1) for the window before, previous(p95, 7d) for a week ago",
		"baseline": "baseline(p95, 28d), or baseline(p95, 28d, 7d) for the same hour of other weeks",
	}[name]
	if len(n.Arguments) < 2 || len(n.Arguments) > 2 && name == "previous" || len(n.Arguments) > 4 {
		return nil, c.refuse(n, "write "+example, "%s cannot have %s", name, arguments(len(n.Arguments)))
	}
	x := plan.Past{Func: plan.PastFunc(name)}
	var err error
	if x.Measure, err = s.measure(c, n.Arguments[0]); err != nil {
		return nil, err
	}
	for i, arg := range n.Arguments[1:] {
		if err := c.pastArgument(&x, i, arg, example); err != nil {
			return nil, err
		}
	}
	e, err := s.plan.AddPast(x)
	return e, c.at(n, err)
}

// measure is the place of a measure that is named.
func (s windowScope) measure(c *converter, n ast.Node) (int, error) {
	e, err := c.expr(n)
	if err != nil {
		return 0, err
	}
	if ref, ok := e.(*plan.Ref); ok && ref.To == plan.MeasureRef {
		return ref.Index, nil
	}
	return 0, c.refuse(n, "give it a name under measures, and write that here", "only a measure can be looked back at")
}

// pastArgument reads how far back, how often and of how many.
func (c *converter) pastArgument(x *plan.Past, i int, n ast.Node, example string) error {
	d, isLength := c.length(n)
	count, isCount := n.(*ast.IntegerNode)
	switch {
	case isLength && d < time.Microsecond:
		return c.refuse(n, "write "+example, "%s is no time to look back", engine.FormatDuration(d))
	case isCount && count.Value < 1:
		return c.refuse(n, "write "+example, "%d is too few", count.Value)
	case isLength && i == 0:
		x.Ago = d
	case isCount && i == 0 && x.Func == plan.Previous:
		x.Back = count.Value
	case isLength && x.Every == 0 && x.Least == 0 && i > 0:
		x.Every = d
	case isCount && x.Least == 0 && i > 0:
		x.Least = count.Value
	case x.Func == plan.Previous:
		return c.refuse(n, "write "+example, "previous wants a number of windows or a time")
	case i == 0:
		return c.refuse(n, "write "+example, "baseline wants a time to look back over")
	default:
		return c.refuse(n, "write "+example, "after the time baseline takes an interval, and how many windows it needs")
	}
	return nil
}

// length is the duration that stands somewhere.
func (c *converter) length(n ast.Node) (time.Duration, bool) {
	if _, ok := n.(*ast.IdentifierNode); !ok {
		return 0, false
	}
	d, ok := c.lengths[n.Location().From]
	return d, ok
}

package rule

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// scope says what names and calls mean in one place of a rule.
type scope interface {
	// name finds what a dotted path means.
	name(path engine.Path) (plan.Expr, error)
	// call is tried before the scalar functions; handled is false for names
	// that the place gives no meaning to.
	call(c *converter, name string, n *ast.CallNode) (e plan.Expr, handled bool, err error)
}

// compile reads an expression and gives every construct of it to the plan.
func compile(t engine.Text, s scope) (plan.Expr, error) {
	node, lengths, err := parse(t)
	if err != nil {
		return nil, err
	}
	c := &converter{text: t, scope: s, lengths: lengths}
	return c.expr(node)
}

// compileCondition is compile for a place that wants a condition.
func compileCondition(t engine.Text, s scope, key string) (plan.Expr, error) {
	e, err := compile(t, s)
	if err == nil && e.Type() != engine.Bool {
		return nil, t.At(0, "%s wants a condition, not %s", key, plan.TypeName(e.Type())).
			WithHint("compare it with something, as in x > 0")
	}
	return e, err
}

// converter turns the syntax tree of one text into a plan.
type converter struct {
	text    engine.Text
	scope   scope
	lengths lengths
}

// at puts the place of a node on an error that has none.
func (c *converter) at(n ast.Node, err error) error {
	var e *engine.Error
	if err == nil || errors.As(err, &e) && e.Line > 0 {
		return err
	}
	if e == nil {
		return c.text.At(c.offset(n), "%w", err)
	}
	placed := c.text.At(c.offset(n), "%w", e.Err)
	placed.Hint = e.Hint
	return placed
}

func (c *converter) offset(n ast.Node) int { return byteOffset(c.text.Value, start(n).Location().From) }

// start is the leftmost node of those whose own place is somewhere inside.
func start(n ast.Node) ast.Node {
	switch n := n.(type) {
	case *ast.MemberNode:
		return start(n.Node)
	case *ast.ChainNode:
		return start(n.Node)
	case *ast.ConditionalNode:
		return start(n.Cond)
	case *ast.SliceNode:
		return start(n.Node)
	}
	return n
}

// refuse is an error about a construct that no plan can hold.
func (c *converter) refuse(n ast.Node, hint, format string, args ...any) error {
	return c.text.At(c.offset(n), format, args...).WithHint("%s", hint)
}

func (c *converter) expr(n ast.Node) (plan.Expr, error) {
	e, err := c.node(n)
	return e, c.at(n, err)
}

func (c *converter) node(n ast.Node) (plan.Expr, error) {
	switch n := n.(type) {
	case *ast.NilNode:
		return plan.Nil(), nil
	case *ast.BoolNode:
		return plan.NewLiteral(plan.Bool(n.Value))
	case *ast.IntegerNode:
		return plan.NewLiteral(plan.Int(int64(n.Value)))
	case *ast.FloatNode:
		return plan.NewLiteral(plan.Double(n.Value))
	case *ast.StringNode:
		return plan.NewLiteral(plan.Text(n.Value))
	case *ast.IdentifierNode, *ast.MemberNode, *ast.ChainNode:
		path, err := c.path(n)
		if err != nil {
			return nil, err
		}
		return c.scope.name(path)
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.ConditionalNode:
		return c.conditional(n)
	case *ast.CallNode:
		return c.call(n)
	case *ast.ArrayNode:
		return nil, c.refuse(n, `write x in ["a", "b"]; a column that is a list can only be tested with == nil`, "a list may only stand after in")
	case *ast.VariableDeclaratorNode:
		return nil, c.refuse(n, "give the value a measure of its own", "let is not supported")
	case *ast.SequenceNode:
		return nil, c.refuse(n, "write one expression, without semicolons", "only one expression is allowed")
	case *ast.SliceNode:
		return nil, c.refuse(n, "use startsWith, endsWith, contains or matches", "slices are not supported")
	case *ast.MapNode:
		return nil, c.refuse(n, "write conditions on single values", "maps are not supported")
	case *ast.BytesNode:
		return nil, c.refuse(n, `write text without b in front: "abc"`, "byte strings are not supported")
	case *ast.PointerNode, *ast.PredicateNode, *ast.BuiltinNode:
		return nil, c.refuse(n, "combine conditions with && and ||", "closures are not supported")
	}
	return nil, c.refuse(n, "write it with operators and functions of single values", "this construct is not supported")
}

// path is the dotted name that a chain of members spells.
func (c *converter) path(n ast.Node) (engine.Path, error) {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		if _, ok := c.length(n); ok {
			return nil, c.refuse(n, "write a number; a time stands in baseline(x, 28d) and previous(x, 7d) only", "a time cannot be computed with")
		}
		if n.Value == "$env" {
			return nil, c.refuse(n, "name a column, as in body.status", "$env is not supported")
		}
		return engine.Path{n.Value}, nil
	case *ast.ChainNode:
		return c.path(n.Node)
	case *ast.MemberNode:
		head, err := c.path(n.Node)
		if err != nil {
			return nil, err
		}
		switch p := n.Property.(type) {
		case *ast.StringNode:
			return append(head, p.Value), nil
		case *ast.IntegerNode:
			return nil, c.element(n)
		case *ast.UnaryNode:
			if _, is := p.Node.(*ast.IntegerNode); is {
				return nil, c.element(n)
			}
		}
		return nil, c.refuse(n, `write the name itself: body["user-agent"]`, "a member must be named by a text")
	}
	return nil, c.refuse(n, "name a column, as in body.status", "only columns have members")
}

// element refuses what stands at a place in a value.
func (c *converter) element(n *ast.MemberNode) error {
	of, err := c.expr(n.Node)
	if err == nil && of.Type() == engine.Varchar {
		return c.refuse(n, "use startsWith, endsWith, contains or matches", "letters of a text cannot be read")
	}
	return c.refuse(n, "lists can only be tested with == nil", "elements of a list cannot be read")
}

func (c *converter) unary(n *ast.UnaryNode) (plan.Expr, error) {
	x, err := c.expr(n.Node)
	if err != nil {
		return nil, err
	}
	switch n.Operator {
	case "!", "not":
		return plan.NewNot(x)
	case "-":
		return plan.NewNegate(x)
	}
	if !isNumber(x) {
		return nil, c.refuse(n, "remove the plus sign", "+ wants a number")
	}
	return x, nil
}

func isNumber(x plan.Expr) bool { return engine.Scalar(x.Type()).Numeric() }

var operators = map[string]plan.Op{
	"==": plan.Equal, "!=": plan.NotEqual, "<": plan.Less, "<=": plan.AtMost, ">": plan.Greater, ">=": plan.AtLeast,
	"+": plan.Add, "-": plan.Sub, "*": plan.Mul, "/": plan.Div, "%": plan.Mod,
	"&&": plan.And, "and": plan.And, "||": plan.Or, "or": plan.Or,
	"contains": plan.Contains, "startsWith": plan.StartsWith, "endsWith": plan.EndsWith,
}

func (c *converter) binary(n *ast.BinaryNode) (plan.Expr, error) {
	switch n.Operator {
	case "in":
		return c.in(n)
	case "matches":
		return c.matches(n)
	case "**", "^":
		return nil, c.refuse(n, "multiply instead: x * x", "%s is not supported: its last digit differs from machine to machine", n.Operator)
	case "..":
		return nil, c.refuse(n, "write x >= 1 && x <= 5", "ranges are not supported")
	}
	l, errL := c.expr(n.Left)
	r, errR := c.expr(n.Right)
	if err := errors.Join(errL, errR); err != nil {
		return nil, err
	}
	if n.Operator == "??" {
		return plan.NewCoalesce(l, r)
	}
	op, ok := operators[n.Operator]
	if !ok {
		return nil, c.refuse(n, "the operators are == != < <= > >= + - * / % && || ! in contains startsWith endsWith matches ?? ?:", "%s is not supported", n.Operator)
	}
	return plan.NewBinary(op, l, r)
}

func (c *converter) in(n *ast.BinaryNode) (plan.Expr, error) {
	array, ok := n.Right.(*ast.ArrayNode)
	if !ok {
		return nil, c.refuse(n.Right, `write x in ["a", "b"]; for a range, x >= 1 && x <= 5`, "in wants a list of constants")
	}
	x, err := c.expr(n.Left)
	problems := []error{err}
	var list []plan.Expr
	for _, item := range array.Nodes {
		e, err := c.expr(item)
		if err == nil && !constant(e) {
			err = c.refuse(item, "write x == a || x == b for other values", "the list may hold constants only")
		}
		problems = append(problems, err)
		list = append(list, e)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return plan.NewIn(x, list)
}

func constant(e plan.Expr) bool {
	_, ok := e.(*plan.Literal)
	return ok
}

func (c *converter) matches(n *ast.BinaryNode) (plan.Expr, error) {
	x, err := c.expr(n.Left)
	if err != nil {
		return nil, err
	}
	pattern, ok := n.Right.(*ast.StringNode)
	if !ok {
		return nil, c.refuse(n.Right, `write the expression as text: message matches "(?i)time ?out"`, "matches wants a constant text")
	}
	e, err := plan.NewMatches(x, pattern.Value)
	return e, c.at(n.Right, err)
}

func (c *converter) conditional(n *ast.ConditionalNode) (plan.Expr, error) {
	cond, err1 := c.expr(n.Cond)
	then, err2 := c.expr(n.Exp1)
	otherwise, err3 := c.expr(n.Exp2)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	return plan.NewConditional(cond, then, otherwise)
}

// refused names functions of the expression language that have no place in a
// rule, and what to write instead.
var refused = map[string]string{
	"now":        "a rule looks at event time only; compare columns, as in epoch(arrival_time) - epoch(event_time) > 60",
	"duration":   "compare seconds, as in epoch(arrival_time) - epoch(event_time) > 60",
	"int":        "where text is always a number, change the path's type: tidemark schema set",
	"float":      "where text is always a number, change the path's type: tidemark schema set",
	"string":     "compare the number itself, without quotes",
	"coalesce":   "write (x ?? 0)",
	"split":      "use startsWith, endsWith, contains or matches",
	"replace":    "use startsWith, endsWith, contains or matches",
	"indexOf":    "use contains, or startsWith",
	"join":       "lists can only be tested with == nil",
	"keys":       "name the member itself, as in labels.region",
	"values":     "name the member itself, as in labels.region",
	"mean":       "write avg(x)",
	"average":    "write avg(x)",
	"median":     "write quantile(x, 0.5)",
	"percentile": "write quantile(x, 0.95)",
	"stddev":     "the aggregates are " + strings.Join(plan.Aggregates(), ", "),
	"percent":    "it stands in a summary only; a measure is compared as a fraction, as in error_rate > 0.05",
}

// ranked are names of quantiles in other systems, as in p95(x).
var ranked = regexp.MustCompile(`^p([0-9]{1,2})$`)

func (c *converter) call(n *ast.CallNode) (plan.Expr, error) {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return nil, c.refuse(n, "write the function first: lower(message)", "methods are not supported")
	}
	name := callee.Value
	if e, handled, err := c.scope.call(c, name, n); handled {
		return e, err
	}
	if hint, ok := refused[name]; ok {
		return nil, c.refuse(n, hint, "%s() is not supported", name)
	}
	switch name {
	case "date":
		return c.date(n)
	case "hasPrefix", "hasSuffix":
		args, err := c.args(n, 2)
		if err != nil {
			return nil, err
		}
		return plan.NewBinary(map[string]plan.Op{"hasPrefix": plan.StartsWith, "hasSuffix": plan.EndsWith}[name], args[0], args[1])
	}
	if !known(name, plan.Functions()) {
		return nil, c.unknownFunction(n, name)
	}
	args, err := c.args(n, 1)
	if err != nil {
		return nil, err
	}
	return plan.NewCall(name, args[0])
}

func known(name string, among []string) bool {
	for _, s := range among {
		if s == name {
			return true
		}
	}
	return false
}

func (c *converter) unknownFunction(n ast.Node, name string) error {
	if q := ranked.FindStringSubmatch(name); q != nil {
		return c.refuse(n, fmt.Sprintf("write quantile(x, 0.%02s)", q[1]), "there is no function %s", name)
	}
	functions := append(plan.Functions(), "date", "hasPrefix", "hasSuffix")
	if near := engine.Nearest(name, append(functions, plan.Aggregates()...)); near != "" {
		return c.refuse(n, "did you mean "+near+"?", "there is no function %s", name)
	}
	return c.refuse(n, "the functions are "+strings.Join(functions, ", "), "there is no function %s", name)
}

func arguments(n int) string {
	if n == 1 {
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

// args converts the arguments of a call.
func (c *converter) args(n *ast.CallNode, want int) ([]plan.Expr, error) {
	if want >= 0 && len(n.Arguments) != want {
		example := n.Callee.String() + "(x" + strings.Repeat(", y", want-1) + ")"
		return nil, c.refuse(n, "write "+example, "%s takes %s, not %d", n.Callee, arguments(want), len(n.Arguments))
	}
	var args []plan.Expr
	var problems []error
	for _, a := range n.Arguments {
		e, err := c.expr(a)
		args, problems = append(args, e), append(problems, err)
	}
	return args, errors.Join(problems...)
}

// date reads a time written as text.
func (c *converter) date(n *ast.CallNode) (plan.Expr, error) {
	const hint = `write date("2026-01-31T12:00:00Z") or date("2026-01-31")`
	if len(n.Arguments) != 1 {
		return nil, c.refuse(n, hint, "date takes one text")
	}
	text, ok := n.Arguments[0].(*ast.StringNode)
	if !ok {
		return nil, c.refuse(n, hint, "date wants a constant text")
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text.Value); err == nil {
			return plan.NewLiteral(plan.Time(t))
		}
	}
	return nil, c.refuse(text, hint, "%q is not a time", text.Value)
}

package rule

import (
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// Condition compares one path of a record with constants.
type Condition struct {
	Path engine.Path
	// Op is =, !=, <, <=, > or >=. With = any of Values will do, with != none;
	// the others have one. Null in Values is a record without a value.
	Op     string
	Values []plan.Value
}

// listOps are the operators as lists of records write them.
var listOps = map[plan.Op]string{
	plan.Equal: "=", plan.NotEqual: "!=",
	plan.Less: "<", plan.AtMost: "<=", plan.Greater: ">", plan.AtLeast: ">=",
}

// Conditions are the parts of where that are simple comparisons and must all
// hold. whole is false when where asks for more than they say, so that they
// select records that the rule does not count.
func (r *Rule) Conditions() (list []Condition, whole bool) {
	whole = true
	var visit func(e plan.Expr)
	visit = func(e plan.Expr) {
		if b, ok := e.(*plan.Binary); ok && b.Op == plan.And {
			visit(b.L)
			visit(b.R)
		} else if c, ok := conditionOf(e); ok {
			list = append(list, c)
		} else {
			whole = false
		}
	}
	if r.Plan.Where != nil {
		visit(r.Plan.Where)
	}
	return list, whole
}

func conditionOf(e plan.Expr) (Condition, bool) {
	switch e := e.(type) {
	case *plan.IsNull:
		p, ok := pathOf(e.X, true)
		return Condition{p, "=", []plan.Value{plan.Null}}, ok
	case *plan.Not:
		c, ok := conditionOf(e.X)
		ok = ok && c.Op == "="
		c.Op = "!="
		return c, ok
	case *plan.In:
		p, ok := pathOf(e.X, false)
		values := e.List
		if e.WithNull {
			values = append(values[:len(values):len(values)], plan.Null)
		}
		return Condition{p, "=", values}, ok
	case *plan.Binary:
		if e.Op == plan.Or {
			return either(e)
		}
		return compared(e)
	}
	return Condition{}, false
}

// compared reads PATH op CONSTANT, either way round.
func compared(b *plan.Binary) (Condition, bool) {
	op, l, r := b.Op, b.L, b.R
	if _, constant := constantOf(l); constant {
		op, l, r = mirrored[op], r, l
	}
	p, isPath := pathOf(l, false)
	v, isConstant := constantOf(r)
	written, known := listOps[op]
	return Condition{p, written, []plan.Value{v}}, isPath && isConstant && known
}

// either reads PATH == A or PATH == B as one condition.
func either(b *plan.Binary) (Condition, bool) {
	l, okL := conditionOf(b.L)
	r, okR := conditionOf(b.R)
	if !okL || !okR || l.Op != "=" || r.Op != "=" || l.Path.String() != r.Path.String() {
		return Condition{}, false
	}
	l.Values = append(l.Values[:len(l.Values):len(l.Values)], r.Values...)
	return l, true
}

// pathOf is the path that e reads unchanged. Only types that compare alike
// everywhere count, unless it is only asked whether there is a value.
func pathOf(e plan.Expr, any bool) (engine.Path, bool) {
	if c, ok := e.(*plan.Convert); ok {
		e = c.X
	}
	c, ok := e.(*plan.Column)
	if !ok {
		return nil, false
	}
	switch c.Stored.Kind {
	case engine.Varchar, engine.BigInt, engine.HugeInt, engine.Double, engine.Bool, engine.Timestamp:
		return c.Path, true
	}
	return c.Path, any
}

package export

import (
	"slices"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// relation is how an atom compares a field.
type relation uint8

const (
	isEqual relation = iota
	isOneOf
	isNull
	isLess
	isAtMost
	isGreater
	isAtLeast
	contains
	startsWith
	endsWith
	matches
)

// atom is a test of one field that is true or false, never null.
type atom struct {
	field  *plan.Column
	rel    relation
	values []plan.Value
	// pattern is the expression of matches.
	pattern string
	// not turns the test round. A text test turned round still wants text:
	// null neither contains a word nor lacks it.
	not bool
	// source is the expression it came from.
	source plan.Expr
}

// conjunction holds where all its atoms hold; the empty one holds always.
type conjunction []atom

// maxAlternatives bounds how far a condition is multiplied out.
const maxAlternatives = 32

// alternatives writes a condition on records as conjunctions of which one must
// hold: it is exact under three-valued logic, as the condition being true and
// its being false are taken apart separately.
func alternatives(r *refuser, e plan.Expr, want bool) []conjunction {
	switch e := e.(type) {
	case nil:
		return []conjunction{{}}
	case *plan.Literal:
		if !e.Value.IsNull() && e.Value.True() == want {
			return []conjunction{{}}
		}
		return nil
	case *plan.Not:
		return alternatives(r, e.X, !want)
	case *plan.Column:
		return one(atom{field: e, values: []plan.Value{plan.Bool(want)}, source: e})
	case *plan.IsNull:
		return one(atom{field: field(r, e.X, e), rel: isNull, not: !want, source: e})
	case *plan.In:
		return membership(field(r, e.X, e), e, want)
	case *plan.Matches:
		return one(atom{field: field(r, e.X, e), rel: matches, pattern: e.Pattern.String(), not: !want, source: e})
	case *plan.Binary:
		switch {
		case e.Op == plan.And && want, e.Op == plan.Or && !want:
			return both(r, e, alternatives(r, e.L, want), alternatives(r, e.R, want))
		case e.Op == plan.And, e.Op == plan.Or:
			return append(alternatives(r, e.L, want), alternatives(r, e.R, want)...)
		}
		return one(comparison(r, e, want))
	}
	refuseCondition(r, e)
	return nil
}

func one(a atom) []conjunction { return []conjunction{{a}} }

func both(r *refuser, e plan.Expr, left, right []conjunction) (all []conjunction) {
	if len(left)*len(right) > maxAlternatives {
		r.no(describe(e), "multiplied out, the condition has too many alternatives", "use `in [...]` for a long chain of ||, or split the rule")
	}
	for _, a := range left {
		for _, b := range right {
			if c, possible := joined(a, b); possible {
				all = append(all, c)
			}
		}
	}
	return all
}

// joined holds where two conjunctions do; possible is false if a field would
// have to have two values.
func joined(a, b conjunction) (c conjunction, possible bool) {
	c = slices.Clone(a)
	for _, x := range b {
		twice := false
		for _, y := range a {
			same := x.rel == isEqual && y.rel == isEqual && x.field.Path.String() == y.field.Path.String()
			equal := same && x.values[0].Equal(y.values[0])
			switch {
			case same && !x.not && !y.not && !equal, equal && x.not != y.not:
				return nil, false
			case equal:
				twice = true
			}
		}
		if !twice {
			c = append(c, x)
		}
	}
	return c, true
}

func membership(f *plan.Column, e *plan.In, want bool) (all []conjunction) {
	in := atom{field: f, rel: isOneOf, values: e.List, not: !want, source: e}
	null := atom{field: f, rel: isNull, not: !want, source: e}
	switch {
	case !e.WithNull:
		return one(in)
	case want:
		return []conjunction{{in}, {null}}
	}
	return []conjunction{{in, null}}
}

// comparisons lists the operators of atoms, their opposites on values that are
// not null, and what they are with the operands exchanged.
var comparisons = map[plan.Op]struct {
	rel, opposite, mirrored relation
}{
	plan.Less:       {isLess, isAtLeast, isGreater},
	plan.AtMost:     {isAtMost, isGreater, isAtLeast},
	plan.Greater:    {isGreater, isAtMost, isLess},
	plan.AtLeast:    {isAtLeast, isLess, isAtMost},
	plan.Contains:   {contains, contains, contains},
	plan.StartsWith: {startsWith, startsWith, startsWith},
	plan.EndsWith:   {endsWith, endsWith, endsWith},
}

func comparison(r *refuser, e *plan.Binary, want bool) atom {
	l, right := stripped(e.L), stripped(e.R)
	value, constant := right.(*plan.Literal)
	mirrored := false
	if !constant {
		value, constant = l.(*plan.Literal)
		l, mirrored = right, true
	}
	if !constant {
		refuseCondition(r, e)
	}
	f := field(r, l, e)
	a := atom{field: f, values: []plan.Value{value.Value}, source: e}
	if e.Op == plan.Equal || e.Op == plan.NotEqual {
		if a.not = (e.Op == plan.Equal) != want; value.Value.IsNull() {
			a.rel = isNull
		}
		return a
	}
	c, known := comparisons[e.Op]
	textual := c.rel == c.opposite
	if !known || value.Value.IsNull() || textual && mirrored {
		refuseCondition(r, e)
	}
	a.rel = c.rel
	if mirrored {
		a.rel = c.mirrored
	}
	switch {
	case want:
	case textual:
		a.not = true
	default:
		a.rel = opposite(a.rel)
	}
	return a
}

func opposite(rel relation) relation {
	for _, c := range comparisons {
		if c.rel == rel {
			return c.opposite
		}
	}
	return rel
}

// stripped takes off what only widens a number.
func stripped(e plan.Expr) plan.Expr {
	if c, ok := e.(*plan.Convert); ok {
		return stripped(c.X)
	}
	return e
}

// field is the column that an atom tests.
func field(r *refuser, e, whole plan.Expr) *plan.Column {
	c, ok := stripped(e).(*plan.Column)
	if !ok {
		refuseCondition(r, whole)
	}
	return c
}

func refuseCondition(r *refuser, e plan.Expr) {
	r.no(describe(e), "a test of a record must compare one field with a constant",
		"compute the field in a transform plugin and compare that, or let Tidemark watch the rule")
}

// fields lists the paths that some conjunctions test, in order, each once.
func fields(all []conjunction) (paths []engine.Path) {
	seen := map[string]bool{}
	for _, c := range all {
		for _, a := range c {
			if name := a.field.Path.String(); !seen[name] {
				seen[name] = true
				paths = append(paths, a.field.Path)
			}
		}
	}
	return paths
}

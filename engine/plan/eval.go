package plan

import (
	"math"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Env is what an expression is evaluated over: the columns of a record, in
// the order given to Compile, or the row of a window.
type Env struct {
	Columns    []Value
	Keys       []Value
	Aggregates []Value
	Measures   []Value
	// Past is filled by Trail.Enter; looks back are null before.
	Past []Value
}

// Evaluator computes an expression. It may be called from several goroutines,
// each with an Env of its own.
type Evaluator func(*Env) Value

// Compile makes an evaluator of an expression. columns says which path each
// of Env.Columns holds and must list every path that e reads; a decimal is
// given as a double, a UUID as text, a date as its midnight in UTC.
func Compile(e Expr, columns []engine.Path) Evaluator {
	slots := make(map[string]int, len(columns))
	for i, p := range columns {
		slots[p.String()] = i
	}
	return compiler{slots}.compile(e)
}

type compiler struct{ slots map[string]int }

func (c compiler) compile(e Expr) Evaluator {
	switch e := e.(type) {
	case *Literal:
		return func(*Env) Value { return e.Value }
	case *Column:
		slot, ok := c.slots[e.Path.String()]
		if !ok {
			panic("plan: column " + e.Path.String() + " was not given")
		}
		return func(env *Env) Value { return env.Columns[slot] }
	case *Ref:
		return reference(e)
	case *Not:
		x := c.compile(e.X)
		return func(env *Env) Value {
			if v := x(env); !v.IsNull() {
				return Bool(!v.True())
			}
			return Null
		}
	case *Negate:
		return c.unary(e.X, func(v Value) Value { return negated(v, e.kind) })
	case *Binary:
		return c.binary(e)
	case *In:
		return c.in(e)
	case *IsNull:
		x := c.compile(e.X)
		return func(env *Env) Value { return Bool(x(env).IsNull()) }
	case *Matches:
		return c.unary(e.X, func(v Value) Value { return Bool(e.Pattern.MatchString(v.text())) })
	case *Conditional:
		cond, then, otherwise := c.compile(e.If), c.compile(e.Then), c.compile(e.Else)
		return func(env *Env) Value {
			if cond(env).True() {
				return then(env)
			}
			return otherwise(env)
		}
	case *Coalesce:
		x, y := c.compile(e.X), c.compile(e.Y)
		return func(env *Env) Value {
			if v := x(env); !v.IsNull() {
				return v
			}
			return y(env)
		}
	case *Call:
		f, kind := functions[e.Func], e.X.Type()
		return c.unary(e.X, func(v Value) Value { return f.eval(v, kind) })
	case *Convert:
		if e.X.Type() == engine.HugeInt {
			return c.unary(e.X, func(v Value) Value { return Double(hugeToDouble(v.bigInt())) })
		}
		return c.unary(e.X, func(v Value) Value { return convertValue(v, e.kind) })
	}
	panic("plan: evaluation of an unknown node")
}

func reference(e *Ref) Evaluator {
	i := e.Index
	switch e.To {
	case KeyRef:
		return func(env *Env) Value { return env.Keys[i] }
	case AggregateRef:
		return func(env *Env) Value { return env.Aggregates[i] }
	case PastRef:
		return func(env *Env) Value {
			if i < len(env.Past) {
				return env.Past[i]
			}
			return Null
		}
	}
	return func(env *Env) Value { return env.Measures[i] }
}

// unary applies f to values that are not null.
func (c compiler) unary(x Expr, f func(Value) Value) Evaluator {
	value := c.compile(x)
	return func(env *Env) Value {
		v := value(env)
		if v.IsNull() {
			return Null
		}
		return f(v)
	}
}

func (c compiler) binary(e *Binary) Evaluator {
	l, r := c.compile(e.L), c.compile(e.R)
	switch e.Op {
	case And, Or:
		return connective(e.Op, l, r)
	case Equal:
		return func(env *Env) Value { return Bool(l(env).Equal(r(env))) }
	case NotEqual:
		return func(env *Env) Value { return Bool(!l(env).Equal(r(env))) }
	}
	f := operation(e.Op, e.L.Type())
	return func(env *Env) Value {
		v := l(env)
		if v.IsNull() {
			return Null
		}
		w := r(env)
		if w.IsNull() {
			return Null
		}
		return f(v, w)
	}
}

// connective is three-valued: false and null is false, true or null is true.
func connective(op Op, l, r Evaluator) Evaluator {
	decides := op == Or
	return func(env *Env) Value {
		v := l(env)
		if !v.IsNull() && v.True() == decides {
			return v
		}
		w := r(env)
		if !w.IsNull() && w.True() == decides {
			return w
		}
		if v.IsNull() {
			return v
		}
		return w
	}
}

// operation is what an operator does to two values of one type, neither null.
func operation(op Op, kind engine.TypeKind) func(v, w Value) Value {
	switch op {
	case Less:
		return func(v, w Value) Value { return Bool(Compare(v, w) < 0) }
	case AtMost:
		return func(v, w Value) Value { return Bool(Compare(v, w) <= 0) }
	case Greater:
		return func(v, w Value) Value { return Bool(Compare(v, w) > 0) }
	case AtLeast:
		return func(v, w Value) Value { return Bool(Compare(v, w) >= 0) }
	case Concat:
		return func(v, w Value) Value { return Text(v.text() + w.text()) }
	case Contains:
		return func(v, w Value) Value { return Bool(strings.Contains(v.text(), w.text())) }
	case StartsWith:
		return func(v, w Value) Value { return Bool(strings.HasPrefix(v.text(), w.text())) }
	case EndsWith:
		return func(v, w Value) Value { return Bool(strings.HasSuffix(v.text(), w.text())) }
	}
	switch kind {
	case engine.Double:
		return doubleOperation(op)
	case engine.HugeInt:
		return func(v, w Value) Value { return bigArithmetic(op, v, w) }
	}
	return intOperation(op)
}

func doubleOperation(op Op) func(v, w Value) Value {
	switch op {
	case Add:
		return func(v, w Value) Value { return Double(v.double() + w.double()) }
	case Sub:
		return func(v, w Value) Value { return Double(v.double() - w.double()) }
	case Mul:
		return func(v, w Value) Value { return Double(v.double() * w.double()) }
	case Div:
		return func(v, w Value) Value { return Double(v.double() / w.double()) }
	}
	return func(v, w Value) Value { return Double(math.Mod(v.double(), w.double())) }
}

func intOperation(op Op) func(v, w Value) Value {
	var f func(a, b int64) Value
	switch op {
	case Add:
		f = addInt
	case Sub:
		f = subInt
	case Mul:
		f = mulInt
	default:
		f = modInt
	}
	return func(v, w Value) Value { return f(v.n, w.n) }
}

func (c compiler) in(e *In) Evaluator {
	x := c.compile(e.X)
	return func(env *Env) Value {
		v := x(env)
		if v.IsNull() {
			return Bool(e.WithNull)
		}
		for _, item := range e.List {
			if v.Equal(item) {
				return Bool(true)
			}
		}
		return Bool(false)
	}
}

// convertValue widens a number; a null stays null.
func convertValue(v Value, kind engine.TypeKind) Value {
	if kind == engine.Double && v.kind == intValue {
		return Double(intToDouble(v))
	}
	return v
}

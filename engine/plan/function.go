package plan

import (
	"math"
	"strings"
	"unicode/utf8"

	"tidemark.dev/tidemark/engine"
)

// function is a scalar function of one argument.
type function struct {
	// of tells the type of the result, or that the argument does not fit.
	of func(engine.TypeKind) (engine.TypeKind, bool)
	// wants names the argument for errors.
	wants string
	sql   func(x string, kind engine.TypeKind) string
	eval  func(Value, engine.TypeKind) Value
	// keepsInfinity says that the SQL of an infinite or NaN argument is again
	// infinite or NaN, so that it need not be tested before.
	keepsInfinity bool
}

func from(in, out engine.TypeKind) func(engine.TypeKind) (engine.TypeKind, bool) {
	return func(k engine.TypeKind) (engine.TypeKind, bool) { return out, k == in }
}

func number(k engine.TypeKind) (engine.TypeKind, bool) {
	return k, k == engine.BigInt || k == engine.HugeInt || k == engine.Double
}

// space is what trim removes.
const space = " \t\n\v\f\r"

var functions = map[string]function{
	"abs": {
		of: number, wants: "a number", keepsInfinity: true, eval: absolute,
		sql: func(x string, k engine.TypeKind) string {
			if k == engine.Double {
				return "abs(" + x + ")"
			}
			return "TRY(abs(" + x + "))"
		},
	},
	"ceil":  rounding("ceil", math.Ceil),
	"floor": rounding("floor", math.Floor),
	"round": rounding("round", math.Round),
	"lower": {
		of: from(engine.Varchar, engine.Varchar), wants: "text", sql: call("lower"),
		eval: func(v Value, _ engine.TypeKind) Value { return Text(strings.ToLower(v.text())) },
	},
	"upper": {
		of: from(engine.Varchar, engine.Varchar), wants: "text", sql: call("upper"),
		// DuckDB capitalises ß where Go leaves it; no other letter differs.
		eval: func(v Value, _ engine.TypeKind) Value {
			return Text(strings.ReplaceAll(strings.ToUpper(v.text()), "ß", "ẞ"))
		},
	},
	"trim": {
		of: from(engine.Varchar, engine.Varchar), wants: "text",
		sql: func(x string, _ engine.TypeKind) string {
			return "trim(" + x + `, E' \t\n\f\r' || chr(11))`
		},
		eval: func(v Value, _ engine.TypeKind) Value { return Text(strings.Trim(v.text(), space)) },
	},
	"len": {
		of: from(engine.Varchar, engine.BigInt), wants: "text", sql: call("length"),
		eval: func(v Value, _ engine.TypeKind) Value { return Int(int64(utf8.RuneCountInString(v.text()))) },
	},
	"epoch": {
		of: from(engine.Timestamp, engine.Double), wants: "a time",
		sql: func(x string, _ engine.TypeKind) string {
			return "(CAST(epoch_us(" + x + ") AS DOUBLE) / 1e6)"
		},
		eval: func(v Value, _ engine.TypeKind) Value { return Double(float64(v.n) / 1e6) },
	},
}

func call(name string) func(string, engine.TypeKind) string {
	return func(x string, _ engine.TypeKind) string { return name + "(" + x + ")" }
}

// rounding is a function that leaves integers as they are.
func rounding(name string, f func(float64) float64) function {
	return function{
		of: number, wants: "a number", keepsInfinity: true,
		sql: func(x string, k engine.TypeKind) string {
			if k != engine.Double {
				return x
			}
			return name + "(" + x + ")"
		},
		eval: func(v Value, _ engine.TypeKind) Value {
			if v.kind == doubleValue {
				return Double(f(v.double()))
			}
			return v
		},
	}
}

func absolute(v Value, kind engine.TypeKind) Value {
	switch {
	case v.kind == doubleValue:
		return Double(math.Abs(v.double()))
	case v.bigInt().Sign() >= 0:
		return v
	}
	return negated(v, kind)
}

// negated changes a number's sign; the smallest integer of its width has no
// counterpart and becomes null.
func negated(v Value, kind engine.TypeKind) Value {
	switch kind {
	case engine.Double:
		return Double(-v.double())
	case engine.HugeInt:
		return bigArithmetic(Sub, Int(0), v)
	}
	return subInt(0, v.n)
}

// Functions lists the names that NewCall knows.
func Functions() []string {
	return []string{"abs", "ceil", "epoch", "floor", "len", "lower", "round", "trim", "upper"}
}

// NewCall applies a scalar function of one argument.
func NewCall(name string, x Expr) (Expr, error) {
	f, ok := functions[name]
	if !ok {
		return nil, invalid("there is no function %s", name).WithHint("the functions are %s", strings.Join(Functions(), ", "))
	}
	kind, ok := f.of(x.Type())
	if !ok {
		return nil, wants(name, f.wants, x)
	}
	return limited(&Call{over(kind, x), name, x})
}

package rule

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tidemark.dev/tidemark/engine/plan"
)

// What follows is a second, slow meaning of rules, made of nothing but lists
// and loops, that shares no code with the plan. A value is nil, a bool, a
// *big.Int, a float64, a string, an instant or a list.

// instant is microseconds since 1970.
type instant int64

func instantOf(t time.Time) instant { return instant(t.UnixMicro()) }

// node is an expression together with what it means.
type node struct {
	kind string // bool, int, huge, double, text, time
	text string
	// measure is the measure that the node names; op and args are what stands
	// in it, for who wants to know which way a measure is compared.
	measure, op string
	args        []*node
	eval        func(*scene) any
}

// scene is what an expression looks at: a record, or a window.
type scene struct {
	record map[string]any
	rows   []naiveRecord
	// values holds group keys and measures by name.
	values map[string]any
	past   func(look) any
}

// number is a finite double, or null.
func number(f float64) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return f + 0
}

// whole is an integer of 64 or 128 bits, or null.
func whole(kind string, n *big.Int) any {
	bits := uint(63)
	if kind == "huge" {
		bits = 127
	}
	limit := new(big.Int).Lsh(big.NewInt(1), bits)
	if n.Cmp(limit) >= 0 || n.Cmp(new(big.Int).Neg(limit)) < 0 {
		return nil
	}
	return n
}

// asDouble turns an integer into a double, its upper and lower 64 bits by
// themselves, as the plan says.
func asDouble(v any) float64 {
	n, ok := v.(*big.Int)
	if !ok {
		return v.(float64)
	}
	if n.IsInt64() {
		return float64(n.Int64())
	}
	two64 := new(big.Int).Lsh(big.NewInt(1), 64)
	upper, lower := new(big.Int).DivMod(n, two64, new(big.Int))
	if upper.Int64() == -1 {
		return -float64(new(big.Int).Sub(two64, lower).Uint64()-1) - 1
	}
	return float64(lower.Uint64()) + float64(upper.Int64())*(1<<64)
}

// common is the kind of number that two become where they meet.
func common(a, b *node) string {
	for _, k := range []string{"double", "huge"} {
		if a.kind == k || b.kind == k {
			return k
		}
	}
	return a.kind
}

// order compares two values of one kind, neither null.
func order(v, w any) int {
	switch v := v.(type) {
	case string:
		return strings.Compare(v, w.(string))
	case instant:
		return int(min(max(v-w.(instant), -1), 1))
	case bool:
		switch {
		case v == w.(bool):
			return 0
		case v:
			return 1
		}
		return -1
	case *big.Int:
		if n, ok := w.(*big.Int); ok {
			return v.Cmp(n)
		}
	case []any:
		return slices.CompareFunc(v, w.([]any), order)
	}
	switch a, b := asDouble(v), asDouble(w); {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// alike is null-safe.
func alike(v, w any) bool {
	if v == nil || w == nil {
		return v == nil && w == nil
	}
	return order(v, w) == 0
}

// both computes with two values, and is null if one is.
func both(kind, op string, a, b *node, f func(v, w any) any) *node {
	return &node{kind: kind, text: "(" + a.text + " " + op + " " + b.text + ")", op: op, args: []*node{a, b}, eval: func(s *scene) any {
		v, w := a.eval(s), b.eval(s)
		if v == nil || w == nil {
			return nil
		}
		return f(v, w)
	}}
}

// one computes with a value, and is null if it is.
func one(kind, name string, a *node, f func(v any) any) *node {
	n := &node{kind: kind, text: name + "(" + a.text + ")", op: name, args: []*node{a}, eval: func(s *scene) any {
		if v := a.eval(s); v != nil {
			return f(v)
		}
		return nil
	}}
	if name == "-" || name == "!" { // -(a) ?? b is -(a ?? b) to the language
		n.text = "(" + n.text + ")"
	}
	return n
}

func comparison(op string, a, b *node) *node {
	if op == "==" || op == "!=" {
		return &node{kind: "bool", text: "(" + a.text + " " + op + " " + b.text + ")", op: op, args: []*node{a, b}, eval: func(s *scene) any {
			return alike(a.eval(s), b.eval(s)) == (op == "==")
		}}
	}
	return both("bool", op, a, b, func(v, w any) any {
		c := order(v, w)
		return map[string]bool{"<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0}[op]
	})
}

func connected(op string, a, b *node) *node {
	decides := op == "||"
	return &node{kind: "bool", text: "(" + a.text + " " + op + " " + b.text + ")", op: op, args: []*node{a, b}, eval: func(s *scene) any {
		v, w := a.eval(s), b.eval(s)
		switch {
		case v == decides || w == decides:
			return decides
		case v == nil || w == nil:
			return nil
		}
		return !decides
	}}
}

func negation(a *node) *node {
	n := one("bool", "!", a, func(v any) any { return !v.(bool) })
	n.op = "not"
	return n
}

func isNil(op string, a *node) *node {
	return &node{kind: "bool", text: "(" + a.text + " " + op + " nil)", op: "is", args: []*node{a}, eval: func(s *scene) any {
		return (a.eval(s) == nil) == (op == "==")
	}}
}

func arithmetic(op string, a, b *node) *node {
	kind := common(a, b)
	if op == "/" {
		kind = "double"
	}
	return both(kind, op, a, b, func(v, w any) any {
		if kind == "double" {
			x, y := asDouble(v), asDouble(w)
			return number(map[string]float64{"+": x + y, "-": x - y, "*": x * y, "/": x / y, "%": math.Mod(x, y)}[op])
		}
		return wholly(kind, op, v.(*big.Int), w.(*big.Int))
	})
}

func wholly(kind, op string, x, y *big.Int) any {
	n := new(big.Int)
	switch op {
	case "+":
		n.Add(x, y)
	case "-":
		n.Sub(x, y)
	case "*":
		n.Mul(x, y)
	default:
		if y.Sign() == 0 || whole(kind, n.Quo(x, y)) == nil {
			return nil
		}
		n.Rem(x, y)
	}
	return whole(kind, n)
}

func signed(name string, a *node) *node {
	return one(a.kind, name, a, func(v any) any {
		f, ok := v.(float64)
		if !ok {
			n := v.(*big.Int)
			switch {
			case name == "-" || name == "abs" && n.Sign() < 0:
				return whole(a.kind, new(big.Int).Neg(n))
			}
			return n
		}
		return number(map[string]float64{"-": -f, "abs": math.Abs(f), "round": math.Round(f), "floor": math.Floor(f), "ceil": math.Ceil(f)}[name])
	})
}

func ternary(cond, a, b *node) *node {
	kind := meeting(a, b)
	return &node{kind: kind, text: "(" + cond.text + " ? " + a.text + " : " + b.text + ")", op: "?", args: []*node{cond, a, b}, eval: func(s *scene) any {
		if cond.eval(s) == true {
			return widened(kind, a.eval(s))
		}
		return widened(kind, b.eval(s))
	}}
}

func coalesced(a, b *node) *node {
	kind := meeting(a, b)
	return &node{kind: kind, text: "(" + a.text + " ?? " + b.text + ")", op: "??", args: []*node{a, b}, eval: func(s *scene) any {
		if v := a.eval(s); v != nil {
			return widened(kind, v)
		}
		return widened(kind, b.eval(s))
	}}
}

// meeting is the kind of two values of which one is taken.
func meeting(a, b *node) string {
	switch {
	case a.kind == "nil":
		return b.kind
	case b.kind == "nil" || a.kind == b.kind:
		return a.kind
	}
	return common(a, b)
}

func widened(kind string, v any) any {
	if n, ok := v.(*big.Int); ok && kind == "double" {
		return asDouble(n)
	}
	return v
}

func within(a *node, list []*node) *node {
	texts := make([]string, len(list))
	for i, n := range list {
		texts[i] = n.text
	}
	return &node{kind: "bool", text: "(" + a.text + " in [" + strings.Join(texts, ", ") + "])", op: "in", args: []*node{a}, eval: func(s *scene) any {
		for _, n := range list {
			if alike(a.eval(s), n.eval(s)) {
				return true
			}
		}
		return false
	}}
}

func textual(op string, a, b *node) *node {
	f := map[string]func(s, t string) bool{"contains": strings.Contains, "startsWith": strings.HasPrefix, "endsWith": strings.HasSuffix}[op]
	return both("bool", op, a, b, func(v, w any) any { return f(v.(string), w.(string)) })
}

func matching(a *node, pattern string) *node {
	re := regexp.MustCompile(pattern)
	return &node{kind: "bool", text: fmt.Sprintf("(%s matches %q)", a.text, pattern), op: "matches", args: []*node{a}, eval: func(s *scene) any {
		if v := a.eval(s); v != nil {
			return re.MatchString(v.(string))
		}
		return nil
	}}
}

// cased maps each code point by itself.
func cased(name string, a *node) *node {
	return one("text", name, a, func(v any) any {
		switch name {
		case "trim":
			return strings.Trim(v.(string), " \t\n\v\f\r")
		case "lower":
			return strings.Map(unicode.ToLower, v.(string))
		}
		return strings.ReplaceAll(strings.Map(unicode.ToUpper, v.(string)), "ß", "ẞ")
	})
}

func length(a *node) *node {
	return one("int", "len", a, func(v any) any { return big.NewInt(int64(utf8.RuneCountInString(v.(string)))) })
}

func epochOf(a *node) *node {
	return one("double", "epoch", a, func(v any) any { return float64(v.(instant)) / 1e6 })
}

// valueOf is a value as the product writes it.
func valueOf(v any) plan.Value {
	switch v := v.(type) {
	case bool:
		return plan.Bool(v)
	case *big.Int:
		return plan.BigInt(v)
	case float64:
		return plan.Double(v)
	case string:
		return plan.Text(v)
	case instant:
		return plan.Time(time.UnixMicro(int64(v)))
	case []any:
		list := make([]plan.Value, len(v))
		for i, x := range v {
			list[i] = valueOf(x)
		}
		return plan.List(list)
	}
	return plan.Null
}

package export

import (
	"fmt"
	"strconv"
	"strings"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// bloblang writes expressions in the language of Redpanda Connect, a let for
// each node: it has no three-valued logic, so null is asked for, and what is
// asked about has to have a name.
type bloblang struct {
	*refuser
	plan *plan.Plan
	lets []string
	// column reads a field of the record, ref a value of the window.
	column func(*plan.Column) string
	ref    func(*plan.Ref) string
}

// let names a value.
func (w *bloblang) let(format string, args ...any) string {
	name := fmt.Sprintf("v%d", len(w.lets)+1)
	w.lets = append(w.lets, "let "+name+" = "+fmt.Sprintf(format, args...))
	return "$" + name
}

// bloblangText is a text constant. Connect puts variables of its environment
// into a configuration before it reads it, whatever they stand in.
func bloblangText(s string) string {
	return strings.ReplaceAll(strconv.Quote(s), "${", `\u0024{`)
}

func (w *bloblang) value(e plan.Expr) string {
	switch e := e.(type) {
	case *plan.Literal:
		return w.literal(e)
	case *plan.Column:
		return w.let("%s", w.column(e))
	case *plan.Ref:
		return w.let("%s", w.ref(e))
	case *plan.Not:
		x := w.value(e.X)
		return w.let("if %s == null { null } else { !%s }", x, x)
	case *plan.Negate:
		x := w.value(e.X)
		return w.let("if %s == null { null } else { 0 - %s }", x, x)
	case *plan.Binary:
		return w.binary(e, w.value(e.L), w.value(e.R))
	case *plan.In:
		return w.in(e)
	case *plan.IsNull:
		return w.let("%s == null", w.value(e.X))
	case *plan.Matches:
		x := w.value(e.X)
		return w.let("if %s == null { null } else { %s.re_match(%s) }", x, x, bloblangText(e.Pattern.String()))
	case *plan.Conditional:
		c, yes, no := w.value(e.If), w.value(e.Then), w.value(e.Else)
		return w.let("if %s == true { %s } else { %s }", c, yes, no)
	case *plan.Coalesce:
		x, y := w.value(e.X), w.value(e.Y)
		return w.let("if %s == null { %s } else { %s }", x, y, x)
	case *plan.Call:
		return w.call(e)
	case *plan.Convert:
		return w.value(e.X)
	}
	w.no(describe(e), "Bloblang has no such expression", "leave it out of the rule")
	return ""
}

func (w *bloblang) literal(e *plan.Literal) string {
	v := e.Value
	if v.IsNull() {
		return "null"
	}
	if text, ok := v.Text(); ok {
		return w.let("%s", bloblangText(text))
	}
	switch e.Type() {
	case engine.Double:
		f, _ := v.Float()
		s := strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return w.let("%s", s)
	case engine.BigInt, engine.HugeInt, engine.Bool:
		return w.let("%s", v.String())
	}
	w.no(describe(e), "Bloblang has no such constant", "compare text, numbers, or true and false; times as epoch(x)")
	return ""
}

func (w *bloblang) binary(e *plan.Binary, l, r string) string {
	strict := func(format string, args ...any) string {
		return w.let("if %s == null || %s == null { null } else { %s }", l, r, fmt.Sprintf(format, args...))
	}
	switch e.Op {
	case plan.Equal:
		return w.let("(%s == %s).catch(false)", l, r)
	case plan.NotEqual:
		return w.let("(%s != %s).catch(true)", l, r)
	case plan.And:
		return w.let("if %[1]s == false || %[2]s == false { false } else if %[1]s == null || %[2]s == null { null } else { true }", l, r)
	case plan.Or:
		return w.let("if %[1]s == true || %[2]s == true { true } else if %[1]s == null || %[2]s == null { null } else { false }", l, r)
	case plan.Less, plan.AtMost, plan.Greater, plan.AtLeast, plan.Add, plan.Sub, plan.Mul:
		return strict("%s %s %s", l, e.Op, r)
	case plan.Div:
		return w.let("if %[1]s == null || %[2]s == null || %[2]s == 0 { null } else { %[1]s / %[2]s }", l, r)
	case plan.Mod:
		if e.Type() == engine.Double {
			w.no(describe(e), "Bloblang has a remainder of integers alone", "take the remainder of integers")
		}
		return w.let("if %[1]s == null || %[2]s == null || %[2]s == 0 { null } else { %[1]s %% %[2]s }", l, r)
	case plan.Concat:
		return strict("%s + %s", l, r)
	case plan.Contains:
		return strict("%s.contains(%s)", l, r)
	case plan.StartsWith:
		return strict("%s.has_prefix(%s)", l, r)
	case plan.EndsWith:
		return strict("%s.has_suffix(%s)", l, r)
	}
	w.no(describe(e), "Bloblang has no such operator", "leave it out of the rule")
	return ""
}

// in is false for null, unless null is on the list.
func (w *bloblang) in(e *plan.In) string {
	x := w.value(e.X)
	tests := []string{"false"}
	if e.WithNull {
		tests = append(tests, x+" == null")
	}
	for _, v := range e.List {
		l, err := plan.NewLiteral(v)
		if err != nil { // it stood in the rule
			panic(fmt.Sprintf("export: %v", err))
		}
		tests = append(tests, fmt.Sprintf("(%s == %s).catch(false)", x, w.literal(l.(*plan.Literal))))
	}
	return w.let("%s", strings.Join(tests, " || "))
}

func (w *bloblang) call(e *plan.Call) string {
	x := w.value(e.X)
	methods := map[string]string{
		"abs": "abs()", "ceil": "ceil()", "floor": "floor()", "round": "round()", "lower": "lowercase()", "upper": "uppercase()",
		"trim": `trim(" \t\n\f\r\v")`, "len": `re_find_all("(?s).").length()`, "epoch": "",
	}
	method, known := methods[e.Func]
	switch {
	case !known:
		w.no(describe(e), "Bloblang has no such function", "leave it out of the rule")
	case e.Func == "epoch":
		return w.let("if %s == null { null } else { %s / 1000000.0 }", x, x)
	}
	return w.let("if %s == null { null } else { %s.%s }", x, x, method)
}

// lines are the lets, indented.
func (w *bloblang) text(indent string) string {
	var b strings.Builder
	for _, l := range w.lets {
		b.WriteString(indent + l + "\n")
	}
	return b.String()
}

package rule

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// Summary is the sentence about an alarm, with expressions in it.
type Summary struct{ parts []summaryPart }

// summaryPart is plain text, or an expression over the row of a window.
type summaryPart struct {
	text    string
	expr    plan.Expr
	eval    plan.Evaluator
	percent bool
}

// Exprs lists the expressions in the sentence.
func (s Summary) Exprs() (exprs []plan.Expr) {
	for _, p := range s.parts {
		if p.expr != nil {
			exprs = append(exprs, p.expr)
		}
	}
	return exprs
}

// Each calls f for every piece of the sentence in order: plain text with a nil
// expression, or an expression, to be shown as a percentage if so wanted.
func (s Summary) Each(f func(text string, e plan.Expr, percent bool)) {
	for _, p := range s.parts {
		f(p.text, p.expr, p.percent)
	}
}

// Render writes the sentence for the row of a window; "" if there is none.
func (s Summary) Render(env *plan.Env) string {
	var b strings.Builder
	for _, p := range s.parts {
		if p.expr == nil {
			b.WriteString(p.text)
			continue
		}
		b.WriteString(display(p.eval(env), p.percent))
	}
	return b.String()
}

// display writes a value for a sentence: numbers with at most three decimals.
func display(v plan.Value, percent bool) string {
	f, number := v.Float()
	_, integer := v.Int64()
	switch {
	case v.IsNull():
		return "-"
	case percent && number:
		return strconv.FormatFloat(math.Round(f*1000)/10, 'f', -1, 64) + "%"
	case number && !integer:
		return strconv.FormatFloat(math.Round(f*1000)/1000, 'f', -1, 64)
	}
	return v.String()
}

// compileSummary reads "{{service}}: {{percent(error_rate)}} errors".
func compileSummary(t engine.Text, s windowScope) (Summary, error) {
	var out Summary
	var problems []error
	rest, at := t.Value, 0
	for {
		text, after, found := strings.Cut(rest, "{{")
		if text != "" {
			out.parts = append(out.parts, summaryPart{text: text})
		}
		if !found {
			return out, errors.Join(problems...)
		}
		at += len(text) + len("{{")
		source, tail, closed := strings.Cut(after, "}}")
		if !closed {
			e := t.At(at-len("{{"), "{{ is not closed").WithHint("write }} after the expression")
			return out, errors.Join(append(problems, e)...)
		}
		part, err := compilePart(inside(t, at, source), s)
		out.parts, problems = append(out.parts, part), append(problems, err)
		rest, at = tail, at+len(source)+len("}}")
	}
}

// inside is a piece of a text with its own place.
func inside(t engine.Text, offset int, value string) engine.Text {
	at := t.At(offset, "")
	return engine.Text{Value: value, File: at.File, Line: at.Line, Column: at.Column, Excerpt: at.Excerpt}
}

func compilePart(t engine.Text, s windowScope) (part summaryPart, err error) {
	node, lengths, err := parse(t)
	if err != nil {
		return part, err
	}
	c := &converter{text: t, scope: s, lengths: lengths}
	if call, ok := node.(*ast.CallNode); ok && call.Callee.String() == "percent" {
		args, err := c.args(call, 1)
		if err != nil {
			return part, err
		}
		if !isNumber(args[0]) {
			return part, c.refuse(call, "write percent(error_rate)", "percent wants a number")
		}
		part.expr, part.percent = args[0], true
	} else if part.expr, err = c.expr(node); err != nil {
		return part, err
	}
	if part.expr.Type() == engine.Unknown {
		return part, c.refuse(node, "name a measure or a group key", "nil says nothing")
	}
	part.eval = plan.Compile(part.expr, nil)
	return part, nil
}

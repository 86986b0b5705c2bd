package rule

import (
	"regexp"
	"strconv"

	"github.com/expr-lang/expr/ast"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// limitText is where in when a number stands that Thresholds lists, in bytes.
type limitText struct{ from, to int }

var numberText = regexp.MustCompile(`^-?\s*[0-9][0-9_]*(\.[0-9_]+)?([eE][+-]?[0-9]+)?|^-?\s*\.[0-9]+([eE][+-]?[0-9]+)?`)

// limitTexts finds the numbers of Thresholds in the text of when, in the same
// order.
func (r *Rule) limitTexts() (list []limitText) {
	text := r.Spec.When
	root, _, err := parse(text)
	if err != nil {
		return nil
	}
	measure := func(n ast.Node) bool {
		id, ok := n.(*ast.IdentifierNode)
		return ok && r.Plan.HasMeasure(id.Value)
	}
	var visit func(n ast.Node)
	visit = func(n ast.Node) {
		b, ok := n.(*ast.BinaryNode)
		if !ok {
			return
		}
		switch op := operators[b.Operator]; {
		case op == plan.And || op == plan.Or:
			visit(b.Left)
			visit(b.Right)
		case mirrored[op] == "":
		case measure(b.Left):
			list = appendLimit(list, text, b.Right)
		case measure(b.Right):
			list = appendLimit(list, text, b.Left)
		}
	}
	visit(root)
	return list
}

func appendLimit(list []limitText, text engine.Text, n ast.Node) []limitText {
	at := n.Location().From
	switch n := n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
	case *ast.UnaryNode:
		if n.Operator != "-" {
			return list
		}
	default:
		return list
	}
	from := byteOffset(text.Value, at)
	found := numberText.FindString(text.Value[from:])
	if found == "" {
		return list
	}
	return append(list, limitText{from, from + len(found)})
}

// withLimit is the text of when with another number for threshold i.
func (r *Rule) withLimit(i int, v float64) (string, bool) {
	texts := r.limitTexts()
	if i >= len(texts) || len(texts) != r.numericThresholds() {
		return "", false
	}
	s, at := r.Spec.When.Value, texts[i]
	return s[:at.from] + strconv.FormatFloat(v, 'g', -1, 64) + s[at.to:], true
}

func (r *Rule) numericThresholds() (n int) {
	for _, t := range r.Thresholds() {
		if _, ok := t.Value.Float(); ok {
			n++
		}
	}
	return n
}

package rule

import (
	"errors"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"

	"tidemark.dev/tidemark/engine"
)

// maxText bounds an expression: the parser recurses once a parenthesis.
const maxText = 16 << 10

// grammar makes the parser treat every function as a plain call: count() and
// sum(x) mean something else here than they do to it.
var grammar = sync.OnceValue(func() *conf.Config {
	c := conf.CreateNew()
	for _, f := range builtin.Builtins {
		c.Functions[f.Name] = f
	}
	return c
})

// parse reads an expression into a syntax tree, and says where in it durations
// stand.
func parse(t engine.Text) (node ast.Node, found lengths, err error) {
	if len(t.Value) > maxText {
		return nil, nil, t.At(0, "the expression is longer than %d bytes", maxText).WithHint("split it into several measures")
	}
	if !utf8.ValidString(t.Value) {
		return nil, nil, t.At(0, "the expression is not UTF-8").WithHint("save the file as UTF-8")
	}
	if strings.TrimSpace(t.Value) == "" {
		return nil, nil, t.At(0, "the expression is empty").WithHint("write one, as in body.status >= 500")
	}
	masked, found := maskLengths(t.Value)
	tree, err := parser.ParseWithConfig(masked, grammar())
	if err == nil {
		return tree.Node, found, nil
	}
	var e *file.Error
	if !errors.As(err, &e) {
		return nil, nil, t.At(0, "%w", err)
	}
	return nil, nil, syntaxError(t, e)
}

const (
	likeHint    = "write contains, startsWith, endsWith or matches"
	betweenHint = "write x >= 1 && x <= 5"
)

// foreign are operators of other languages, and ours.
var foreign = []struct{ theirs, ours string }{
	{"=~", "write matches to compare with a regular expression"},
	{"!~", "write not (x matches \"…\")"},
	{"<>", "write != for unequal"},
	{"=>", "write >= for at least"},
	{"=<", "write <= for at most"},
}

// foreignOperator is what to write instead of an operator of another language at,
// or just before, a place; "" if there is none.
func foreignOperator(text string, at int) string {
	for _, c := range foreign {
		for _, from := range []int{at, at - 1} {
			if from >= 0 && from <= len(text) && strings.HasPrefix(text[from:], c.theirs) {
				return c.ours
			}
		}
	}
	return ""
}

// wordBefore is the number or name that ends at a place.
func wordBefore(text string, at int) string {
	text = text[:min(max(at, 0), len(text))]
	return text[strings.LastIndexAny(text, " \t\n()<>=,")+1:]
}

// syntaxError tells what the parser says in our words.
func syntaxError(t engine.Text, e *file.Error) error {
	message := e.Message
	token := ""
	if rest, ok := strings.CutPrefix(message, "unexpected token "); ok {
		token = rest
		message = "unexpected " + plainToken(rest)
	}
	for _, known := range []struct{ theirs, ours string }{
		{"value out of range", "the number is too large"},
		{"integer literal is too large", "the number is too large"},
		{"literal not terminated", "the text is not closed"},
		{"cannot be mixed", "?? is mixed with another operator"},
		{"maximum allowed nodes", "the expression is too large"},
	} {
		if strings.Contains(message, known.theirs) {
			message = known.ours
		}
	}
	if strings.Contains(message, `Operator("#")`) {
		message, token = `unexpected "#"`, `Operator("#")`
	}
	problem := t.At(byteOffset(t.Value, e.From), "%s", message)
	if hint := foreignOperator(t.Value, byteOffset(t.Value, e.From)); hint != "" {
		return problem.WithHint("%s", hint)
	}
	for _, known := range []struct{ token, hint string }{
		{`Operator("=")`, "write == to compare"},
		{`Operator("#")`, "closures are not supported; combine conditions with && and ||"},
		{`Operator(".")`, "closures are not supported; write the whole path, as in body.status"},
		{`Operator("let")`, "give the value a measure of its own instead of let"},
		{`Operator("&")`, "write && for and"},
		{`Operator("|")`, "write || for or"},
		{`Operator("!")`, "write != for unequal"},
		{`Identifier("AND")`, "write && or and"},
		{`Identifier("OR")`, "write || or or"},
		{`Identifier("NOT")`, "write ! or not"},
		{`Identifier("IN")`, "write in"},
		{`Identifier("IS")`, "write == nil or != nil"},
		{`Identifier("LIKE")`, likeHint},
		{`Identifier("like")`, likeHint},
		{`Identifier("BETWEEN")`, betweenHint},
		{`Identifier("between")`, betweenHint},
		{`Identifier("is")`, "write == nil or != nil"},
		{`Identifier("startswith")`, "did you mean startsWith?"},
		{`Identifier("endswith")`, "did you mean endsWith?"},
		{"EOF", "the expression ends too early: finish it, or close what is open"},
	} {
		if token == known.token {
			return problem.WithHint("%s", known.hint)
		}
	}
	switch {
	case strings.Contains(message, "not closed"):
		return problem.WithHint("close the quote")
	case strings.Contains(e.Message, "value out of range") && strings.ContainsAny(wordBefore(t.Value, byteOffset(t.Value, e.From)), ".eE"):
		return problem.WithHint("numbers have 64 bits: 1.7e308 is the largest")
	case strings.Contains(message, "number is too large"):
		return problem.WithHint("integers have 64 bits; write 1e20 for a larger number")
	case strings.Contains(message, "too large"):
		return problem.WithHint("split it into several measures")
	case strings.Contains(message, "??"):
		return problem.WithHint("put parentheses around a ?? b")
	}
	return problem.WithHint(`write expressions like level == "ERROR" && body.status >= 500`)
}

// plainToken takes a token out of the parser's notation: Operator("=") is "=".
func plainToken(s string) string {
	if s == "EOF" {
		return "end"
	}
	if _, rest, ok := strings.Cut(s, "("); ok {
		return strings.TrimSuffix(rest, ")")
	}
	return s
}

// byteOffset turns a position in characters into one in bytes.
func byteOffset(s string, characters int) int {
	for i := range s {
		if characters == 0 {
			return i
		}
		characters--
	}
	return len(s)
}

package export

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// patternParser reads a filter pattern that selects by JSON:
//
//	pattern  { any }
//	any      all ("||" all)*
//	all      test ("&&" test)*
//	test     "(" any ")" | selector (OP constant | IS NULL|TRUE|FALSE | NOT EXISTS)
type patternParser struct {
	rest  string
	depth int
}

// checkPattern reports what is wrong with a filter pattern; the empty one
// takes every line.
func checkPattern(s string) error {
	if s == "" {
		return nil
	}
	inside, opened := strings.CutPrefix(s, "{")
	inside, closed := strings.CutSuffix(inside, "}")
	if !opened || !closed {
		return fmt.Errorf("%q does not stand in braces", s)
	}
	p := &patternParser{rest: inside}
	if err := p.any(); err != nil {
		return err
	}
	if p.space(); p.rest != "" {
		return fmt.Errorf("%q is left over", p.rest)
	}
	return nil
}

func (p *patternParser) space() { p.rest = strings.TrimLeft(p.rest, " ") }

// take reads a token, if it comes next.
func (p *patternParser) take(token string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.rest, token)
	if ok {
		p.rest = rest
	}
	return ok
}

// takeMatch reads what an expression that begins with ^ matches.
func (p *patternParser) takeMatch(re *regexp.Regexp) string {
	p.space()
	s := re.FindString(p.rest)
	p.rest = p.rest[len(s):]
	return s
}

func (p *patternParser) any() error {
	return p.list("||", func() error { return p.list("&&", p.test) })
}

func (p *patternParser) list(separator string, item func() error) error {
	for {
		if err := item(); err != nil {
			return err
		}
		if !p.take(separator) {
			return nil
		}
	}
}

var (
	patternSelector = regexp.MustCompile(`^\$(\.[A-Za-z0-9_-]+|\[[0-9]+\])+`)
	patternNumber   = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?`)
	patternText     = regexp.MustCompile(`^"[^"\\\x00-\x1f]*"`)
)

func (p *patternParser) selector() error {
	if p.takeMatch(patternSelector) == "" {
		return fmt.Errorf("no selector at %q", p.rest)
	}
	return nil
}

func (p *patternParser) test() error {
	if p.take("(") {
		if p.depth++; p.depth > 100 {
			return fmt.Errorf("the parentheses nest too deeply")
		}
		if err := p.any(); err != nil {
			return err
		}
		if !p.take(")") {
			return fmt.Errorf("no ) at %q", p.rest)
		}
		p.depth--
		return nil
	}
	if err := p.selector(); err != nil {
		return err
	}
	if p.take("NOT EXISTS") || p.take("IS NULL") || p.take("IS TRUE") || p.take("IS FALSE") {
		return nil
	}
	for _, op := range []string{"<=", ">=", "!=", "=", "<", ">"} {
		if p.take(op) {
			return p.constant(op)
		}
	}
	return fmt.Errorf("no operator at %q", p.rest)
}

// constant reads what stands right of an operator: text can only be equal.
func (p *patternParser) constant(op string) error {
	if p.takeMatch(patternNumber) != "" {
		return nil
	}
	if p.takeMatch(patternText) == "" {
		return fmt.Errorf("no constant at %q", p.rest)
	}
	if op != "=" && op != "!=" {
		return fmt.Errorf("text has no order: %s", op)
	}
	return nil
}

// mathParser reads metric math, as much of it as we write.
type mathParser struct {
	patternParser
	ids map[string]bool
}

// checkMath reports what is wrong with an expression over the metrics ids.
func checkMath(s string, ids map[string]bool) error {
	p := &mathParser{patternParser{rest: s}, ids}
	if err := p.level(0); err != nil {
		return err
	}
	if p.space(); p.rest != "" {
		return fmt.Errorf("%q is left over", p.rest)
	}
	return nil
}

// mathLevels are the binary operators, the loosest first.
var mathLevels = [][]string{{"OR", "||"}, {"AND", "&&"}, {"==", "!=", "<=", ">=", "<", ">"}, {"+", "-"}, {"*", "/"}}

func (p *mathParser) level(n int) error {
	if n == len(mathLevels) {
		return p.operand()
	}
	for {
		if err := p.level(n + 1); err != nil {
			return err
		}
		if !slices.ContainsFunc(mathLevels[n], p.take) {
			return nil
		}
	}
}

var (
	mathWord = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*`)
	// mathFunctions lists how many arguments functions take.
	mathFunctions = map[string]int{"IF": 3, "FILL": 2, "ABS": 1, "CEIL": 1, "FLOOR": 1}
)

func (p *mathParser) operand() error {
	if p.depth++; p.depth > 200 {
		return fmt.Errorf("the expression nests too deeply")
	}
	defer func() { p.depth-- }()
	switch {
	case p.take("-"):
		return p.operand()
	case p.take("("):
		return p.closed(p.level(0))
	case p.takeMatch(patternNumber) != "":
		return nil
	}
	word := p.takeMatch(mathWord)
	want, function := mathFunctions[word]
	switch {
	case p.ids[word]:
		return nil
	case !function:
		return fmt.Errorf("no metric and no function at %q", word+p.rest)
	case !p.take("("):
		return fmt.Errorf("no ( after %s", word)
	}
	n := 0
	err := p.list(",", func() error { n++; return p.level(0) })
	if err == nil && n != want {
		return fmt.Errorf("%s takes %d arguments, not %d", word, want, n)
	}
	return p.closed(err)
}

func (p *mathParser) closed(err error) error {
	if err == nil && !p.take(")") {
		return fmt.Errorf("no ) at %q", p.rest)
	}
	return err
}

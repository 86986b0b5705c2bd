package sqltext

import (
	"sort"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Part is a statement under the name by which others select from it.
type Part struct {
	Name      string
	Statement *Statement
}

// Composed is a statement with common table expressions in front. Every
// statement in it stands on lines of its own and keeps its columns, so that a
// position in the composed text leads back to the statement it came from.
type Composed struct {
	SQL string
	// Params are the $parameters in it, each once, in lower case, sorted.
	Params []string
	starts []int // the line each part begins on; the last is the main statement
	ends   []int
}

// Compose puts parts, in this order, in front of a statement, each as a
// common table expression. Later parts may select from earlier ones.
func Compose(main *Statement, parts []Part) *Composed {
	c := &Composed{}
	if len(parts) == 0 {
		c.SQL = main.source
		c.place(0, main.source)
		c.collect(main)
		return c
	}
	var b strings.Builder
	b.WriteString(main.head + "WITH ")
	if main.recursive {
		b.WriteString("RECURSIVE ")
	}
	for i, p := range parts {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString(engine.QuoteIdent(p.Name) + " AS (\n")
		c.place(strings.Count(b.String(), "\n"), p.Statement.source)
		b.WriteString(p.Statement.Subquery() + "\n)")
		c.collect(p.Statement)
	}
	switch {
	case main.with:
		b.WriteString(",")
	case main.joint != "":
		b.WriteString("\n" + main.joint)
	}
	b.WriteString("\n")
	c.place(strings.Count(b.String(), "\n"), main.source)
	b.WriteString(main.body)
	c.collect(main)
	c.SQL = b.String()
	return c
}

func (c *Composed) place(line int, source string) {
	c.starts = append(c.starts, line+1)
	c.ends = append(c.ends, line+1+strings.Count(source, "\n"))
}

func (c *Composed) collect(s *Statement) {
	for _, p := range s.Params {
		name := strings.ToLower(p.Value)
		at := sort.SearchStrings(c.Params, name)
		if at == len(c.Params) || c.Params[at] != name {
			c.Params = append(c.Params, "")
			copy(c.Params[at+1:], c.Params[at:])
			c.Params[at] = name
		}
	}
}

// Origin tells which part a line of the composed text belongs to, as its index
// among the parts (their number for the main statement), and the 1-based line
// within it. ok is false for a line that is nobody's.
func (c *Composed) Origin(line int) (part, partLine int, ok bool) {
	for i := range c.starts {
		if c.starts[i] <= line && line <= c.ends[i] {
			return i, line - c.starts[i] + 1, true
		}
	}
	return 0, 0, false
}

// Subquery is the statement as it can stand in parentheses: on its own lines
// and columns, without a semicolon at the end.
func (s *Statement) Subquery() string {
	body := []byte(s.body)
	if s.with || s.head != "" { // put back what only Compose takes off
		copy(body, s.source)
		for _, t := range s.semicolons() {
			blank(body, t)
		}
	}
	return string(body)
}

// semicolons are those after the last token.
func (s *Statement) semicolons() (list []Token) {
	tokens := Tokens(s.source)
	for i := len(tokens) - 1; i >= 0; i-- {
		t := tokens[i]
		switch {
		case t.Kind == Symbol && s.source[t.Start] == ';':
			list = append(list, t)
		case t.Kind != Space && t.Kind != Comment:
			return list
		}
	}
	return list
}

// Replace gives the statement, as a subquery, with each $parameter replaced by
// what by gives for its name.
func (s *Statement) Replace(by func(name string) string) string {
	text := s.Subquery()
	var b strings.Builder
	at := 0
	for _, p := range s.Params {
		b.WriteString(text[at:p.Offset])
		b.WriteString(by(p.Value))
		at = p.Offset + 1 + len(p.Value)
	}
	b.WriteString(text[at:])
	return b.String()
}

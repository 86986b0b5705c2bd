package sqltext

import (
	"slices"
	"strings"
)

// scope is what a pair of parentheses, or the whole statement, knows.
type scope struct {
	// tables says that a FROM clause is open; expect that a table may stand
	// at the next token.
	tables, expect bool
	// function says that FROM is no clause here: extract(hour FROM t).
	function bool
	// ctes are the names that a WITH defined in it so far.
	ctes []string
	// list says that a WITH list is open, pending is the name whose body
	// comes next.
	list      bool
	recursive bool
	pending   string
}

// tableFinder walks the tokens of a statement and keeps track of where a
// table may stand: after FROM and JOIN, after the commas of a FROM clause, and
// after words like PIVOT.
type tableFinder struct {
	*Statement
	tokens []Token
	scopes []scope
}

// tables fills in what the statement selects from, what it defines and
// whether it is ordered.
func tables(s *Statement, tokens []Token) {
	f := &tableFinder{Statement: s, tokens: tokens, scopes: []scope{{}}}
	for i := 0; i < len(tokens); i++ {
		i += f.step(i)
	}
}

func (f *tableFinder) top() *scope { return &f.scopes[len(f.scopes)-1] }

// is reports whether token i is the symbol c.
func (f *tableFinder) is(i int, c byte) bool {
	return i >= 0 && i < len(f.tokens) && f.tokens[i].Kind == Symbol && f.source[f.tokens[i].Start] == c
}

func (f *tableFinder) wordAt(i int) string {
	if i < 0 || i >= len(f.tokens) {
		return ""
	}
	return f.word(f.tokens[i])
}

// step handles token i and gives how many tokens after it were handled too.
func (f *tableFinder) step(i int) int {
	t := f.tokens[i]
	switch {
	case t.Kind == Symbol:
		f.symbol(i)
	case f.is(i-1, '.'):
		f.top().expect = false
	case t.Kind == Quoted || t.Kind == Word:
		if f.top().list && f.top().pending == "" && f.definition(i) {
			return 0
		}
		if t.Kind == Word && !f.is(i+1, '.') && f.keyword(i) {
			return 0
		}
		f.name(i)
	default:
		f.top().expect = false
	}
	return 0
}

func (f *tableFinder) symbol(i int) {
	top := f.top()
	switch f.source[f.tokens[i].Start] {
	case '(', '[', '{':
		inner := scope{}
		if f.is(i, '(') {
			inner.tables, inner.expect = top.expect, top.expect
			inner.function = slices.Contains(fromFunctions, f.wordAt(i-1))
			if top.pending != "" && top.recursive {
				f.define(top)
			}
		}
		top.expect = false
		f.scopes = append(f.scopes, inner)
	case ')', ']', '}':
		if len(f.scopes) > 1 {
			f.scopes = f.scopes[:len(f.scopes)-1]
		}
		if top = f.top(); top.pending != "" && !f.columnList(i) {
			f.define(top)
		}
	case ',':
		top.expect = top.tables
	default:
		top.expect = top.expect && f.is(i, ':')
	}
}

// fromFunctions have a FROM among their arguments.
var fromFunctions = []string{"extract", "substring", "trim", "overlay", "position"}

// columnList reports whether the parenthesis that closes at token i listed the
// columns of a definition, whose body is still to come.
func (f *tableFinder) columnList(i int) bool {
	next := f.wordAt(i + 1)
	return next == "as" || next == "using"
}

func (f *tableFinder) define(s *scope) {
	s.ctes = append(s.ctes, strings.ToLower(s.pending))
	s.pending = ""
}

// definition handles the name of a WITH list: WITH name, or a comma and name.
func (f *tableFinder) definition(i int) bool {
	before := f.wordAt(i - 1)
	if before != "with" && before != "recursive" && !f.is(i-1, ',') {
		return false
	}
	if f.wordAt(i) == "recursive" && before == "with" {
		f.top().recursive = true
		return true
	}
	name := f.unquote(i)
	f.top().pending = name
	if len(f.scopes) == 1 {
		f.Defines = append(f.Defines, Name{name, f.tokens[i].Start})
	}
	return true
}

// keyword handles a word that opens or ends a place for tables.
func (f *tableFinder) keyword(i int) bool {
	top := f.top()
	switch f.wordAt(i) {
	case "from":
		if !top.function && f.wordAt(i-1) != "distinct" {
			top.tables, top.expect = true, true
		}
	case "join":
		top.tables, top.expect = true, true
	case "pivot", "unpivot", "describe", "desc", "summarize", "table":
		if f.starts(i) {
			top.expect = true
		}
	case "lateral":
	case "with":
		if !f.starts(i) {
			return false
		}
		top.list, top.tables, top.expect = true, false, false
	case "select", "values":
		top.list, top.tables, top.expect = false, false, false
	case "where", "group", "having", "limit", "window", "qualify", "union", "except", "intersect", "on", "using", "sample", "offset":
		f.clause(top, f.wordAt(i))
	case "order":
		f.clause(top, "order")
		f.Ordered = f.Ordered || len(f.scopes) == 1 && f.wordAt(i+1) == "by"
	default:
		return false
	}
	return true
}

// clause ends the place for tables; after the condition of a join a comma
// still continues the FROM clause.
func (f *tableFinder) clause(s *scope, word string) {
	s.expect = false
	if word != "on" && word != "using" {
		s.tables = false
	}
}

// starts reports whether token i begins a statement or a subquery.
func (f *tableFinder) starts(i int) bool {
	if i == 0 || f.is(i-1, '(') {
		return true
	}
	switch f.wordAt(i - 1) {
	case "explain", "analyze", "from", "describe", "summarize", "as", "materialized":
		return true
	}
	return f.is(i-1, ')')
}

// name handles any other name: a table, if one may stand here.
func (f *tableFinder) name(i int) {
	top := f.top()
	if !top.expect {
		return
	}
	if f.is(i+1, ':') && !f.is(i+2, ':') { // FROM alias: table
		return
	}
	top.expect = false
	if f.is(i+1, '.') || f.is(i+1, '(') {
		return
	}
	name := f.unquote(i)
	if !f.defined(name) {
		f.Tables = append(f.Tables, Name{name, f.tokens[i].Start})
	}
}

func (f *tableFinder) defined(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(f.scopes, func(s scope) bool { return slices.Contains(s.ctes, name) })
}

func (f *tableFinder) unquote(i int) string {
	t := f.tokens[i]
	text := f.source[t.Start:t.End]
	if t.Kind == Quoted {
		return strings.ReplaceAll(text[1:len(text)-1], `""`, `"`)
	}
	return text
}

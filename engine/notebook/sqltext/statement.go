package sqltext

import (
	"strings"
)

// Name is a name in a text and the byte offset where it stands.
type Name struct {
	Value  string // without quotes or the dollar sign
	Offset int
}

// Statement is one SQL statement, read far enough to put common table
// expressions in front of it.
type Statement struct {
	// Tables are the names it selects from that it does not define itself,
	// without those that a schema qualifies, in order; Params are its
	// $parameters. A name may come several times.
	Tables, Params []Name
	// Defines are the names of its own outermost WITH.
	Defines []Name
	// Ordered says that it has an ORDER BY of its own.
	Ordered bool

	source    string
	head      string // EXPLAIN and the like, which must stay in front
	joint     string // what stands between the WITH list and the body
	body      string // the source with head, WITH and ; made blank
	with      bool
	recursive bool
}

// Problem is why a text is not one statement.
type Problem struct {
	Offset  int
	Message string
	Hint    string
}

// Error is the message.
func (p *Problem) Error() string { return p.Message }

// Parse reads a text that should be one statement. An error is a *Problem.
func Parse(src string) (*Statement, error) {
	s := &Statement{source: src}
	tokens, p := significant(src)
	if p != nil {
		return nil, p
	}
	for _, t := range tokens {
		if t.Kind == Param {
			s.Params = append(s.Params, Name{src[t.Start+1 : t.End], t.Start})
		}
	}
	tables(s, tokens)
	s.split(tokens)
	return s, nil
}

// significant gives the tokens that are neither space nor comment nor the
// semicolons at the end, and makes sure that they can stand in parentheses.
func significant(src string) ([]Token, *Problem) {
	var list []Token
	var open []Token
	for _, t := range Tokens(src) {
		if t.Open {
			return nil, &Problem{t.Start, "this " + map[Kind]string{Comment: "comment", Text: "text", Quoted: "quoted name"}[t.Kind] + " is not closed", "close it"}
		}
		switch c := src[t.Start]; {
		case t.Kind == Space || t.Kind == Comment:
			continue
		case t.Kind == Positional:
			return nil, &Problem{t.Start, src[t.Start:t.End] + " is a parameter without a name", "write $name, and declare the name under params"}
		case t.Kind != Symbol:
		case strings.IndexByte("([{", c) >= 0:
			open = append(open, t)
		case strings.IndexByte(")]}", c) >= 0:
			if len(open) == 0 || closing[src[open[len(open)-1].Start]] != c {
				return nil, &Problem{t.Start, string(c) + " closes nothing", "remove it, or open it before"}
			}
			open = open[:len(open)-1]
		}
		list = append(list, t)
	}
	if len(open) > 0 {
		t := open[len(open)-1]
		return nil, &Problem{t.Start, src[t.Start:t.End] + " is not closed", "close it"}
	}
	return oneStatement(src, list)
}

var closing = map[byte]byte{'(': ')', '[': ']', '{': '}'}

func oneStatement(src string, list []Token) ([]Token, *Problem) {
	for len(list) > 0 && src[list[len(list)-1].Start] == ';' {
		list = list[:len(list)-1]
	}
	if len(list) == 0 {
		return nil, &Problem{0, "there is no statement", "write a SELECT"}
	}
	for i, t := range list {
		if t.Kind == Symbol && src[t.Start] == ';' {
			return nil, &Problem{list[i+1].Start, "a second statement begins here", "put it into a cell of its own"}
		}
	}
	return list, nil
}

// word is the token in lower case if it is an unquoted word, else "".
func (s *Statement) word(t Token) string {
	if t.Kind != Word {
		return ""
	}
	return strings.ToLower(s.source[t.Start:t.End])
}

// split takes the words at the front that must stay in front, and WITH, off
// the body. The body keeps its lines and columns.
func (s *Statement) split(tokens []Token) {
	body := []byte(s.source)
	rest := tokens
	take := func() string {
		t := rest[0]
		rest = rest[1:]
		return blank(body, t)
	}
	wordAt := func() string {
		if len(rest) == 0 {
			return ""
		}
		return s.word(rest[0])
	}
	if wordAt() == "explain" {
		s.head += take() + " "
		if wordAt() == "analyze" {
			s.head += take() + " "
		} else if len(rest) > 0 && s.source[rest[0].Start] == '(' {
			for len(rest) > 0 && !strings.HasSuffix(s.head, ") ") {
				s.head += take() + " "
			}
		}
	}
	if w := wordAt(); w == "describe" || w == "desc" || w == "summarize" {
		s.head += take() + " "
		switch wordAt() {
		case "select", "with", "from", "values", "table", "pivot", "unpivot":
		default:
			s.joint = "FROM "
		}
	}
	if wordAt() == "with" {
		take()
		s.with = true
		if wordAt() == "recursive" {
			take()
			s.recursive = true
		}
	}
	end := tokens[len(tokens)-1].End
	for _, t := range Tokens(s.source[end:]) {
		if t.Kind == Symbol {
			blank(body, Token{Start: end + t.Start, End: end + t.End})
		}
	}
	s.body = string(body)
}

// blank overwrites a token with spaces and gives what it was.
func blank(body []byte, t Token) string {
	was := string(body[t.Start:t.End])
	copy(body[t.Start:], strings.Repeat(" ", t.End-t.Start))
	return was
}

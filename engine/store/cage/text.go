package cage

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"tidemark.dev/tidemark/engine"
)

// Limits of a query's text.
const (
	maxLength = 1 << 20
	maxDepth  = 200
)

// source is a query cut into what DuckDB's parser will see. The text that is
// run keeps every byte at its place, so that positions in errors hold.
type source struct {
	// original is the query as it was given.
	original string
	// run is the one statement: EXPLAIN and its options, if any, and what
	// follows. Comments before it and everything behind its end are blanked.
	run string
	// at is where what is explained begins: 0 when there is no EXPLAIN.
	at int
}

// body is the statement without EXPLAIN.
func (s *source) body() string { return s.run[s.at:] }

// read cuts a query. It refuses what is too long or too deep for a parser
// that recurses, and what is no text.
func read(query string) (*source, error) {
	if err := bounded(query); err != nil {
		return nil, err
	}
	words := tokens(query)
	if len(words) == 0 {
		return nil, engine.Errorf(engine.Invalid, op, "there is no statement").WithHint("write a SELECT")
	}
	words, err := one(query, words)
	if err != nil {
		return nil, err
	}
	text := []byte(query[:words[len(words)-1].end])
	spaces(text, words)
	s := &source{original: query, at: explained(query, words)}
	if s.at > 0 {
		blankBetween(text[:s.at], words)
	}
	s.run = string(text)
	return s, nil
}

// bounded refuses a text by its length, its bytes and the nesting of its
// brackets. Quoted text counts too: DuckDB functions parse some of it.
func bounded(query string) error {
	if len(query) > maxLength {
		return engine.Errorf(engine.Invalid, op, "the query is longer than %d characters", maxLength)
	}
	depth := 0
	for i, r := range query {
		switch r {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth = max(0, depth-1)
		case 0:
			return pointAt(query, i, "the query holds a NUL character")
		case utf8.RuneError:
			if _, size := utf8.DecodeRuneInString(query[i:]); size == 1 {
				return pointAt(query, i, "the query is not UTF-8")
			}
		}
		if depth > maxDepth {
			return pointAt(query, i, "the query is nested more than %d deep", maxDepth)
		}
	}
	return nil
}

// one takes the tokens of the only statement, and refuses a second one.
func one(query string, words []token) ([]token, error) {
	for len(words) > 0 && words[0].semicolon {
		words = words[1:]
	}
	for i, w := range words {
		if !w.semicolon {
			continue
		}
		for _, after := range words[i:] {
			if !after.semicolon {
				return nil, pointAt(query, after.start, "there is more than one statement").WithHint("run one SELECT at a time")
			}
		}
		words = words[:i]
		break
	}
	if len(words) == 0 {
		return nil, engine.Errorf(engine.Invalid, op, "there is no statement").WithHint("write a SELECT")
	}
	return words, nil
}

// spaces turns everything between the tokens that is no plain space (a
// comment, a space of Unicode) into spaces; lines stay lines.
func spaces(text []byte, words []token) {
	from := 0
	for _, w := range words {
		blank(text[from:w.start])
		from = w.end
	}
}

// blankBetween is spaces for the tokens of a prefix.
func blankBetween(text []byte, words []token) {
	for i, w := range words {
		if w.start >= len(text) {
			spaces(text, words[:i])
			return
		}
	}
}

func blank(text []byte) {
	for i, c := range text {
		if c != '\n' {
			text[i] = ' '
		}
	}
}

// explained finds where the statement behind EXPLAIN begins.
func explained(query string, words []token) int {
	is := func(i int, word string) bool {
		return i < len(words) && strings.EqualFold(words[i].of(query), word)
	}
	if !is(0, "explain") {
		return 0
	}
	next := 1
	switch {
	case is(1, "analyze"):
		next = 2
	case is(1, "(") && (is(2, "analyze") || is(2, "format")):
		for next = 2; next < len(words) && !is(next, ")"); {
			next++
		}
		next++
	}
	if next >= len(words) {
		return 0
	}
	return words[next].start
}

// token is a word, a number, a quoted text or a sign of a query.
type token struct {
	start, end int
	semicolon  bool
}

func (t token) of(query string) string { return query[t.start:t.end] }

// tokens splits a query as DuckDB's parser does. It need not be right for
// what is safe: what it cuts out is parsed by DuckDB before it is run.
func tokens(query string) []token {
	var out []token
	for i := 0; i < len(query); {
		end := skipBlank(query, i)
		if end > i {
			i = end
			continue
		}
		end = tokenEnd(query, i)
		out = append(out, token{i, end, query[i] == ';'})
		i = end
	}
	return out
}

// skipBlank gives the end of the space or the comment at i, or i.
func skipBlank(query string, i int) int {
	switch rest := query[i:]; {
	case strings.HasPrefix(rest, "--"):
		if n := strings.IndexAny(rest, "\r\n"); n >= 0 {
			return i + n
		}
		return len(query)
	case strings.HasPrefix(rest, "/*"):
		return commentEnd(query, i)
	}
	r, size := utf8.DecodeRuneInString(query[i:])
	if unicode.IsSpace(r) || r >= 0x2000 && r <= 0x200d || r == 0x2060 || r == 0xfeff || r == 0x180e {
		return i + size
	}
	return i
}

// commentEnd finds the end of a comment, in which others may nest. One that
// does not end is none, and DuckDB will say so.
func commentEnd(query string, start int) int {
	depth, i := 0, start
	for i < len(query) {
		switch {
		case strings.HasPrefix(query[i:], "/*"):
			depth++
			i += 2
		case strings.HasPrefix(query[i:], "*/"):
			i += 2
			if depth--; depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return start
}

func tokenEnd(query string, i int) int {
	switch c := query[i]; {
	case c == '\'':
		escapes := i > 0 && (query[i-1] == 'e' || query[i-1] == 'E') && (i == 1 || !wordByte(query[i-2]))
		return quoteEnd(query, i, escapes)
	case c == '"':
		return quoteEnd(query, i, false)
	case c == '$':
		return dollarEnd(query, i)
	case wordByte(c):
		for i < len(query) && wordByte(query[i]) && (query[i] < utf8.RuneSelf || skipBlank(query, i) == i) {
			i++
		}
		return i
	}
	return i + 1
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}

// quoteEnd finds the end of a text in quotes, in which a quote is doubled.
func quoteEnd(query string, i int, escapes bool) int {
	quote := query[i]
	for i++; i < len(query); i++ {
		switch {
		case escapes && query[i] == '\\':
			i++
		case query[i] != quote:
		case i+1 < len(query) && query[i+1] == quote:
			i++
		default:
			return i + 1
		}
	}
	return len(query)
}

// dollarEnd finds the end of a text in dollar quotes ($$...$$, $tag$...$tag$)
// or of a parameter ($1, $name).
func dollarEnd(query string, i int) int {
	tag := i + 1
	for tag < len(query) && wordByte(query[tag]) {
		tag++
	}
	if tag < len(query) && query[tag] == '$' && (tag == i+1 || query[i+1] < '0' || query[i+1] > '9') {
		mark := query[i : tag+1]
		if n := strings.Index(query[tag+1:], mark); n >= 0 {
			return tag + 1 + n + len(mark)
		}
		return len(query)
	}
	return tag
}

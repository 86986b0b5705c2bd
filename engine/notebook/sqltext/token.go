// Package sqltext reads SQL as text, without a database: where its strings,
// comments, names and $parameters are, which tables it selects from, and how
// common table expressions can be put in front of it. It reads the lexical
// rules of DuckDB and leaves grammar and meaning to DuckDB itself.
package sqltext

import (
	"strings"
	"unicode/utf8"
)

// Kind says what a Token is.
type Kind uint8

// The kinds of token.
const (
	Space   Kind = iota
	Comment      // -- to the end of the line, or /* nested */
	Text         // 'a', E'a\'', $$a$$, $tag$a$tag$
	Word         // an unquoted name or a keyword
	Quoted       // "a name"
	Number
	Param      // $name
	Positional // ? or $1
	Symbol     // one character of anything else
)

// Token is a part of a SQL text: the bytes from Start to End.
type Token struct {
	Kind       Kind
	Start, End int
	// Open says that a string, a comment or a quoted name is not closed.
	Open bool
}

// Tokens splits a text into tokens. Together they are the whole text,
// whatever it is.
func Tokens(src string) []Token {
	var list []Token
	for at := 0; at < len(src); {
		t := next(src, at)
		list = append(list, t)
		at = t.End
	}
	return list
}

// next reads the token at a byte offset.
func next(src string, at int) Token {
	c, rest := src[at], src[at:]
	switch {
	case isSpace(c):
		return span(Space, at, at+runLength(rest, isSpace))
	case strings.HasPrefix(rest, "--"):
		return span(Comment, at, at+lineLength(rest))
	case strings.HasPrefix(rest, "/*"):
		return blockComment(src, at)
	case c == '\'':
		return quoted(Text, src, at, at+1, '\'', false)
	case (c == 'e' || c == 'E') && strings.HasPrefix(rest[1:], "'"):
		return quoted(Text, src, at, at+2, '\'', true)
	case c == '"':
		return quoted(Quoted, src, at, at+1, '"', false)
	case c == '$':
		return dollar(src, at)
	case c == '?':
		return span(Positional, at, at+1)
	case isDigit(c), c == '.' && len(rest) > 1 && isDigit(rest[1]):
		return span(Number, at, at+numberLength(rest))
	case isWordStart(c):
		return span(Word, at, at+runLength(rest, isWordPart))
	}
	_, size := utf8.DecodeRuneInString(rest)
	return span(Symbol, at, at+size)
}

func span(k Kind, start, end int) Token { return Token{Kind: k, Start: start, End: end} }

func runLength(s string, is func(byte) bool) int {
	n := 1
	for n < len(s) && is(s[n]) {
		n++
	}
	return n
}

// lineLength is the length of the first line without its end, which may be a
// carriage return alone.
func lineLength(s string) int {
	if n := strings.IndexAny(s, "\r\n"); n >= 0 {
		return n
	}
	return len(s)
}

func blockComment(src string, at int) Token {
	depth := 0
	for i := at; i < len(src); {
		switch {
		case strings.HasPrefix(src[i:], "/*"):
			depth++
			i += 2
		case strings.HasPrefix(src[i:], "*/"):
			depth--
			i += 2
			if depth == 0 {
				return span(Comment, at, i)
			}
		default:
			i++
		}
	}
	return Token{Kind: Comment, Start: at, End: len(src), Open: true}
}

// quoted reads up to the closing quote; a doubled quote stands for itself, and
// so does any character after a backslash where those escape.
func quoted(k Kind, src string, at, from int, quote byte, escapes bool) Token {
	for i := from; i < len(src); i++ {
		switch {
		case escapes && src[i] == '\\':
			i++
		case src[i] != quote:
		case i+1 < len(src) && src[i+1] == quote:
			i++
		default:
			return span(k, at, i+1)
		}
	}
	return Token{Kind: k, Start: at, End: len(src), Open: true}
}

// dollar reads $name, $1, $$text$$ and $tag$text$tag$.
func dollar(src string, at int) Token {
	end := at + 1
	for end < len(src) && isTagPart(src[end]) {
		end++
	}
	named := end > at+1
	if end < len(src) && src[end] == '$' && (!named || !isDigit(src[at+1])) {
		tag := src[at : end+1]
		if n := strings.Index(src[end+1:], tag); n >= 0 {
			return span(Text, at, end+1+n+len(tag))
		}
		return Token{Kind: Text, Start: at, End: len(src), Open: true}
	}
	switch {
	case !named:
		return span(Symbol, at, at+1)
	case isDigit(src[at+1]):
		return span(Positional, at, at+runLength(src[at:], isDigit))
	}
	return span(Param, at, end)
}

// numberLength takes digits, letters and dots together (1_000, 0x1F, 1.5e3)
// and the sign of an exponent.
func numberLength(s string) int {
	n := 1
	for ; n < len(s); n++ {
		c := s[n]
		exponent := (c == '+' || c == '-') && (s[n-1] == 'e' || s[n-1] == 'E') && n+1 < len(s) && isDigit(s[n+1]) && !strings.HasPrefix(s, "0x")
		if c != '.' && !isTagPart(c) && !exponent {
			break
		}
	}
	return n
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWordStart(c byte) bool {
	return c == '_' || c >= 0x80 || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isTagPart(c byte) bool { return isWordStart(c) || isDigit(c) }

func isWordPart(c byte) bool { return isTagPart(c) || c == '$' }

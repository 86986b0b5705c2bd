package cage

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/rivo/uniseg"

	"tidemark.dev/tidemark/engine"
)

// Explain makes an error of DuckDB into one for the person who wrote the
// query: where it is, what is wrong, and DuckDB's own advice as the hint.
func Explain(err error, query string) error {
	if err == nil {
		return nil
	}
	var known *engine.Error
	if errors.As(err, &known) {
		return err
	}
	if engine.KindOf(err) == engine.Canceled {
		return &engine.Error{Kind: engine.Canceled, Op: op, Err: err}
	}
	message := err.Error()
	text, hint := splitHint(plainMessage(err))
	e := engine.Errorf(engine.Invalid, op, "%s", text)
	if at, ok := position(message, query); ok {
		e = pointAt(query, at, "%s", text)
	}
	e.Hint = hint
	classify(e, err)
	return e
}

// classify settles the kind of an error, and the advice that only we can
// give.
func classify(e *engine.Error, err error) {
	var from *duckdb.Error
	if !errors.As(err, &from) {
		e.Kind = engine.Internal
		return
	}
	switch from.Type {
	case duckdb.ErrorTypeInterrupt:
		e.Kind = engine.Canceled
	case duckdb.ErrorTypeOutOfMemory:
		e.Kind, e.Hint = engine.Unavailable, "ask for less at once: fewer rows or smaller values; or raise limits.memory in tidemark.yaml"
		if strings.Contains(from.Msg, "max_temp_directory_size") {
			e.Hint = "ask for less at once, or raise limits.temp or limits.memory in tidemark.yaml"
		}
	case duckdb.ErrorTypeInternal, duckdb.ErrorTypeFatal, duckdb.ErrorTypeTransaction, duckdb.ErrorTypeSerialization:
		e.Kind = engine.Internal
	case duckdb.ErrorTypeIO, duckdb.ErrorTypeConnection:
		e.Kind = engine.Unavailable
	case duckdb.ErrorTypePermission:
		e.Err, e.Hint = errNoFiles(""), "a query reads the datasets of the workspace"
	}
}

func errNoFiles(name string) error {
	if name == "" {
		return errors.New("files cannot be read or written by a query")
	}
	return fmt.Errorf("%q is no table of the workspace, and files cannot be read by a query", name)
}

var kindOfError = regexp.MustCompile(`^[A-Za-z ]{0,40}Error: `)

// plainMessage is DuckDB's message without its kind and its excerpt.
func plainMessage(err error) string {
	text := kindOfError.ReplaceAllString(err.Error(), "")
	if at := caretLine.FindStringIndex(text); at != nil {
		text = text[:at[0]]
	}
	return clean(text)
}

// clean makes a message end like ours and begin in lower case.
func clean(s string) string {
	s = strings.TrimRight(strings.TrimSpace(s), "!.")
	if len(s) > 1 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'a' && s[1] <= 'z' {
		s = strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

// advice marks where DuckDB's message turns to what could be done.
var advice = regexp.MustCompile(`\n\s*(?:Did you mean|Candidate bindings:|Candidate functions:|Candidates:|Candidate tables:|Either add it|Possible solutions|LINE \d)|[.!] You might need`)

// splitHint takes DuckDB's advice off its message.
func splitHint(s string) (message, hint string) {
	at := advice.FindStringIndex(s)
	if at == nil {
		return strings.Join(strings.Fields(s), " "), ""
	}
	message = strings.TrimRight(strings.TrimSpace(s[:at[0]]), "!.")
	hint = strings.Join(strings.Fields(strings.TrimLeft(s[at[0]:], "!. \n\t")), " ")
	if strings.HasPrefix(hint, "LINE ") {
		hint = ""
	}
	return strings.Join(strings.Fields(message), " "), clean(hint)
}

// pointAt makes an error at a byte offset of the query.
func pointAt(query string, offset int, format string, args ...any) *engine.Error {
	offset = max(0, min(offset, len(query)))
	start := strings.LastIndexByte(query[:offset], '\n') + 1
	excerpt, _, _ := strings.Cut(query[start:], "\n")
	e := engine.Errorf(engine.Invalid, op, format, args...)
	e.Line = strings.Count(query[:offset], "\n") + 1
	e.Column = len([]rune(query[start:offset])) + 1
	e.Excerpt = strings.TrimRight(excerpt, "\r")
	return e
}

var caretLine = regexp.MustCompile(`(?m)^LINE (\d+): ([^\n]*)\n( *)\^`)

// position finds the byte offset that DuckDB's caret points at. The caret is
// set by the width that characters have on a terminal.
func position(message, query string) (int, bool) {
	m := caretLine.FindStringSubmatch(message)
	if m == nil {
		return 0, false
	}
	line, _ := strconv.Atoi(m[1])
	start := lineStart(query, line)
	if start < 0 {
		return 0, false
	}
	excerpt, column := m[2], len(m[3])-len("LINE : ")-len(m[1])
	if cut, ok := strings.CutPrefix(excerpt, "..."); ok {
		excerpt, column = cut, column-len("...")
	}
	excerpt = strings.TrimSuffix(excerpt, "...")
	text, _, _ := strings.Cut(query[start:], "\n")
	at := strings.Index(plainSpaces.Replace(text), excerpt)
	if at < 0 || column < 0 {
		return start, true
	}
	return start + at + widthPrefix(excerpt, column), true
}

// plainSpaces is what DuckDB does to the line that it shows.
var plainSpaces = strings.NewReplacer("\t", " ", "\r", " ")

// lineStart is where a line begins, counted from 1; -1 when there is none.
func lineStart(query string, line int) int {
	start := 0
	for ; line > 1; line-- {
		next := strings.IndexByte(query[start:], '\n')
		if next < 0 {
			return -1
		}
		start += next + 1
	}
	return start
}

// widthPrefix is how many bytes of s take up a width.
func widthPrefix(s string, width int) int {
	used := 0
	g := uniseg.NewGraphemes(s)
	for g.Next() {
		if used >= width {
			from, _ := g.Positions()
			return from
		}
		used += g.Width()
	}
	return len(s)
}

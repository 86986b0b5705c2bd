// Package guard runs SQL that a person wrote: it reads the workspace and does
// nothing else.
//
// It decides by DuckDB's own parser: the one statement must be a SELECT, an
// EXPLAIN of one, or a catalog command (SHOW, DESCRIBE, SUMMARIZE); its tables
// must be of the catalog, and the table functions in it stand on a list. It
// runs in a READ ONLY transaction on an instance that was shut in before
// (package store). It leaves alone what a query computes and how it is shown.
package guard

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Limits of a query's text. DuckDB's parser and binder recurse.
const (
	maxLength = 1 << 20
	maxDepth  = 200
)

const op = "query"

// Statement is a query that may run.
type Statement struct {
	// SQL is the text as it was given.
	SQL string
	// Explain says that it is an EXPLAIN.
	Explain bool
	// Tables are the tables it names, without those it defines itself.
	Tables []string
	// Parameters are the names of its $parameters.
	Parameters []string
}

// Check reads a query and refuses everything but a look at the workspace. The
// error carries line, column and the line itself.
func Check(ctx context.Context, conn *sql.Conn, query string) (*Statement, error) {
	if err := tooMuch(query); err != nil {
		return nil, err
	}
	s := &Statement{SQL: query}
	inner, offset := explained(query)
	s.Explain = offset > 0
	tree, err := parse(ctx, conn, inner)
	if err != nil {
		return nil, err
	}
	if tree.Failed {
		return nil, refuseTree(query, inner, offset, tree)
	}
	switch len(tree.Statements) {
	case 0:
		return nil, engine.Errorf(engine.Invalid, op, "there is no statement").WithHint("write a SELECT")
	case 1:
	default:
		return nil, engine.Errorf(engine.Invalid, op, "there are %d statements", len(tree.Statements)).WithHint("run one at a time")
	}
	w := &walker{query: query, offset: offset, ctes: map[string]bool{}, tables: map[string]bool{}}
	w.walk(tree.Statements[0])
	if w.err != nil {
		return nil, w.err
	}
	for t := range w.tables {
		if !w.ctes[strings.ToLower(t)] {
			s.Tables = append(s.Tables, t)
		}
	}
	s.Parameters = w.parameters
	return s, nil
}

// tree is what json_serialize_sql says.
type tree struct {
	Failed     bool   `json:"error"`
	Kind       string `json:"error_type"`
	Message    string `json:"error_message"`
	Position   string `json:"position"`
	Statements []any  `json:"statements"`
}

func parse(ctx context.Context, conn *sql.Conn, query string) (tree, error) {
	var text string
	var t tree
	if strings.IndexByte(query, 0) >= 0 {
		return t, engine.Errorf(engine.Invalid, op, "the query holds a NUL character")
	}
	err := conn.QueryRowContext(ctx, "SELECT json_serialize_sql("+engine.QuoteText(query)+"::VARCHAR)::VARCHAR").Scan(&text)
	if err != nil {
		return t, Explain(err, query)
	}
	return t, json.Unmarshal([]byte(text), &t)
}

// refuseTree says why a text is no SELECT.
func refuseTree(query, inner string, offset int, t tree) error {
	if t.Kind == "parser" {
		at := len(inner)
		if n, err := strconv.Atoi(t.Position); err == nil {
			at = n
		}
		return at0(query, offset+at, "%s", t.Message)
	}
	word := strings.ToUpper(firstWord(inner))
	if word == "PIVOT" || word == "UNPIVOT" {
		return at0(query, offset, "%s cannot stand alone here", word).WithHint("write SELECT * FROM (PIVOT ... IN (...))")
	}
	if strings.Contains(t.Message, "parameters") {
		return at0(query, offset, "%s", strings.TrimSuffix(t.Message, " yet"))
	}
	switch word {
	case "SELECT", "WITH", "FROM", "VALUES", "SHOW", "DESCRIBE", "SUMMARIZE", "TABLE":
		return at0(query, offset, "there is more than one statement").WithHint("run one SELECT at a time")
	}
	return at0(query, offset, "only SELECT, EXPLAIN, SHOW, DESCRIBE and SUMMARIZE run here, not %s", word).
		WithHint("a query reads the workspace and changes nothing")
}

// at0 makes an error at a byte offset of the query.
func at0(query string, offset int, format string, args ...any) *engine.Error {
	offset = max(0, min(offset, len(query)))
	before := query[:offset]
	line := strings.Count(before, "\n") + 1
	start := strings.LastIndexByte(before, '\n') + 1
	excerpt, _, _ := strings.Cut(query[start:], "\n")
	e := engine.Errorf(engine.Invalid, op, format, args...)
	e.Line, e.Column, e.Excerpt = line, len([]rune(query[start:offset]))+1, strings.TrimRight(excerpt, "\r")
	return e
}

var explain = regexp.MustCompile(`(?is)^(?:\s|--[^\n]*\n|/\*.*?\*/)*explain(?:\s+analyze\b|\s*\(\s*analyze\s*\)|\s*\(\s*format\s+\w+\s*\))?\s+`)

// explained finds what an EXPLAIN explains, and where it begins.
func explained(query string) (inner string, offset int) {
	if loc := explain.FindStringIndex(query); loc != nil {
		return query[loc[1]:], loc[1]
	}
	return query, 0
}

var leading = regexp.MustCompile(`(?s)^(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/|;)*`)

func firstWord(query string) string {
	query = leading.ReplaceAllString(query, "")
	for i, r := range query {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '_' {
			return query[:i]
		}
	}
	return query
}

// tooMuch bounds the length and the nesting of a query, quoted text included:
// a bound that errs on the safe side needs no parser.
func tooMuch(query string) error {
	if len(query) > maxLength {
		return engine.Errorf(engine.Invalid, op, "the query is longer than %d characters", maxLength)
	}
	depth := 0
	for i := 0; i < len(query); i++ {
		switch c := query[i]; {
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == ')' || c == ']' || c == '}':
			depth = max(0, depth-1)
		}
		if depth > maxDepth {
			return at0(query, i, "the query is nested more than %d deep", maxDepth)
		}
	}
	return nil
}

// walker looks through the parsed query.
type walker struct {
	query      string
	offset     int
	ctes       map[string]bool
	tables     map[string]bool
	parameters []string
	err        error
}

func (w *walker) refuse(node map[string]any, format string, args ...any) {
	if w.err != nil {
		return
	}
	at := 0
	if f, ok := node["query_location"].(float64); ok && f < float64(len(w.query)) {
		at = int(f)
	}
	w.err = at0(w.query, w.offset+at, format, args...).WithHint("a query reads the datasets of the workspace: SHOW ALL TABLES lists them")
}

func (w *walker) walk(v any) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			w.walk(x)
		}
	case map[string]any:
		w.node(v)
		for _, x := range v {
			w.walk(x)
		}
	}
}

func (w *walker) node(n map[string]any) {
	switch text(n, "type") {
	case "BASE_TABLE":
		w.table(n)
	case "TABLE_FUNCTION":
		if f, ok := n["function"].(map[string]any); ok {
			name := strings.ToLower(text(f, "function_name"))
			if !tableFunctions[name] {
				w.refuse(n, "the table function %s cannot be used here", name)
			}
		}
	case "VALUE_PARAMETER":
		w.parameters = append(w.parameters, text(n, "identifier"))
	}
	if text(n, "class") == "FUNCTION" {
		if name := strings.ToLower(text(n, "function_name")); deniedFunctions[name] {
			w.refuse(n, "the function %s cannot be used here", name)
		}
	}
	if m, ok := n["cte_map"].(map[string]any); ok {
		entries, _ := m["map"].([]any)
		for _, e := range entries {
			if e, ok := e.(map[string]any); ok {
				w.ctes[strings.ToLower(text(e, "key"))] = true
			}
		}
	}
}

// schemas are those a query may name.
var schemas = map[string]bool{"": true, "main": true, "tidemark": true, "segment": true, "information_schema": true, "pg_catalog": true}

func (w *walker) table(n map[string]any) {
	name, schema, catalog := text(n, "table_name"), text(n, "schema_name"), text(n, "catalog_name")
	switch {
	case catalog != "" && catalog != "system":
		w.refuse(n, "there is no database %s", catalog)
	case !schemas[strings.ToLower(schema)]:
		w.refuse(n, "there is no schema %s", schema)
	case strings.ContainsAny(name, `./\*?[`):
		w.refuse(n, "%q is no table of the workspace; files cannot be read", name)
	case schema == "":
		w.tables[name] = true
	default:
		w.tables[schema+"."+name] = true
	}
}

func text(n map[string]any, key string) string {
	s, _ := n[key].(string)
	return s
}

// Explain makes a DuckDB error of running a query into one for a person.
func Explain(err error, query string) error {
	if err == nil {
		return nil
	}
	if k := engine.KindOf(err); k != engine.Internal {
		return err
	}
	message := err.Error()
	kind, rest, ok := strings.Cut(message, " Error: ")
	if !ok {
		return engine.Errorf(engine.Internal, op, "%w", err)
	}
	head, _, _ := strings.Cut(rest, "\n\nLINE ")
	head, hint := splitHint(head)
	e := engine.Errorf(engine.Invalid, op, "%s", head)
	if at, ok := position(rest, query); ok {
		e = at0(query, at, "%s", head)
	}
	e.Hint = hint
	switch {
	case kind == "INTERRUPT" || strings.Contains(message, "Interrupted"):
		e.Kind = engine.Canceled
	case kind == "Out of Memory":
		e.Kind, e.Hint = engine.Unavailable, "ask for less at once, or raise limits.memory in tidemark.yaml"
	case kind == "INTERNAL" || kind == "FATAL":
		e.Kind = engine.Internal
	case kind == "IO":
		e.Kind = engine.Unavailable
	case kind == "Permission":
		e.Err, e.Hint = fmt.Errorf("files cannot be read or written by a query"), "a query reads the datasets of the workspace"
	}
	return e
}

// splitHint takes DuckDB's advice off its message.
func splitHint(s string) (message, hint string) {
	s = strings.TrimSpace(s)
	for _, mark := range []string{"\nDid you mean ", "\nCandidate bindings: ", "\n\tCandidate functions:", "\nCandidates: "} {
		if at := strings.Index(s, mark); at >= 0 {
			hint = strings.TrimSpace(s[at:])
			if strings.HasPrefix(hint, "Did") {
				hint = "d" + hint[1:]
			}
			return strings.TrimSpace(s[:at]), hint
		}
	}
	return s, ""
}

var caretLine = regexp.MustCompile(`(?s)LINE (\d+): ([^\n]*)\n( *)\^`)

// position finds the byte offset that DuckDB's caret points at.
func position(message, query string) (int, bool) {
	m := caretLine.FindStringSubmatch(message)
	if m == nil {
		return 0, false
	}
	n, _ := strconv.Atoi(m[1])
	column := len(m[3]) - len("LINE : ") - len(m[1])
	excerpt := m[2]
	if strings.HasPrefix(excerpt, "...") {
		excerpt, column = excerpt[3:], column-3
	}
	excerpt = strings.TrimSuffix(excerpt, "...")
	start := 0
	for range n - 1 {
		i := strings.IndexByte(query[start:], '\n')
		if i < 0 {
			return 0, false
		}
		start += i + 1
	}
	line, _, _ := strings.Cut(query[start:], "\n")
	if i := strings.Index(line, excerpt); i >= 0 && column >= 0 {
		return start + i + column, true
	}
	return start, true
}

package notebook

import (
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// token is a part of SQL that matters here.
type token struct {
	kind       tokenKind
	text       string // of a name without its quotes, of a parameter without $
	start, end int
}

type tokenKind uint8

const (
	word    tokenKind = iota // a keyword or a plain name
	quoted                   // a name in double quotes
	param                    // $name
	literal                  // a string or a number
	symbol                   // one character of anything else
)

// tokens splits a text, and leaves out spaces and comments, as DuckDB does:
// block comments nest, and a carriage return ends a line comment.
func tokens(sql string) []token {
	var out []token
	for i := 0; i < len(sql); {
		rest := sql[i:]
		t := token{kind: symbol, start: i, end: i + 1}
		switch c := sql[i]; {
		case strings.HasPrefix(rest, "--"):
			i += skipLine(rest)
			continue
		case strings.HasPrefix(rest, "/*"):
			i += skipBlock(rest)
			continue
		case c <= ' ':
			i++
			continue
		case c == '\'':
			t.kind, t.end = literal, skipQuoted(sql, i, '\'')
		case (c == 'e' || c == 'E') && strings.HasPrefix(rest[1:], "'"):
			t.kind, t.end = literal, skipEscaped(sql, i+1)
		case c == '"':
			t.kind, t.end = quoted, skipQuoted(sql, i, '"')
			t.text = strings.ReplaceAll(strings.Trim(sql[i:t.end], `"`), `""`, `"`)
		case c == '$':
			t = dollar(sql, i)
		case letter(c):
			t.kind = word
			for t.end < len(sql) && (letter(sql[t.end]) || digit(sql[t.end]) || sql[t.end] == '$') {
				t.end++
			}
			t.text = sql[i:t.end]
		case digit(c):
			t.kind = literal
			for t.end < len(sql) && (letter(sql[t.end]) || digit(sql[t.end]) || sql[t.end] == '.') {
				t.end++
			}
		}
		out = append(out, t)
		i = t.end
	}
	return out
}

// params lists the parameters of a text.
func params(sql string) []token {
	return slices.DeleteFunc(tokens(sql), func(t token) bool { return t.kind != param })
}

func letter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

func skipLine(s string) int {
	if n := strings.IndexAny(s, "\r\n"); n >= 0 {
		return n
	}
	return len(s)
}

func skipBlock(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "/*"):
			depth++
			i++
		case strings.HasPrefix(s[i:], "*/"):
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

func skipTo(s string, from int, mark string) int {
	if i := strings.Index(s[from:], mark); i >= 0 {
		return from + i + len(mark)
	}
	return len(s)
}

func skipQuoted(s string, i int, quote byte) int {
	for i++; i < len(s); i++ {
		if s[i] != quote {
			continue
		}
		if i+1 < len(s) && s[i+1] == quote {
			i++
			continue
		}
		return i + 1
	}
	return len(s)
}

// skipEscaped passes over E'...', where a backslash escapes.
func skipEscaped(s string, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '\'':
			return i + 1
		}
	}
	return len(s)
}

// dollar reads a parameter or a dollar-quoted string.
func dollar(s string, i int) token {
	end := i + 1
	for end < len(s) && (letter(s[end]) || digit(s[end])) {
		end++
	}
	if end < len(s) && s[end] == '$' && (end == i+1 || !digit(s[i+1])) {
		return token{kind: literal, start: i, end: skipTo(s, end+1, s[i:end+1])}
	}
	if end == i+1 {
		return token{kind: symbol, start: i, end: end}
	}
	return token{kind: param, text: s[i+1 : end], start: i, end: end}
}

// statement is a cell's SQL without the semicolons at its end, which may have
// comments after them. Everything else keeps its line and column.
func statement(sql string) string {
	list := tokens(sql)
	for i := len(list) - 1; i >= 0 && sql[list[i].start] == ';'; i-- {
		sql = blank(sql, list[i].start, list[i].end)
	}
	return sql
}

// blank overwrites a part of a text with spaces, line ends excepted.
func blank(s string, start, end int) string {
	return s[:start] + strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return ' '
	}, s[start:end]) + s[end:]
}

// splice puts the named cells that a query selects from in front of it, each
// as a CTE, so that the query itself stays as it was written. before is how
// many lines now stand above it.
func splice(query string, named map[string]Cell, order []string) (text string, before int) {
	used := selected(query, named)
	var ctes []string
	for _, key := range order {
		if used[key] {
			ctes = append(ctes, engine.QuoteIdent(named[key].Name)+" AS (\n"+statement(named[key].Text)+"\n)")
		}
	}
	if len(ctes) == 0 {
		return query, 0
	}
	front, joint, body := lead(query)
	head := front + strings.Join(ctes, ", ") + joint + "\n"
	return head + body, strings.Count(head, "\n")
}

// selected finds the named cells that a query mentions, and those that these
// mention. A name that means something else brings a CTE too many, which costs
// nothing; names that the query's own WITH defines are its own.
func selected(query string, named map[string]Cell) map[string]bool {
	own := defined(query, tokens(query))
	used := map[string]bool{}
	var collect func(sql string)
	collect = func(sql string) {
		for _, t := range tokens(sql) {
			key := strings.ToLower(t.text)
			c, ok := named[key]
			if ok && (t.kind == word || t.kind == quoted) && !used[key] && !own[key] {
				used[key] = true
				collect(c.Text)
			}
		}
	}
	collect(query)
	return used
}

// defined lists the names of the outermost WITH: a name before AS (, outside
// of all parentheses.
func defined(sql string, list []token) map[string]bool {
	own := map[string]bool{}
	if !slices.ContainsFunc(list[:min(len(list), 3)], func(t token) bool { return is(t, "with") }) {
		return own
	}
	depth := 0
	for i, t := range list {
		if t.kind != symbol {
			continue
		}
		switch c := sql[t.start]; {
		case c == ')':
			depth--
		case c != '(':
		default:
			if name, ok := cteName(sql, list[:i]); ok && depth == 0 {
				own[name] = true
			}
			depth++
		}
	}
	return own
}

// cteName finds the name whose body opens after before: NAME [(columns)] AS
// [NOT] [MATERIALIZED].
func cteName(sql string, before []token) (string, bool) {
	i := len(before) - 1
	for i > 0 && (is(before[i], "materialized") || is(before[i], "not")) {
		i--
	}
	if i < 1 || !is(before[i], "as") {
		return "", false
	}
	i--
	if before[i].kind == symbol && sql[before[i].start] == ')' {
		for i > 0 && sql[before[i].start] != '(' {
			i--
		}
		i--
	}
	if i < 0 || before[i].text == "" {
		return "", false
	}
	return strings.ToLower(before[i].text), true
}

func is(t token, keyword string) bool { return t.kind == word && strings.EqualFold(t.text, keyword) }

// lead takes the words off the front of a query that have to stand before its
// CTEs. What is left keeps its lines and columns.
func lead(query string) (front, joint, body string) {
	list := tokens(query)
	body = query
	take := func(keywords ...string) bool {
		if len(list) == 0 || !slices.ContainsFunc(keywords, func(k string) bool { return is(list[0], k) }) {
			return false
		}
		front += strings.ToUpper(list[0].text) + " "
		body = blank(body, list[0].start, list[0].end)
		list = list[1:]
		return true
	}
	if take("explain") {
		take("analyze")
	}
	if take("describe", "summarize") && len(list) > 0 && !slices.ContainsFunc([]string{"select", "with", "from"}, func(k string) bool { return is(list[0], k) }) {
		joint = "\nFROM"
	}
	if !take("with") {
		front += "WITH "
		return front, joint, body
	}
	take("recursive")
	return front, ",", body
}

package notebook

import (
	"strings"
)

// token is a word of SQL that matters here: a name, or a parameter.
type token struct {
	text  string
	param bool
	start int
}

// tokens lists the names and parameters of a text; strings, comments and
// quoted names that hold anything but a plain word are passed over.
func tokens(sql string) []token {
	var out []token
	for i := 0; i < len(sql); {
		switch c := sql[i]; {
		case c == '\'':
			i = skipQuoted(sql, i, '\'')
		case c == '"':
			end := skipQuoted(sql, i, '"')
			if word := strings.Trim(sql[i:end], `"`); cellName.MatchString(word) {
				out = append(out, token{text: word, start: i})
			}
			i = end
		case strings.HasPrefix(sql[i:], "--"):
			i = skipTo(sql, i, "\n")
		case strings.HasPrefix(sql[i:], "/*"):
			i = skipTo(sql, i+2, "*/")
		case c == '$':
			i = dollar(sql, i, &out)
		case letter(c):
			end := i
			for end < len(sql) && (letter(sql[end]) || digit(sql[end])) {
				end++
			}
			if end < len(sql) && sql[end] == '\'' && (sql[i:end] == "e" || sql[i:end] == "E") {
				i = skipEscaped(sql, end)
				continue
			}
			out = append(out, token{text: sql[i:end], start: i})
			i = end
		case digit(c):
			for i < len(sql) && (letter(sql[i]) || digit(sql[i]) || sql[i] == '.') {
				i++
			}
		default:
			i++
		}
	}
	return out
}

func letter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

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

// dollar reads a parameter, or passes over a dollar-quoted string.
func dollar(s string, i int, out *[]token) int {
	end := i + 1
	for end < len(s) && (letter(s[end]) || digit(s[end])) {
		end++
	}
	if end < len(s) && s[end] == '$' && (end == i+1 || !digit(s[i+1])) {
		return skipTo(s, end+1, s[i:end+1])
	}
	if end > i+1 {
		*out = append(*out, token{text: s[i+1 : end], param: true, start: i})
	}
	return end
}

// splice puts the named cells that a query selects from in front of it, each
// as a CTE, so that the query itself stays as it was written. before is how
// many lines now stand above it.
func splice(query string, named map[string]Cell, order []string) (text string, before int) {
	used := map[string]bool{}
	var collect func(sql string)
	collect = func(sql string) {
		for _, t := range tokens(sql) {
			key := strings.ToLower(t.text)
			if c, ok := named[key]; ok && !t.param && !used[key] {
				used[key] = true
				collect(c.Text)
			}
		}
	}
	collect(query)
	var ctes []string
	for _, key := range order {
		if used[key] {
			ctes = append(ctes, named[key].Name+" AS (\n"+strings.TrimRight(strings.TrimSpace(named[key].Text), ";")+"\n)")
		}
	}
	if len(ctes) == 0 {
		return query, 0
	}
	head := strings.Join(ctes, ", ")
	words := tokens(query)
	if len(words) > 0 && strings.EqualFold(words[0].text, "with") {
		keep, rest := "WITH ", words[0].start+len("with")
		if len(words) > 1 && strings.EqualFold(words[1].text, "recursive") {
			keep, rest = "WITH RECURSIVE ", words[1].start+len("recursive")
		}
		lead := query[:rest]
		lead = strings.Map(func(r rune) rune {
			if r == '\n' {
				return r
			}
			return ' '
		}, lead)
		head = keep + head + ",\n"
		return head + lead + query[rest:], strings.Count(head, "\n")
	}
	head = "WITH " + head + "\n"
	return head + query, strings.Count(head, "\n")
}

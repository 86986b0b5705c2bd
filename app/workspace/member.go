package workspace

import (
	"strings"

	"tidemark.dev/tidemark/app/workspace/yamlfile"
)

type at = yamlfile.At

// setMember gives a key of a mapping in a YAML text another value, or puts the
// key at the mapping's beginning. It does so for values that stand on one line:
// plain and quoted text, lists and mappings in brackets.
func setMember(text string, of *at, key, value string) (string, bool) {
	lines := strings.SplitAfter(text, "\n")
	place := of.Text
	if of.Has(key) {
		place = of.Value(key)
	}
	if place.Line < 1 || place.Line > len(lines) {
		return "", false
	}
	line := []rune(lines[place.Line-1])
	from := place.Column - 1
	if from < 0 || from >= len(line) {
		return "", false
	}
	if !of.Has(key) {
		lines[place.Line-1] = withMember(line, from, key, value)
		return strings.Join(lines, ""), true
	}
	if from > 0 && (line[from-1] == '"' || line[from-1] == '\'') {
		from-- // the value begins behind the quote
	}
	to := valueEnd(line, from)
	if to < 0 {
		return "", false
	}
	lines[place.Line-1] = string(line[:from]) + value + string(line[to:])
	return strings.Join(lines, ""), true
}

// withMember puts a member at the beginning of the mapping that begins at from.
func withMember(line []rune, from int, key, value string) string {
	if line[from] != '{' {
		first := string(line[:from])
		if strings.TrimSpace(first) != "" {
			return "" // not the first on its line: - key: value
		}
		end := "\n"
		if strings.HasSuffix(string(line), "\r\n") {
			end = "\r\n"
		}
		return first + key + ": " + value + end + string(line)
	}
	rest := strings.TrimLeft(string(line[from+1:]), " ")
	if !strings.HasPrefix(rest, "}") {
		rest = ", " + rest
	}
	return string(line[:from+1]) + key + ": " + value + rest
}

// valueEnd is where a value that begins at from ends on its line, or -1.
func valueEnd(line []rune, from int) int {
	switch c := line[from]; c {
	case '"', '\'':
		for i := from + 1; i < len(line); i++ {
			switch {
			case c == '"' && line[i] == '\\':
				i++
			case c == '\'' && line[i] == c && i+1 < len(line) && line[i+1] == c:
				i++
			case line[i] == c:
				return i + 1
			}
		}
		return -1
	case '[', '{':
		return bracketEnd(line, from)
	case '|', '>', '&', '*', '!', '-':
		return -1
	}
	i := from
	for ; i < len(line) && !strings.ContainsRune("\r\n,}]", line[i]); i++ {
		if line[i] == '#' && line[i-1] == ' ' {
			break
		}
	}
	for i > from && line[i-1] == ' ' {
		i--
	}
	return i
}

func bracketEnd(line []rune, from int) int {
	depth := 0
	for i := from; i < len(line); i++ {
		switch line[i] {
		case '"', '\'':
			end := valueEnd(line, i)
			if end < 0 {
				return -1
			}
			i = end - 1
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

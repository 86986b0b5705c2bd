package store

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// A condition as a plan writes it: a column, an operator and a literal.
var (
	filterColumn  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*`)
	filterOp      = regexp.MustCompile(`^(>=|<=|!=|=|<|>| IS NOT NULL| IS NULL| IN \()`)
	filterLiteral = regexp.MustCompile(`^('(?:[^']|'')*'|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?:::(TIMESTAMP WITH TIME ZONE|[A-Z_]+(?:\([0-9, ]*\))?))?`)
)

// readFilter reads a condition that DuckDB's plan has at a scan. It gives
// nothing for what it does not understand to the last letter: a condition less
// only fetches more.
func readFilter(text string, known map[string][]engine.Path) []engine.Condition {
	for name := range known { // such a name could be taken for a condition
		if strings.ContainsAny(name, `'<>=!`) {
			return nil
		}
	}
	text = strings.TrimPrefix(text, "optional: ")
	var out []engine.Condition
	for {
		c, rest, ok := readComparison(text, known)
		if !ok {
			return nil
		}
		out = append(out, c)
		if rest == "" {
			return out
		}
		if text, ok = strings.CutPrefix(rest, " AND "); !ok {
			return nil
		}
	}
}

func readComparison(text string, known map[string][]engine.Path) (c engine.Condition, rest string, ok bool) {
	column := filterColumn.FindString(text)
	places := known[column]
	if len(places) != 1 {
		return c, "", false
	}
	c.Path = places[0]
	text = text[len(column):]
	op := filterOp.FindString(text)
	text = text[len(op):]
	switch op {
	case "":
		return c, "", false
	case " IS NULL":
		c.Op = "null"
		return c, text, true
	case " IS NOT NULL":
		c.Op = "notnull"
		return c, text, true
	case " IN (":
		c.Op = "in"
		return readList(c, text)
	}
	c.Op = op
	v, text, ok := readLiteral(text)
	c.Values = []any{v}
	return c, text, ok
}

func readList(c engine.Condition, text string) (engine.Condition, string, bool) {
	for {
		v, rest, ok := readLiteral(text)
		if !ok {
			return c, "", false
		}
		c.Values = append(c.Values, v)
		if after, end := strings.CutPrefix(rest, ")"); end {
			return c, after, true
		}
		if text, ok = strings.CutPrefix(rest, ", "); !ok {
			return c, "", false
		}
	}
}

// readLiteral reads a value of a kind that statistics can be compared with.
func readLiteral(text string) (v any, rest string, ok bool) {
	m := filterLiteral.FindStringSubmatch(text)
	if m == nil {
		return nil, "", false
	}
	rest = text[len(m[0]):]
	inner, quoted := strings.CutPrefix(m[1], "'")
	inner = strings.ReplaceAll(strings.TrimSuffix(inner, "'"), "''", "'")
	typ := strings.TrimSpace(m[2])
	switch {
	case quoted && typ == "":
		return inner, rest, true
	case quoted && strings.HasPrefix(typ, "TIMESTAMP"):
		for _, layout := range []string{"2006-01-02 15:04:05.999999-07", "2006-01-02 15:04:05.999999-07:00", "2006-01-02 15:04:05.999999"} {
			if t, err := time.Parse(layout, inner); err == nil {
				return t.UTC(), rest, true
			}
		}
	case quoted:
	case typ != "" && typ != "BIGINT" && typ != "INTEGER" && typ != "DOUBLE":
	default:
		if n, err := strconv.ParseInt(m[1], 10, 64); err == nil {
			return n, rest, true
		}
		if f, err := strconv.ParseFloat(m[1], 64); err == nil {
			return f, rest, true
		}
	}
	return nil, "", false
}

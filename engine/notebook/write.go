package notebook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

const (
	// shownRows is how many rows of a table a page shows.
	shownRows = 500
	// foldedRows of them are seen at once; the style of the page knows it, too.
	foldedRows = 12
	// pairsType is the type of a column that holds name=value.
	pairsType = "PAIRS"
)

// JSON writes a result for programs.
func JSON(r *Result) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(r)
	return b.Bytes(), err
}

// count says how many rows there are, and how many of them are shown.
func count(t *Table) string {
	n := len(t.Rows)
	switch {
	case t.More:
		return fmt.Sprintf("the first %s of more than %s rows", grouped(float64(min(n, shownRows))), grouped(float64(n)))
	case n > shownRows:
		return fmt.Sprintf("the first %d of %s rows", shownRows, grouped(float64(n)))
	case n == 1:
		return "1 row"
	}
	return grouped(float64(n)) + " rows"
}

func (r *Backtest) episodes() string { return plural(len(r.Episodes), "episode") }

func episodes(r *Backtest) *Table {
	t := &Table{Columns: []Column{{"start", "TIMESTAMP"}, {"end", "TIMESTAMP"}, {"key", "VARCHAR"}, {"peak", pairsType}}}
	for _, e := range r.Episodes {
		end := "still in alarm"
		if e.End != nil {
			end = e.End.UTC().Format(time.RFC3339)
		}
		t.Rows = append(t.Rows, []any{e.Start.UTC().Format(time.RFC3339), end, e.Key, e.Peak})
	}
	return t
}

// firstLeftOut reports whether a cell is the first of those that were left out
// together.
func (r *Result) firstLeftOut(i int) bool {
	return i == 0 || r.Cells[i-1].LeftOut != r.Cells[i].LeftOut
}

func foundText(c CellResult) string {
	if c.Table.More {
		return fmt.Sprintf("the check found more than %d rows", len(c.Table.Rows))
	}
	return "the check found " + plural(len(c.Table.Rows), "row")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func numericType(t string) bool {
	switch t {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT", "FLOAT", "DOUBLE":
		return true
	}
	return strings.HasPrefix(t, "DECIMAL")
}

// show writes a value for people.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case float64:
		return trimFloat(v)
	case map[string]any, []any, json.Marshaler:
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err == nil {
			return strings.TrimSuffix(b.String(), "\n")
		}
	}
	return fmt.Sprint(v)
}

func trimFloat(v float64) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < 0x20:
			return '␀' + r
		case r == 0x7f, r >= 0x80 && r < 0xa0, r == 0x61c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return '\ufffd'
		}
		return r
	}, s)
}

package render

import (
	"bufio"
	"database/sql"
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"github.com/rivo/uniseg"

	"tidemark.dev/tidemark/engine"
)

// Formats are the forms that Write knows; Arrow and Parquet are written by
// the store, which has the database do it.
var Formats = []string{"table", "json", "csv", "markdown"}

// Rows is what is written: *sql.Rows is one.
type Rows interface {
	ColumnTypes() ([]*sql.ColumnType, error)
	Next() bool
	Scan(...any) error
	Err() error
}

// Options say how rows are written.
type Options struct {
	// Width is that of the terminal, in characters; 0 cuts nothing.
	Width int
}

// Write writes rows in a format of Formats and gives their number.
func Write(w io.Writer, rows Rows, format string, opt Options) (int64, error) {
	r, err := newReader(rows)
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	var n int64
	switch format {
	case "table":
		n, err = writeTable(out, r, opt.Width)
	case "json":
		n, err = writeJSON(out, r)
	case "csv":
		n, err = writeCSV(out, r)
	case "markdown":
		n, err = writeMarkdown(out, r)
	default:
		return 0, engine.Errorf(engine.Invalid, "write the result", "there is no format %s", format).
			WithHint("there are table, json, csv, parquet, arrow and markdown")
	}
	if err == nil {
		err = rows.Err()
	}
	if flushed := out.Flush(); err == nil && flushed != nil {
		err = engine.Errorf(engine.Unavailable, "write the result", "%w", flushed)
	}
	return n, err
}

// reader scans rows into values.
type reader struct {
	rows  Rows
	names []string
	types []string
	vals  []any
	into  []any
}

func newReader(rows Rows) (*reader, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	r := &reader{rows: rows, vals: make([]any, len(types)), into: make([]any, len(types))}
	for i, t := range types {
		r.names = append(r.names, t.Name())
		r.types = append(r.types, t.DatabaseTypeName())
		r.into[i] = &r.vals[i]
	}
	return r, nil
}

func (r *reader) next() (bool, error) {
	if !r.rows.Next() {
		return false, nil
	}
	return true, r.rows.Scan(r.into...)
}

func (r *reader) text(i int) string { return Text(r.vals[i], r.types[i]) }

func writeJSON(w *bufio.Writer, r *reader) (n int64, err error) {
	keys := make([]string, len(r.names))
	for i, name := range r.names {
		keys[i] = string(compact(name)) + ":"
	}
	w.WriteString("[")
	for ; ; n++ {
		ok, err := r.next()
		if err != nil {
			return n, err
		}
		if !ok {
			break
		}
		if n > 0 {
			w.WriteString(",")
		}
		w.WriteString("\n{")
		for i, v := range r.vals {
			if i > 0 {
				w.WriteString(",")
			}
			w.WriteString(keys[i])
			if _, err := w.Write(compact(Value(v, r.types[i]))); err != nil {
				return n, err
			}
		}
		w.WriteString("}")
	}
	if n > 0 {
		w.WriteString("\n")
	}
	_, err = w.WriteString("]\n")
	return n, err
}

func writeCSV(w *bufio.Writer, r *reader) (n int64, err error) {
	c := csv.NewWriter(w)
	if err := c.Write(r.names); err != nil {
		return 0, err
	}
	line := make([]string, len(r.names))
	for ; ; n++ {
		ok, err := r.next()
		if err != nil || !ok {
			c.Flush()
			if err == nil {
				err = c.Error()
			}
			return n, err
		}
		for i := range line {
			line[i] = r.text(i)
		}
		if err := c.Write(line); err != nil {
			return n, err
		}
	}
}

func writeMarkdown(w *bufio.Writer, r *reader) (n int64, err error) {
	w.WriteString("|")
	for _, name := range r.names {
		w.WriteString(" " + cell(name) + " |")
	}
	w.WriteString("\n|")
	for _, t := range r.types {
		if numeric(t) {
			w.WriteString(" ---: |")
		} else {
			w.WriteString(" --- |")
		}
	}
	w.WriteString("\n")
	for ; ; n++ {
		ok, err := r.next()
		if err != nil || !ok {
			return n, err
		}
		w.WriteString("|")
		for i := range r.vals {
			w.WriteString(" " + cell(r.text(i)) + " |")
		}
		if _, err := w.WriteString("\n"); err != nil {
			return n, err
		}
	}
}

// cell makes a text safe in a Markdown table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ", "<", "&lt;", "`", "\\`").Replace(Visible(s))
}

func numeric(typeName string) bool {
	switch typeName {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT", "UHUGEINT", "FLOAT", "DOUBLE":
		return true
	}
	return strings.HasPrefix(typeName, "DECIMAL")
}

// Widths of a table: what a column may take, and how many rows are looked at
// to lay it out.
const (
	maxColumn = 60
	minColumn = 6
	layoutRow = 1000
)

func writeTable(w *bufio.Writer, r *reader, width int) (n int64, err error) {
	if len(r.names) == 2 && r.names[0] == "explain_key" && r.names[1] == "explain_value" {
		return writePlan(w, r)
	}
	var lines [][]string
	for len(lines) < layoutRow {
		ok, err := r.next()
		if err != nil {
			return 0, err
		}
		if !ok {
			break
		}
		lines = append(lines, r.line())
	}
	widths := layout(r.names, lines, width)
	put := func(line []string) error {
		for i, s := range line {
			if i > 0 {
				w.WriteString("  ")
			}
			s = cut(s, widths[i])
			pad := strings.Repeat(" ", max(0, widths[i]-uniseg.StringWidth(s)))
			switch {
			case numeric(r.types[i]):
				w.WriteString(pad + s)
			case i == len(line)-1:
				w.WriteString(s)
			default:
				w.WriteString(s + pad)
			}
		}
		return w.WriteByte('\n')
	}
	header := make([]string, len(r.names))
	rule := make([]string, len(r.names))
	for i, name := range r.names {
		header[i], rule[i] = Visible(name), strings.Repeat("─", widths[i])
	}
	for _, line := range append([][]string{header, rule}, lines...) {
		if err := put(line); err != nil {
			return 0, err
		}
	}
	for n = int64(len(lines)); len(lines) == layoutRow; n++ {
		ok, err := r.next()
		if err != nil {
			return n, err
		}
		if !ok {
			break
		}
		if err := put(r.line()); err != nil {
			return n, err
		}
	}
	noun := "rows"
	if n == 1 {
		noun = "row"
	}
	_, err = fmt.Fprintf(w, "(%d %s)\n", n, noun)
	return n, err
}

// writePlan writes what EXPLAIN gives, which is a drawing of many lines.
func writePlan(w *bufio.Writer, r *reader) (n int64, err error) {
	for ; ; n++ {
		ok, err := r.next()
		if err != nil || !ok {
			return n, err
		}
		for line := range strings.SplitSeq(r.text(1), "\n") {
			if _, err := w.WriteString(Visible(line) + "\n"); err != nil {
				return n, err
			}
		}
	}
}

func (r *reader) line() []string {
	line := make([]string, len(r.vals))
	for i, v := range r.vals {
		if v == nil {
			line[i] = "∅"
			continue
		}
		line[i] = Visible(r.text(i))
	}
	return line
}

// layout gives every column the width it wants, up to a limit; on a narrow
// terminal the widest columns give way first.
func layout(names []string, lines [][]string, width int) []int {
	widths := make([]int, len(names))
	total := 0
	for i, name := range names {
		widths[i] = uniseg.StringWidth(Visible(name))
		for _, line := range lines {
			widths[i] = max(widths[i], uniseg.StringWidth(line[i]))
		}
		if width > 0 {
			widths[i] = min(widths[i], maxColumn)
		}
		total += widths[i] + 2
	}
	for width > 0 && total-2 > width {
		widest := 0
		for i := range widths {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= minColumn {
			break
		}
		widths[widest]--
		total--
	}
	return widths
}

// cut shortens a text to a width, and shows that it did.
func cut(s string, width int) string {
	if uniseg.StringWidth(s) <= width {
		return s
	}
	var b strings.Builder
	used := 0
	g := uniseg.NewGraphemes(s)
	for g.Next() {
		if used += g.Width(); used > width-1 {
			break
		}
		b.WriteString(g.Str())
	}
	return b.String() + "…"
}

// Visible replaces what could steer a terminal or reorder a line (control
// characters, bidirectional overrides) by something that shows it.
func Visible(s string) string {
	plain := true
	for _, r := range s {
		if unsafe(r) {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString("⏎")
		case r == '\t':
			b.WriteString("⇥")
		case r < 0x20:
			b.WriteRune('␀' + r)
		case unsafe(r):
			fmt.Fprintf(&b, "\\u{%x}", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func unsafe(r rune) bool {
	return r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0x200e || r == 0x200f || r == 0x061c ||
		r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfeff || r == 0xfffd
}

package result

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Widths of a table: what a column may take, and how many rows are looked at
// to lay it out.
const (
	maxColumn  = 60
	minColumn  = 6
	layoutRows = 1000
)

// writeTable writes columns of one width each. The first rows settle the
// widths; a longer value further down makes its own line uneven.
func writeTable(w *writer, r *reader, width int) (int64, error) {
	if len(r.names) == 2 && r.names[0] == "explain_key" && r.names[1] == "explain_value" {
		return writePlan(w, r)
	}
	var first [][]string
	for len(first) < layoutRows {
		ok, err := r.next()
		if err != nil {
			return 0, err
		}
		if !ok {
			break
		}
		first = append(first, r.cells())
	}
	t := tableLayout{types: r.types, widths: layout(r.names, first, width), cut: width > 0}
	if err := t.header(w, r.names); err != nil {
		return 0, err
	}
	for _, cells := range first {
		if err := t.row(w, cells); err != nil {
			return 0, err
		}
	}
	n := int64(len(first))
	if n == layoutRows {
		more, err := r.each(func() error { return t.row(w, r.cells()) })
		n += more
		if err != nil {
			return n, err
		}
	}
	noun := "rows"
	if n == 1 {
		noun = "row"
	}
	w.line = fmt.Appendf(w.line, "(%d %s)\n", n, noun)
	return n, w.put()
}

// cells are the row's values as a table shows them; null is ∅.
func (r *reader) cells() []string {
	cells := make([]string, len(r.vals))
	for i, v := range r.vals {
		if v == nil {
			cells[i] = "∅"
			continue
		}
		cells[i] = Visible(r.text(i))
	}
	return cells
}

type tableLayout struct {
	types  []Type
	widths []int
	cut    bool
}

func (t *tableLayout) header(w *writer, names []string) error {
	cells, rule := make([]string, len(names)), make([]string, len(names))
	for i, name := range names {
		cells[i], rule[i] = Visible(name), strings.Repeat("─", t.widths[i])
	}
	if err := t.row(w, cells); err != nil {
		return err
	}
	return t.row(w, rule)
}

func (t *tableLayout) row(w *writer, cells []string) error {
	for i, s := range cells {
		if i > 0 {
			w.line = append(w.line, "  "...)
		}
		used := displayWidth(s)
		if t.cut && used > t.widths[i] {
			s = cut(s, t.widths[i])
			used = displayWidth(s)
		}
		pad := max(0, t.widths[i]-used)
		right := t.types[i].numeric()
		if right {
			w.line = append(w.line, strings.Repeat(" ", pad)...)
		}
		w.line = append(w.line, s...)
		if !right && i < len(cells)-1 {
			w.line = append(w.line, strings.Repeat(" ", pad)...)
		}
	}
	w.line = append(w.line, '\n')
	return w.put()
}

// layout gives every column the width it wants, up to a limit; on a narrow
// terminal the widest columns give way first.
func layout(names []string, lines [][]string, width int) []int {
	widths := make([]int, len(names))
	total := -2
	for i, name := range names {
		widths[i] = displayWidth(Visible(name))
		for _, line := range lines {
			widths[i] = max(widths[i], displayWidth(line[i]))
		}
		if width > 0 {
			widths[i] = min(widths[i], max(maxColumn, width/len(names)))
		}
		total += widths[i] + 2
	}
	for width > 0 && total > width {
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

// displayWidth is how many columns of a terminal a visible text takes.
func displayWidth(s string) int {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return uniseg.StringWidth(s)
		}
	}
	return len(s)
}

// cut shortens a text to a width, and shows by … that it did.
func cut(s string, width int) string {
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

// writePlan writes what EXPLAIN gives, which is a drawing of many lines.
func writePlan(w *writer, r *reader) (int64, error) {
	return r.each(func() error {
		for line := range strings.SplitSeq(strings.TrimRight(r.text(1), "\n"), "\n") {
			w.line = append(w.line, Visible(line)+"\n"...)
		}
		return w.put()
	})
}

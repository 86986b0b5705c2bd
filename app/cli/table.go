package cli

import (
	"io"
	"strings"

	"github.com/rivo/uniseg"
)

// table is a list for people: one line a row, columns aligned, numbers to the
// right. What is in it cannot steer the terminal.
type table struct {
	header []string
	rows   [][]string
	// right says which columns are numbers.
	right []bool
}

// newTable makes a table; a column whose name begins with > is right-aligned.
func newTable(header ...string) *table {
	t := &table{right: make([]bool, len(header))}
	for i, h := range header {
		name, right := strings.CutPrefix(h, ">")
		t.header, t.right[i] = append(t.header, name), right
	}
	return t
}

// add appends a row of as many cells as there are columns.
func (t *table) add(cells ...string) {
	row := make([]string, len(t.header))
	for i := range row {
		row[i] = safeCell(cells[i])
	}
	t.rows = append(t.rows, row)
}

// write prints the table; without rows it prints nothing.
func (t *table) write(w io.Writer) error {
	if len(t.rows) == 0 {
		return nil
	}
	lines := append([][]string{t.header}, t.rows...)
	widths := make([]int, len(t.header))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], uniseg.StringWidth(cell))
		}
	}
	var b strings.Builder
	for _, line := range lines {
		var row strings.Builder
		for i, cell := range line {
			if i > 0 {
				row.WriteString("  ")
			}
			pad := strings.Repeat(" ", widths[i]-uniseg.StringWidth(cell))
			if t.right[i] {
				row.WriteString(pad + cell)
			} else {
				row.WriteString(cell + pad)
			}
		}
		b.WriteString(strings.TrimRight(row.String(), " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// shortened cuts a text that would take a line of the terminal by itself.
// --json has it whole.
func shortened(s string) string {
	const most = 100
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}

package notebook

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Golden is what a notebook's cells gave when somebody looked and agreed; it
// is kept beside the notebook, as NAME.golden.json.
type Golden struct {
	Params map[string]any `json:"params"`
	Cells  []goldenCell   `json:"cells"`
}

type goldenCell struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Rows    []string `json:"rows"` // each as one line of JSON
	More    bool     `json:"more,omitempty"`
}

// Record makes the golden outputs of a result. Cells without rows of their
// own are left out; charts show the rows of other cells.
func Record(r *Result) Golden {
	g := Golden{Params: r.Params}
	for _, c := range r.Cells {
		t := c.Table
		if c.Backtest != nil {
			t = episodes(c.Backtest)
		}
		if t == nil || c.Kind == ChartKind {
			continue
		}
		name := c.Name
		if name == "" {
			name = fmt.Sprintf("%s on line %d", c.Kind, c.Line)
		}
		out := goldenCell{Name: name, More: t.More, Columns: []string{}, Rows: []string{}}
		for _, col := range t.Columns {
			out.Columns = append(out.Columns, col.Name+" "+col.Type)
		}
		for _, row := range t.Rows {
			b, err := json.Marshal(row)
			if err != nil {
				b = []byte(fmt.Sprint(row))
			}
			out.Rows = append(out.Rows, string(b))
		}
		g.Cells = append(g.Cells, out)
	}
	return g
}

// maxDiff is how many differing rows of a cell are shown.
const maxDiff = 10

// Diff says where a result differs from the golden outputs, a line each; none
// when it does not.
func (g Golden) Diff(now Golden) []string {
	var out []string
	was := map[string]goldenCell{}
	for _, c := range g.Cells {
		was[c.Name] = c
	}
	for _, c := range now.Cells {
		old, has := was[c.Name]
		delete(was, c.Name)
		if !has {
			out = append(out, "+ cell "+c.Name)
			continue
		}
		if a, b := strings.Join(old.Columns, ", "), strings.Join(c.Columns, ", "); a != b {
			out = append(out, fmt.Sprintf("cell %s\n  - columns %s\n  + columns %s", c.Name, a, b))
		}
		out = append(out, diffRows(c.Name, old.Rows, c.Rows)...)
	}
	for _, c := range g.Cells {
		if _, gone := was[c.Name]; gone {
			out = append(out, "- cell "+c.Name)
		}
	}
	return out
}

func diffRows(name string, was, now []string) []string {
	var lines []string
	differ := 0
	for i := range max(len(was), len(now)) {
		var a, b string
		if i < len(was) {
			a = was[i]
		}
		if i < len(now) {
			b = now[i]
		}
		if a == b {
			continue
		}
		if differ++; differ > maxDiff {
			continue
		}
		if a != "" {
			lines = append(lines, "  - "+a)
		}
		if b != "" {
			lines = append(lines, "  + "+b)
		}
	}
	if differ == 0 {
		return nil
	}
	if differ > maxDiff {
		lines = append(lines, fmt.Sprintf("  and %d more rows", differ-maxDiff))
	}
	return []string{fmt.Sprintf("cell %s: %d rows differ\n%s", name, differ, strings.Join(lines, "\n"))}
}

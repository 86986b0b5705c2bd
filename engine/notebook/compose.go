package notebook

import (
	"fmt"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Composed is the query of one cell, as it runs by itself.
type Composed struct {
	// Cell is where the query stands: of a chart, the cell that it draws.
	Cell   int
	SQL    string
	Params map[string]any
	From   time.Time
	To     time.Time

	runner *runner
	before int
}

// Compose makes the query of a cell: with the cells above that it selects from
// in front of it, and values for its parameters. A chart's is that of its
// data; cells of other kinds have none, and only From and To are set.
func Compose(n *Notebook, cell int, datasets []string, opt Options) (*Composed, error) {
	if cell < 0 || cell >= len(n.Cells) {
		return nil, engine.Errorf(engine.NotFound, "run "+n.File, "there is no cell %d", cell).WithHint("it may have been removed: read the notebook again")
	}
	r := &runner{n: n, named: map[string]Cell{}, out: &Result{}}
	if err := r.prepare(datasets, opt); err != nil {
		return nil, err
	}
	c := &Composed{Cell: cell, runner: r, From: r.out.From, To: r.out.To}
	at := n.Cells[cell]
	if at.Kind == ChartKind {
		var err error
		if c.Cell, err = n.drawn(cell); err != nil {
			return nil, err
		}
		at = n.Cells[c.Cell]
	}
	if at.Kind != SQL && at.Kind != Check {
		return c, nil
	}
	for _, above := range n.Cells[:c.Cell] {
		if above.Name != "" && (above.Kind == SQL || above.Kind == Check) {
			key := strings.ToLower(above.Name)
			r.named[key] = above
			r.order = append(r.order, key)
		}
	}
	c.SQL, c.before = splice(at.Text, r.named, r.order)
	args, err := r.args(at, c.SQL)
	if err != nil {
		return nil, err
	}
	c.Params = map[string]any{}
	for _, a := range args {
		c.Params[a.Name] = a.Value
	}
	return c, nil
}

// drawn finds the cell that a chart draws.
func (n *Notebook) drawn(chart int) (int, error) {
	c := n.Cells[chart]
	if c.Chart == nil {
		return 0, n.fail(c.Line, 1, "the chart cannot be read", "see its problems")
	}
	for i, other := range n.Cells {
		if !strings.EqualFold(other.Name, c.Chart.Data) || other.Kind != SQL && other.Kind != Check {
			continue
		}
		if i > chart {
			return 0, n.fail(c.Line, 1, fmt.Sprintf("the cell %s stands below its chart", c.Chart.Data), "move the chart below the cell")
		}
		return i, nil
	}
	return 0, n.fail(c.Line, 1, fmt.Sprintf("there is no cell %s to draw", c.Chart.Data), "give a sql cell that name")
}

// Placed moves the place of an error of the query to the file.
func (c *Composed) Placed(err error) error {
	return c.runner.placed(c.runner.n.Cells[c.Cell], c.before, err)
}

// Ys lists the columns that a chart draws.
func (c *Chart) Ys() []string { return append([]string{}, c.ys()...) }

package plan

import (
	"strings"

	"tidemark.dev/tidemark/engine"
)

// measured puts measures, and the verdict, around the windows.
func (p *Plan) measured(w *sqlWriter, windows string) string {
	columns := p.finished(w)
	if p.triesMeasures(w) {
		columns, windows = p.layered(w, windows)
	}
	return "SELECT " + strings.Join(columns, ",\n       ") + "\nFROM (\n" + indent(windows) + "\n)"
}

// triesMeasures reports whether a measure is named inside of TRY, where DuckDB
// does not know it while it is an alias of the same SELECT.
func (p *Plan) triesMeasures(w *sqlWriter) bool {
	p.refer(w)
	tries := func(e Expr) bool {
		return len(named(e)) > 0 && strings.Contains(w.finite(e), "TRY(")
	}
	for _, m := range p.Measures {
		if tries(m.Expr) {
			return true
		}
	}
	return p.When != nil && !p.looksBack() && tries(p.When)
}

// named lists the measures that an expression names.
func named(e Expr) (list []int) {
	Walk(e, func(x Expr) {
		if r, ok := x.(*Ref); ok && r.To == MeasureRef {
			list = append(list, r.Index)
		}
	})
	return list
}

// layered computes each measure in a SELECT around those that it names, and
// gives the columns of the outermost one.
func (p *Plan) layered(w *sqlWriter, windows string) (columns []string, from string) {
	p.refer(w)
	var layers [][]string
	depth := make([]int, len(p.Measures))
	columns = p.places()
	for i, m := range p.Measures {
		for _, j := range named(m.Expr) {
			depth[i] = max(depth[i], depth[j]+1)
		}
		if depth[i] == len(layers) {
			layers = append(layers, nil)
		}
		layers[depth[i]] = append(layers[depth[i]], w.finite(m.Expr)+" AS "+engine.QuoteIdent(m.Name))
		columns = append(columns, engine.QuoteIdent(m.Name))
	}
	for _, l := range layers {
		windows = "SELECT *,\n       " + strings.Join(l, ",\n       ") + "\nFROM (\n" + indent(windows) + "\n)"
	}
	if p.When != nil && !p.looksBack() {
		columns = append(columns, w.finite(p.When)+" AS breaching")
	}
	return columns, windows
}

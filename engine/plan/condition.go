package plan

import "tidemark.dev/tidemark/engine"

// Condition is a condition on records as SQL over a dataset's own table: true
// for those it keeps.
func Condition(e Expr) (string, error) {
	w := recordWriter()
	w.column = func(path engine.Path) string { return path.SQL() }
	var s string
	err := w.try(func() { s = w.truth(e) })
	return s, err
}

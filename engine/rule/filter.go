package rule

import (
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// CompileFilter reads a condition on the records of a dataset, as where has
// one, where it stands alone.
func CompileFilter(t engine.Text, ds engine.Dataset) (plan.Expr, error) {
	return compileCondition(t, recordScope{dataset: ds}, "the filter")
}

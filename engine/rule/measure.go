package rule

import (
	"errors"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// CompileMeasure makes a plan of one measure that stands alone, as in a
// dashboard: computed for each window, and for each value of the paths. An
// empty where keeps all records.
func CompileMeasure(name string, measure, where engine.Text, ds engine.Dataset, window plan.Window, groupBy []engine.Text) (*plan.Plan, error) {
	measures := engine.Entries[engine.Text]{{Key: engine.Text{Value: name}, Value: measure}}
	return CompileMeasures(measures, where, ds, window, groupBy)
}

// CompileMeasures is CompileMeasure for several of them.
func CompileMeasures(measures engine.Entries[engine.Text], where engine.Text, ds engine.Dataset, window plan.Window, groupBy []engine.Text) (*plan.Plan, error) {
	spec := Spec{Where: where, Measures: measures}
	for _, path := range groupBy {
		spec.GroupBy = append(spec.GroupBy, GroupKey{Path: path})
	}
	c := &compilation{spec: spec, dataset: ds, plan: &plan.Plan{Dataset: ds.Name, Window: window}}
	c.where()
	c.keys()
	c.measures()
	if len(c.problems) == 0 {
		c.check(place(measures[0].Value, c.plan.Check()))
	}
	return c.plan, errors.Join(c.problems...)
}

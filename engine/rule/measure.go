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

// MeasureType is what a measure of a rule gives, and where its name stands.
type MeasureType struct {
	Name string `json:"name"`
	Line int    `json:"line"`
	Type string `json:"type"`
}

// Types lists what the measures of a rule give that are right by themselves:
// while a rule is written the rest of it may not be.
func Types(spec Spec, ds engine.Dataset) []MeasureType {
	c := &compilation{spec: spec, dataset: ds, plan: &plan.Plan{Dataset: ds.Name}}
	c.keys()
	c.measures()
	list := []MeasureType{}
	for _, m := range spec.Measures {
		if n := len(list); n < len(c.plan.Measures) && c.plan.Measures[n].Name == m.Key.Value {
			list = append(list, MeasureType{m.Key.Value, m.Key.Line, c.plan.Measures[n].Expr.Type().String()})
		}
	}
	return list
}

package rule

import (
	"errors"
	"fmt"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// Rule is a rule that has been checked against its dataset and can run. It is
// immutable and may be used by several goroutines.
type Rule struct {
	Name string
	// Spec is the file's text, with overrides applied.
	Spec Spec
	// Plan is what is computed.
	Plan *plan.Plan
	// Alarm is how datapoints become states.
	Alarm Policy
	// Forget is how long after its last window with records a group is known.
	Forget  time.Duration
	Summary Summary
	// Watched lists the measures that when reads, and which of their
	// extremes is the worst.
	Watched []Watched

	// Expected lists the groups that must appear; none means those that were
	// seen.
	Expected [][]plan.Value

	// Known lists the incidents that the file names.
	Known []Known

	// Recover is the condition under which a window helps to end an alarm;
	// nil is every window that does not breach.
	Recover plan.Expr

	recovered plan.Evaluator
	dataset   engine.Dataset
}

// DefaultForget is how long a silent group is known unless a rule says
// otherwise.
const DefaultForget = 24 * time.Hour

// Compile checks a rule against the dataset it names and turns it into a
// plan. The error holds every problem found, as engine.Errors with their
// places.
func Compile(spec Spec, ds engine.Dataset) (*Rule, error) {
	if spec.Expect == nil && spec.At.Has("expect") && !spec.At.Has("window") {
		spec.Expect = &Expect{} // the key without anything in it
	}
	c := &compilation{spec: spec, dataset: ds, plan: &plan.Plan{Dataset: ds.Name}}
	r := &Rule{Name: spec.Rule.Value, Spec: spec, Plan: c.plan, dataset: ds}
	c.check(c.name())
	c.check(c.datasetName())
	c.check(c.repeat())
	c.where()
	c.keys()
	c.window()
	c.measures()
	c.when()
	c.expect()
	r.Expected = c.listed()
	r.Known = c.known()
	if r.Recover = c.recover(); r.Recover != nil {
		r.recovered = plan.Compile(r.Recover, nil)
	}
	r.Alarm = c.alarm()
	c.quiet()
	r.Forget = c.forget()
	r.Summary = c.summary()
	c.late()
	if len(c.problems) == 0 {
		c.check(place(placed(spec.Rule, spec.At.Text), c.plan.Check()))
	}
	if err := errors.Join(c.problems...); err != nil {
		return nil, err
	}
	r.Watched = watched(c.plan)
	return r, nil
}

// SQL is the rule as one DuckDB statement over its dataset's table, for
// people to read and to run.
func (r *Rule) SQL() string {
	s, err := r.Plan.SQL()
	if err != nil { // Compile has checked that it can be written
		panic(fmt.Sprintf("rule: SQL of %s: %v", r.Name, err))
	}
	return s
}

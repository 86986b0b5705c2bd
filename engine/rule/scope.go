package rule

import (
	"errors"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// recordScope is where names are columns of a record: in where, and inside
// aggregates.
type recordScope struct {
	dataset engine.Dataset
	// inside is set within an aggregate.
	inside bool
}

func (s recordScope) name(path engine.Path) (plan.Expr, error) {
	resolved, t, err := resolve(s.dataset, path)
	if err != nil {
		return nil, err
	}
	e, err := plan.NewColumn(resolved, t)
	return e, nameDataset(err, s.dataset)
}

// nameDataset puts the dataset's name into a hint that asks for a command.
func nameDataset(err error, ds engine.Dataset) error {
	var e *engine.Error
	if !errors.As(err, &e) {
		return err
	}
	return e.WithHint("%s", strings.ReplaceAll(e.Hint, "DATASET", ds.Name))
}

// resolve is Dataset.Resolve with a next step even where no name is near.
func resolve(ds engine.Dataset, path engine.Path) (engine.Path, engine.Type, error) {
	resolved, t, err := ds.Resolve(path)
	var e *engine.Error
	if errors.As(err, &e) && e.Hint == "" {
		err = e.WithHint("see what there is: tidemark schema show %s", ds.Name)
	}
	return resolved, t, err
}

func (s recordScope) call(c *converter, name string, n *ast.CallNode) (plan.Expr, bool, error) {
	switch {
	case known(name, plan.Pasts()):
		return nil, true, c.refuse(n, "measure it, and use it in when", "%s looks at earlier windows, not at one record", name)
	case !known(name, plan.Aggregates()):
		return nil, false, nil
	case s.inside:
		return nil, true, c.refuse(n, "give the inner one a measure of its own", "%s cannot stand inside another aggregate", name)
	}
	return nil, true, c.refuse(n, "use it under measures, and the measure in when", "%s counts over a window, but where looks at one record", name)
}

// windowScope is where names are measures and group keys: in measures outside
// aggregates, in when and in summary.
type windowScope struct {
	dataset engine.Dataset
	plan    *plan.Plan
	// aggregates says that aggregates may be called.
	aggregates bool
}

func (s windowScope) name(path engine.Path) (plan.Expr, error) {
	if len(path) == 1 {
		for i, m := range s.plan.Measures {
			if m.Name == path[0] {
				return plan.NewRef(plan.MeasureRef, i, m.Name, m.Expr.Type()), nil
			}
		}
	}
	resolved, _, err := s.dataset.Resolve(path)
	if err != nil {
		return nil, s.unknown(path)
	}
	for i, k := range s.plan.Keys {
		if slices.Equal(k.Path, resolved) {
			return plan.NewRef(plan.KeyRef, i, k.Name, k.Column.Type()), nil
		}
	}
	e := engine.Errorf(engine.Invalid, "", "%s is a column, and a window has many records", path)
	if s.aggregates {
		return nil, e.WithHint("put it into an aggregate, as in max(%s), or into group_by", path)
	}
	return nil, e.WithHint("measure it first, as in max(%s) under measures, or put it into group_by", path)
}

// unknown lists the nearest measure or group key.
func (s windowScope) unknown(path engine.Path) error {
	var names []string
	for _, m := range s.plan.Measures {
		names = append(names, m.Name)
	}
	for _, k := range s.plan.Keys {
		names = append(names, k.Name)
	}
	e := engine.Errorf(engine.Invalid, "", "there is no measure or group key %s", path)
	if s.aggregates && known(path.String(), plan.Aggregates()) {
		return e.WithHint("to count or measure, write %s(…)", path)
	}
	if near := engine.Nearest(path.String(), names); near != "" {
		return e.WithHint("did you mean %s?", near)
	}
	if len(names) == 0 {
		return e.WithHint("a measure may use measures above it")
	}
	if s.aggregates {
		return e.WithHint("there are %s; a measure may use those above it", join(names))
	}
	return e.WithHint("there are %s", join(names))
}

func (s windowScope) call(c *converter, name string, n *ast.CallNode) (plan.Expr, bool, error) {
	switch {
	case known(name, plan.Pasts()):
		e, err := s.past(c, name, n)
		return e, true, err
	case name == "percent":
		return nil, true, c.refuse(n, "multiply by 100 to compute with it", "percent writes text, for {{ }} in a summary only")
	case !known(name, plan.Aggregates()):
		return nil, false, nil
	case !s.aggregates:
		return nil, true, c.refuse(n, "add a line under measures and use its name here", "%s cannot be computed here", name)
	}
	e, err := s.aggregate(c, name, n)
	return e, true, err
}

func (s windowScope) aggregate(c *converter, name string, n *ast.CallNode) (plan.Expr, error) {
	inner := &converter{text: c.text, scope: recordScope{s.dataset, true}, lengths: c.lengths}
	args, err := inner.args(n, -1)
	if err != nil {
		return nil, err
	}
	a, err := plan.NewAggregate(plan.AggregateFunc(name), args)
	if err != nil {
		return nil, err
	}
	return s.plan.AddAggregate(a), nil
}

// place puts a position on an error that has none yet.
func place(t engine.Text, err error) error {
	var e *engine.Error
	if err == nil || !errors.As(err, &e) || e.Line > 0 {
		return err
	}
	placed := t.At(0, "%w", e.Err)
	placed.Hint = e.Hint
	return placed
}

package workbench

import (
	"errors"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/store"
)

// keptBy is what the settings of a dataset have its rollups keep.
func keptBy(d workspace.Dataset) (store.Kept, error) {
	kept := store.Kept{Sizes: d.Rollups}
	var err error
	if kept.Quantiles, err = parsePaths(d.Quantiles); err == nil {
		kept.Distinct, err = parsePaths(d.Distinct)
	}
	return kept, err
}

func parsePaths(list []string) (paths []engine.Path, err error) {
	for _, text := range list {
		p, err := engine.ParsePath(text)
		if err != nil {
			return nil, err
		}
		paths = append(paths, p)
	}
	return paths, nil
}

// checkPaths refuses settings about paths that a dataset does not have, but
// something much like them, and about paths that they cannot be about. What is
// like nothing may come with later records.
func (b *Workbench) checkPaths(d workspace.Dataset) error {
	ds, err := b.Store.Dataset(d.Name)
	if err != nil {
		return nil //nolint:nilerr // it begins with this
	}
	var problems []error
	check := func(at engine.Text, what, path string, fits func(engine.Path, engine.Type) error) {
		p, err := engine.ParsePath(path)
		if err != nil {
			return // the file's check says so
		}
		p, t, err := ds.Resolve(p)
		if err == nil && t.Known() && fits != nil {
			err = fits(p, t)
		}
		var e *engine.Error
		if errors.As(err, &e) && (e.Kind != engine.NotFound || e.Hint != "") {
			wrong := at.At(0, "datasets.%s.%s: %w", d.Name, what, e.Err)
			wrong.Hint = e.Hint
			problems = append(problems, wrong)
		}
	}
	if d.Quota != nil && d.Quota.By != "" {
		check(d.Quota.At.Value("by"), "quota.by", d.Quota.By, nil)
	}
	for _, path := range d.Quantiles {
		check(d.At.Value("quantiles"), "quantiles", path, isNumber)
	}
	for _, path := range d.Distinct {
		check(d.At.Value("distinct"), "distinct", path, isOneValue)
	}
	return errors.Join(problems...)
}

func isNumber(p engine.Path, t engine.Type) error {
	half, err := plan.NewLiteral(plan.Double(0.5))
	if err != nil {
		return err
	}
	return canBe(plan.Quantile, p, t, half)
}

func isOneValue(p engine.Path, t engine.Type) error { return canBe(plan.Distinct, p, t) }

// canBe tells why an aggregate cannot be applied to a path.
func canBe(f plan.AggregateFunc, p engine.Path, t engine.Type, further ...plan.Expr) error {
	x, err := plan.NewColumn(p, t)
	if err == nil {
		_, err = plan.NewAggregate(f, append([]plan.Expr{x}, further...))
	}
	return err
}

package workbench

import (
	"context"
	"slices"

	"tidemark.dev/tidemark/engine/dashboard"
	"tidemark.dev/tidemark/engine/explore"
	"tidemark.dev/tidemark/engine/notebook"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/store"
)

// rolledTries is how often an answer is taken from a rollup that is refreshed
// meanwhile before the records are asked.
const rolledTries = 3

// rolled answers a measure from a rollup, if one can; the same as the records
// would give.
func (n *narrowing) rolled(ctx context.Context, p *plan.Plan, withTime bool) (*notebook.Table, string, error) {
	kept, err := keptBy(n.b.Current().Config.Dataset(p.Dataset))
	if err != nil {
		return nil, "", nil //nolint:nilerr // the workspace's own check tells
	}
	for range rolledTries {
		r, found, err := n.chooseRollup(ctx, p, kept)
		if err != nil || !found {
			return nil, "", err
		}
		table, err := n.runRolled(ctx, p, r, withTime)
		if err != nil {
			return nil, "", err
		}
		same, err := n.still(ctx, p.Dataset, r, kept)
		if err != nil || same {
			return table, r.Name, err
		}
	}
	n.params = explore.Params{}
	return nil, "", nil
}

// still reports whether a rollup is what it was.
func (n *narrowing) still(ctx context.Context, dataset string, r store.Rolled, kept store.Kept) (bool, error) {
	list, err := n.b.Store.Rolled(ctx, dataset, kept)
	return slices.ContainsFunc(list, func(s store.Rolled) bool { return s.Name == r.Name && s.Stamp == r.Stamp }), err
}

// chooseRollup finds the rollup that leaves the least to be read: rows of its
// own, and records at the ends of the range.
func (n *narrowing) chooseRollup(ctx context.Context, p *plan.Plan, kept store.Kept) (best store.Rolled, found bool, err error) {
	const (
		rowsOfWindow     = 20
		recordsOfASecond = 100
	)
	at := plan.Range{From: n.from, To: n.to}
	list, err := n.b.Store.Rolled(ctx, p.Dataset, kept)
	least := 0.0
	for _, r := range list {
		if !r.CanAnswer(p, at) || !n.filtersKeys(r) {
			continue
		}
		whole := r.Whole(at)
		ends := whole.From.Sub(at.From) + at.To.Sub(whole.To)
		cost := ends.Seconds()*recordsOfASecond + whole.To.Sub(whole.From).Seconds()/r.Size.Seconds()*rowsOfWindow
		if !found || cost < least {
			best, found, least = r, true, cost
		}
	}
	return best, found, err
}

// filtersKeys reports whether all filters are about keys of a rollup.
func (n *narrowing) filtersKeys(r store.Rolled) bool {
	return !slices.ContainsFunc(n.filters, func(f explore.Filter) bool { return !slices.Contains(r.Keys, f.Path) })
}

func (n *narrowing) runRolled(ctx context.Context, p *plan.Plan, r store.Rolled, withTime bool) (*notebook.Table, error) {
	ds, err := n.b.Store.Dataset(p.Dataset)
	if err != nil {
		return nil, err
	}
	n.params = explore.Params{}
	keys, err := explore.Select(explore.Question{Dataset: ds, Filters: n.filters, Params: n.params})
	if err != nil {
		return nil, err
	}
	records, err := explore.Select(explore.Question{Dataset: ds, From: n.from, To: n.to, Filters: n.filters, Params: n.params})
	if err != nil {
		return nil, err
	}
	query, err := dashboard.MeasureRolled(p, r.Rolled, plan.Range{From: n.from, To: n.to}, keys.Where(), records.Where(), withTime)
	if err != nil {
		return nil, err
	}
	n.shown, n.unfiltered = query, []string{}
	return n.b.table(ctx, query, namedArgs(n.params), notebook.MaxRows, nil)
}

package workbench

import (
	"context"
	"time"

	"tidemark.dev/tidemark/app/workspace"
)

// FilterQuery asks for the values of a path.
type FilterQuery struct {
	Dataset, Path string
	From, To      time.Time
}

// FilterValues are the values of a path, the most frequent first.
type FilterValues struct {
	Values   []ValueCount `json:"values"`
	Distinct int64        `json:"distinct"`
	More     bool         `json:"more"`
}

// maxFilterValues is how many values a filter offers.
const maxFilterValues = 100

// FilterValues counts the values of a path.
func (b *Workbench) FilterValues(ctx context.Context, q FilterQuery) (FilterValues, error) {
	if q.Dataset == "" {
		ds, err := b.measured(&workspace.Dashboard{}, nil)
		if err != nil {
			return FilterValues{Values: []ValueCount{}}, nil // there is nothing yet
		}
		q.Dataset = ds.Name
	}
	e := Exploration{Dataset: q.Dataset, Buckets: 1, Facets: []string{q.Path}, Top: maxFilterValues}
	if !q.From.IsZero() {
		e.From = &q.From
	}
	if !q.To.IsZero() {
		e.To = &q.To
	}
	found, err := b.Explore(ctx, e)
	if err != nil {
		return FilterValues{}, err
	}
	f := found.Facets[0]
	return FilterValues{Values: f.Values, Distinct: f.Distinct, More: f.More}, nil
}

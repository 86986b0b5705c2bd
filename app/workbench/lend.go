package workbench

import (
	"context"
	"strings"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
)

// Use is what a query cost of an attached dataset.
type Use struct {
	Dataset     string `json:"dataset"`
	Objects     int64  `json:"objects" doc:"Of the dataset."`
	ObjectsRead int64  `json:"objects_read" doc:"Those that may hold what the query asks for."`
	// RowGroups are those of the objects that are read.
	RowGroups      int64 `json:"row_groups"`
	RowGroupsRead  int64 `json:"row_groups_read"`
	Bytes          int64 `json:"bytes" doc:"Of all objects of the dataset."`
	BytesNeeded    int64 `json:"bytes_needed" doc:"Of the columns and row groups that the query needs."`
	BytesEstimated int64 `json:"bytes_estimated" doc:"What was expected to be fetched: what is needed and not in the cache, and small gaps."`
	BytesFetched   int64 `json:"bytes_fetched"`
	// BytesMost is set of a query with a LIMIT that is fetched in steps.
	BytesMost int64 `json:"bytes_most,omitempty" doc:"What would be fetched at most, of a query whose LIMIT ends that as soon as it has its rows: then bytes_estimated is what the steps taken were expected to bring, and of a query that did not run yet the first one."`
	Requests  int64 `json:"requests"`
	// CostUSD is what was fetched at the prices of the dry run.
	CostUSD float64 `json:"cost_usd"`
	// Broken objects stand in quarantine, and their rows are missing.
	Broken  int64   `json:"broken"`
	Seconds float64 `json:"seconds"`
}

type useKey struct{}

// WithUse has fn told what the queries under a context cost of attached
// datasets. It is called from several goroutines.
func WithUse(ctx context.Context, fn func(Use)) context.Context {
	return context.WithValue(ctx, useKey{}, fn)
}

// enough reports whether a query has all the rows it wants of what was
// fetched so far.
type enough func(context.Context, store.LentTable) (bool, error)

// Lend fetches what a query needs.
func (l lender) Lend(ctx context.Context, needs []engine.Need, has func(context.Context, store.LentTable) (bool, error)) (*store.Loan, error) {
	loan, err := l.b.lend(ctx, needs, has, false)
	switch engine.KindOf(err) {
	case engine.Conflict, engine.NotFound: // the listing is not true any more
		return l.b.lend(ctx, needs, has, true)
	}
	return loan, err
}

func (b *Workbench) lend(ctx context.Context, needs []engine.Need, has enough, again bool) (*store.Loan, error) {
	loan := &store.Loan{}
	var made []*order
	loan.Return = func() {
		for _, o := range made {
			o.remove()
		}
	}
	for _, need := range needs {
		o, err := b.order(ctx, need, has != nil, again)
		if err != nil {
			loan.Return()
			return nil, err
		}
		made = append(made, o)
	}
	err := estimated(ctx, made)
	if err == nil {
		err = b.afford(made)
	}
	for _, o := range made {
		if err == nil {
			err = b.deliver(ctx, o)
		}
		if err == nil && has != nil {
			err = b.widen(ctx, o, has)
		}
		loan.Tables = append(loan.Tables, o.table())
	}
	if err != nil {
		loan.Return()
		return nil, err
	}
	for _, o := range made {
		o.report(ctx)
	}
	return loan, nil
}

// afford refuses what is over the budget of one query, before it is fetched.
func (b *Workbench) afford(orders []*order) error {
	limit := int64(b.Current().Config.Limits.Fetch)
	var size, estimate int64
	var names []string
	for _, o := range orders {
		names = append(names, o.need.Dataset)
		estimate += o.use.BytesEstimated
		for _, c := range o.cuts {
			size += c.cut.Size()
		}
	}
	if estimate > limit {
		return engine.Errorf(engine.Unavailable, "query "+strings.Join(names, ", "), "it would fetch %s, more than limits.fetch, %s", sizeText(estimate), sizeText(limit)).
			WithHint("ask for less time or fewer columns, or raise limits.fetch in tidemark.yaml; about $%.4f at S3's prices", float64(estimate)/1e9*usdPerGB)
	}
	if temp := int64(b.Current().Config.Limits.Temp); size > temp {
		return engine.Errorf(engine.Unavailable, "query "+strings.Join(names, ", "), "what it reads takes %s on this disk, more than limits.temp, %s", sizeText(size), sizeText(temp)).
			WithHint("ask for less time or fewer columns, or raise limits.temp in tidemark.yaml")
	}
	return nil
}

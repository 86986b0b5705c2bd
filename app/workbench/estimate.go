package workbench

import (
	"context"
	"errors"

	"tidemark.dev/tidemark/engine/store"
)

type estimateKey struct{}

// errEstimated ends a query whose cost was all that was asked for.
var errEstimated = errors.New("only the cost was asked for")

// Estimate says what a query would cost of each attached dataset. It fetches
// no more than the footers that are not known yet, and runs nothing.
func (b *Workbench) Estimate(ctx context.Context, query string, args []any) ([]Use, error) {
	uses := []Use{}
	ctx = WithUse(ctx, func(u Use) { uses = append(uses, u) })
	ctx = context.WithValue(ctx, estimateKey{}, true)
	rows, err := b.Store.Query(ctx, "EXPLAIN "+query, args, DefaultTimeout, nil)
	switch {
	case errors.Is(err, errEstimated):
		return uses, nil
	case err != nil:
		return nil, err
	}
	return uses, rows.Close()
}

// estimated tells what orders would cost, if that is all that is asked.
func estimated(ctx context.Context, orders []*order) error {
	if ctx.Value(estimateKey{}) == nil {
		return nil
	}
	for _, o := range orders {
		o.use.CostUSD = float64(o.use.Requests)*usdPerGet + float64(o.use.BytesEstimated)/1e9*usdPerGB
		o.report(ctx)
	}
	return errEstimated
}

var _ store.Lender = lender{}

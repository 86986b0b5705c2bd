package workbench

import (
	"context"
	"time"

	"tidemark.dev/tidemark/engine/store"
	"tidemark.dev/tidemark/engine/store/cage"
)

// DefaultTimeout ends a query that nobody gave a limit.
const DefaultTimeout = 5 * time.Minute

// Query runs a person's SQL: one statement that reads the workspace. args are
// values for its parameters. The rows must be closed.
func (b *Workbench) Query(ctx context.Context, query string, args []any, timeout time.Duration) (*cage.Rows, error) {
	defer b.asking.begin()()
	rows, err := b.Store.Query(ctx, query, args, timeout, nil)
	return rows, b.explained(err)
}

// Stream runs a person's SQL like Query, and hands on its rows while they are
// computed.
func (b *Workbench) Stream(ctx context.Context, query string, args []any, timeout time.Duration, sink store.Sink) error {
	defer b.asking.begin()()
	return b.explained(b.Store.Stream(ctx, query, args, timeout, sink))
}

package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/duckdb/duckdb-go/v2/mapping"

	"tidemark.dev/tidemark/engine/store/handle"
)

// execPatiently runs a statement in the transaction under way and gives how
// many rows it changed. DuckDB's own way to wait for its other threads is to
// ask without end whether there is something to do, which takes a processor
// from those who make the next batch.
func (s *Store) execPatiently(ctx context.Context, query string) (rows int64, err error) {
	err = s.conn.Raw(func(c any) error {
		prepared, err := c.(driver.ConnPrepareContext).PrepareContext(ctx, query)
		if err != nil {
			return err
		}
		defer prepared.Close()
		statement, ok := prepared.(*duckdb.Stmt)
		if !ok {
			return fmt.Errorf("the driver gave a %T", prepared)
		}
		handles, err := handle.Of(c.(driver.Conn), statement)
		if err != nil {
			return err
		}
		defer handle.InterruptWith(ctx, handles.Connection)()
		rows, err = runPatiently(ctx, handles)
		return err
	})
	return rows, err
}

// runPatiently takes part in the work on a statement until it is done.
func runPatiently(ctx context.Context, h handle.Handles) (rows int64, err error) {
	var pending mapping.PendingResult
	defer mapping.DestroyPending(&pending)
	if mapping.PendingPrepared(h.Statement, &pending) == mapping.StateError {
		return 0, handle.Error(mapping.PendingError(pending))
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	for wait := leastWait; ; {
		switch state := mapping.PendingExecuteTask(pending); {
		case state == mapping.PendingStateError: // and if it was interrupted
			return 0, errors.Join(ctx.Err(), handle.Error(mapping.PendingError(pending)))
		case state == mapping.PendingStateResultReady:
			return changed(ctx, pending)
		case state == mapping.PendingStateNoTasksAvailable:
			time.Sleep(wait) // the other threads have it all
			wait = min(2*wait, mostWait)
		default:
			wait = leastWait
		}
	}
}

// Between these the wait for other threads doubles.
const (
	leastWait = 20 * time.Microsecond
	mostWait  = time.Millisecond
)

// changed is how many rows a statement changed that is done.
func changed(ctx context.Context, pending mapping.PendingResult) (int64, error) {
	var res mapping.Result
	defer mapping.DestroyResult(&res)
	if mapping.ExecutePending(pending, &res) == mapping.StateError {
		return 0, errors.Join(ctx.Err(), handle.Error(mapping.ResultError(&res)))
	}
	return int64(mapping.RowsChanged(&res)), nil //nolint:gosec // fewer than rows
}

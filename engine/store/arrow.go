//go:build duckdb_arrow

package store

import (
	"context"
	"database/sql/driver"
	"io"
	"time"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/duckdb/duckdb-go/v2"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store/cage"
)

// WriteArrow runs a person's query and writes its rows as an Arrow IPC
// stream, batch by batch.
func (s *Store) WriteArrow(ctx context.Context, w io.Writer, query string, timeout time.Duration) (n int64, err error) {
	err = cage.Do(ctx, s.DB(), query, s.caged(timeout, nil), func(ctx context.Context, conn driver.Conn, text string) error {
		arrow, err := duckdb.NewArrowFromConn(conn)
		if err != nil {
			return err
		}
		batches, err := arrow.QueryContext(ctx, text)
		if err != nil {
			return err
		}
		defer batches.Release()
		out := ipc.NewWriter(w, ipc.WithSchema(batches.Schema()))
		for batches.Next() {
			batch := batches.RecordBatch()
			if err := out.Write(batch); err != nil {
				return engine.Errorf(engine.Unavailable, "write the result", "%w", err)
			}
			n += batch.NumRows()
		}
		if err := batches.Err(); err != nil {
			return err
		}
		return out.Close()
	})
	return n, err
}

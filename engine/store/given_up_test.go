//go:build duckdb_arrow

package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"path/filepath"
	"testing"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/duckdb/duckdb-go/v2/mapping"

	"tidemark.dev/tidemark/engine/store/cage"
	"tidemark.dev/tidemark/engine/store/handle"
)

// A query that is given up just when it begins does not go on: DuckDB forgets
// that it was told to stop when its tasks begin.
func TestGivenUpAtItsBeginning(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), Options{Path: filepath.Join(dir, "db"), Staging: filepath.Join(dir, "staging"), Threads: 2, Memory: 500_000_000})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const years = "select count(*) from range(1000000000) a, range(1000000000) b"
	err = cage.Deliver(t.Context(), s.DB(), years, nil, cage.Options{}, func(ctx context.Context, conn driver.Conn, d cage.Delivery) error {
		prepared, err := conn.(driver.ConnPrepareContext).PrepareContext(ctx, d.Text)
		if err != nil {
			return err
		}
		defer prepared.Close()
		handles, err := handle.Of(conn, prepared.(*duckdb.Stmt))
		if err != nil {
			return err
		}
		left, leave := context.WithCancel(ctx)
		leave()
		mapping.Interrupt(handles.Connection)
		_, err = handles.Begin(left)
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	var n int
	if err := s.DB().QueryRowContext(t.Context(), "SELECT 1").Scan(&n); err != nil {
		t.Error(err)
	}
}

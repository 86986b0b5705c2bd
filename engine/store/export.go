package store

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store/cage"
)

// WriteParquet runs a person's query and writes its rows as Parquet, zstd.
// The database writes it, into the staging folder, and it is copied from
// there.
func (s *Store) WriteParquet(ctx context.Context, w io.Writer, query string, timeout time.Duration, args ...any) (int64, error) {
	dir, err := os.MkdirTemp(s.opt.Staging, "result-")
	if err != nil {
		return 0, engine.Errorf(engine.Unavailable, "write the result", "%w", err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "result.parquet")
	n, err := s.writeParquet(ctx, path, query, timeout, args, nil)
	if err != nil {
		return n, err
	}
	f, err := os.Open(path)
	if err != nil {
		return n, engine.Errorf(engine.Internal, "write the result", "%w", err)
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return n, err
}

// writeParquet has the database write the rows of a person's query to a file
// in a folder that it may write to. over puts around the query what it is
// asked of; nil leaves it alone.
func (s *Store) writeParquet(ctx context.Context, path, query string, timeout time.Duration, args []any, over func(string) string) (n int64, err error) {
	rows, err := s.Query(ctx, query, args, timeout, func(st *cage.Statement) (string, error) {
		if st.Explain {
			return "", engine.Errorf(engine.Invalid, "write the result", "only a SELECT can be written as Parquet")
		}
		text := st.SQL
		if over != nil {
			text = over(text)
		}
		return "COPY (" + text + "\n) TO " + engine.QuoteText(path) + " (FORMAT parquet, COMPRESSION zstd)", nil
	})
	if err != nil {
		return 0, err
	}
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			rows.Close()
			return 0, err
		}
	}
	err = rows.Err()
	if closed := rows.Close(); err == nil {
		err = closed
	}
	return n, err
}

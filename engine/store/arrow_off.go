//go:build !duckdb_arrow

package store

import (
	"context"
	"io"
	"time"

	"tidemark.dev/tidemark/engine"
)

// WriteArrow needs the driver's Arrow interface, which is behind a build tag.
func (s *Store) WriteArrow(context.Context, io.Writer, string, time.Duration) (int64, error) {
	return 0, engine.Errorf(engine.Unavailable, "write the result", "this program was built without Arrow").
		WithHint("build it with make build, or with go build -tags duckdb_arrow")
}

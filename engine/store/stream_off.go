//go:build !duckdb_arrow

package store

import (
	"context"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Stream needs the driver's Arrow interface, which is behind a build tag.
func (s *Store) Stream(context.Context, string, []any, time.Duration, Sink) error {
	return engine.Errorf(engine.Unavailable, "query", "this program was built without Arrow").
		WithHint("build it with make build, or with go build -tags duckdb_arrow")
}

package store

import (
	"context"
)

// Merge rewrites the segments of a dataset into one at the newest type, in one
// transaction. With a single segment of that type it does nothing.
func (s *Store) Merge(ctx context.Context, name string) error {
	d, err := s.lookup(name)
	if err != nil {
		return err
	}
	if len(d.segments) == 0 || len(d.segments) == 1 && d.segments[0].body.DuckDB() == d.version.Body.DuckDB() {
		return nil
	}
	next, err := s.rewriteAs(ctx, d, &dataset{version: d.version}, func(g segment) string {
		if g.body.DuckDB() == d.version.Body.DuckDB() {
			return selectWith(nil)
		}
		return selectWith(map[string]string{"body": castBody(g.body, d.version.Body)})
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.datasets[name] = next
	s.mu.Unlock()
	return nil
}

// Checkpoint writes the log into the database file, in a quiet moment.
func (s *Store) Checkpoint(ctx context.Context) error {
	s.write.Lock()
	defer s.write.Unlock()
	_, err := s.DB().ExecContext(ctx, "CHECKPOINT")
	if err != nil && isFatal(err) {
		return s.failed(ctx, err)
	}
	return nil
}

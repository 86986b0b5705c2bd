package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Merge rewrites the segments of a dataset into one at the newest type, in one
// transaction. With a single segment of that type it does nothing.
func (s *Store) Merge(ctx context.Context, name string) error {
	d, err := s.lookup(name)
	if err != nil {
		return err
	}
	if len(d.segments) == 0 || len(d.segments) == 1 && d.segments[0].body.Equal(d.version.Body) {
		return nil
	}
	return s.rewrite(ctx, name, d, d.version, castBody)
}

// rewrite copies all rows of a dataset into one new segment of version v;
// body says how to read an older segment's body at the new type.
func (s *Store) rewrite(ctx context.Context, name string, d *dataset, v engine.SchemaVersion, body func(from, to engine.Type) string) error {
	g := segment{id: d.segments[len(d.segments)-1].id + 1, version: v.Version, body: v.Body}
	g.table = fmt.Sprintf("%s_%d", name, g.id)
	next := &dataset{version: v, segments: []segment{g}}
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		if err := createSegment(ctx, tx, name, g); err != nil {
			return err
		}
		for _, old := range d.segments {
			list := strings.Join(columnNames(), ", ")
			if old.body.DuckDB() != v.Body.DuckDB() {
				list = strings.Replace(list, "body", body(old.body, v.Body), 1)
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO "+g.sql()+" SELECT "+list+" FROM "+old.sql()); err != nil {
				return fmt.Errorf("merge the segments of %s: %w", name, err)
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.segments WHERE dataset = ? AND id = ?`, name, old.id); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, viewSQL(name, next)); err != nil {
			return err
		}
		for _, old := range d.segments {
			if _, err := tx.ExecContext(ctx, "DROP TABLE "+old.sql()); err != nil {
				return err
			}
		}
		return nil
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

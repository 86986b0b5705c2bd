package store

import (
	"context"
	"database/sql"
	"os"

	"tidemark.dev/tidemark/engine"
)

// Merge rewrites the segments of a dataset into one at the newest type, in one
// transaction, and moves into body what was waiting in rest for its path to
// get a type. A single segment of that type stays as it is, unless most of what
// it holds has been replaced.
func (s *Store) Merge(ctx context.Context, name string) error {
	d, err := s.lookup(name)
	if err != nil {
		return err
	}
	if len(d.segments) == 0 {
		return nil
	}
	if len(d.segments) == 1 && d.segments[0].body.DuckDB() == d.version.Body.DuckDB() {
		if !d.segments[0].body.Equal(d.version.Body) {
			if err := s.stale(ctx, name); err != nil {
				return err
			}
			if err := s.settleSegment(ctx, d); err != nil {
				return err
			}
			if d, err = s.lookup(name); err != nil {
				return err
			}
		}
		if gone, err := s.mostlyGone(ctx, name, d.segments[0]); err != nil || !gone {
			return err
		}
	}
	if err := s.stale(ctx, name); err != nil {
		return err
	}
	next, err := s.rewriteAs(ctx, d, &dataset{version: d.version}, func(_ *sql.Tx, g segment) (selection, error) {
		if g.body.DuckDB() == d.version.Body.DuckDB() {
			return selection{selectWith(nil), g.sql()}, nil
		}
		return selection{selectWith(map[string]string{"body": castBody(g.body, d.version.Body)}), g.sql()}, nil
	})
	if err != nil {
		return err
	}
	s.replace(next)
	return nil
}

// mostlyGone reports whether deleted rows are more than half of what a segment
// keeps on disk. It looks only where rows were replaced since the last look.
func (s *Store) mostlyGone(ctx context.Context, name string, g segment) (bool, error) {
	s.mu.Lock()
	look := s.replaced[name]
	delete(s.replaced, name)
	s.mu.Unlock()
	if !look {
		return false, nil
	}
	if err := s.Checkpoint(ctx); err != nil { // lets go of what is gone as a whole
		return false, err
	}
	var kept, live int64
	err := s.DB().QueryRowContext(ctx, `SELECT (SELECT coalesce(sum(count), 0)::BIGINT FROM pragma_storage_info(`+engine.QuoteText(g.sql())+`)
		WHERE column_name = '_seq' AND segment_type = 'BIGINT'), (SELECT count(*) FROM `+g.sql()+`)`).Scan(&kept, &live)
	return kept > 2*live, err
}

// settleSegment brings a dataset's only segment, which has the columns of the
// newest version already, up to it.
func (s *Store) settleSegment(ctx context.Context, d *dataset) error {
	g, v := d.segments[0], d.version
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		if err := s.settleRows(ctx, tx, g.sql(), g.body, g, v.Body, "true"); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE tidemark.segments SET version = ? WHERE dataset = ? AND id = ?`, v.Version, v.Dataset, g.id)
		return err
	})
	if err != nil {
		return err
	}
	g.version, g.body = v.Version, v.Body
	s.replace(&dataset{version: v, segments: []segment{g}})
	return nil
}

// replace shows everybody what a transaction has made of a dataset.
func (s *Store) replace(d *dataset) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.datasets[d.version.Dataset] = d
}

// grown is how large a log may be that is left as it is: to read so much when a
// database is opened after a crash takes a moment.
const grown = 4 << 20

// CheckpointGrown is Checkpoint where the log has grown so large that it should
// not be left to whoever closes or next opens the database.
func (s *Store) CheckpointGrown(ctx context.Context) error {
	if info, err := os.Stat(s.opt.Path + ".wal"); err == nil && info.Size() < grown {
		return nil
	}
	return s.Checkpoint(ctx)
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

package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Progress is what the ledger knows of a source's objects: which are done,
// and how many records of the others are committed, by key.
type Progress struct {
	Done    map[string]string // key to engine.Object.Version
	Partial map[string]Checkpoint
}

// Checkpoint is how far an object was read before something stopped it.
type Checkpoint struct {
	Version string
	Records int64
	// What became of those records.
	Stored, Quarantined, Dropped int64
}

// Progress reads the ledger of one source of a dataset.
func (s *Store) Progress(ctx context.Context, dataset, source string) (Progress, error) {
	p := Progress{Done: map[string]string{}, Partial: map[string]Checkpoint{}}
	rows, err := s.QueryContext(ctx, `SELECT key, etag, -1, 0, 0, 0 FROM (SELECT key, etag, pulled_at FROM tidemark.objects WHERE dataset = ? AND source = ? ORDER BY pulled_at)
		UNION ALL SELECT key, etag, records, stored, quarantined, dropped FROM tidemark.checkpoints WHERE dataset = ? AND source = ?`, dataset, source, dataset, source)
	if err != nil {
		return p, err
	}
	defer rows.Close()
	for rows.Next() {
		var key string
		var c Checkpoint
		if err := rows.Scan(&key, &c.Version, &c.Records, &c.Stored, &c.Quarantined, &c.Dropped); err != nil {
			return p, err
		}
		if c.Records < 0 {
			p.Done[key] = c.Version
		} else {
			p.Partial[key] = c
		}
	}
	return p, rows.Err()
}

// Watermark is a dataset's watermark; ok is false before its first pull.
func (s *Store) Watermark(ctx context.Context, dataset string) (w time.Time, ok bool, err error) {
	err = s.DB().QueryRowContext(ctx, `SELECT watermark FROM tidemark.watermarks WHERE dataset = ?`, dataset).Scan(&w)
	if errors.Is(err, sql.ErrNoRows) {
		return w, false, nil
	}
	return w.UTC(), err == nil, err
}

// AdvanceWatermark moves a dataset's watermark to its newest event time less
// the lateness, at the end of a pull; it never moves back. Event times more
// than maxFuture ahead of their own arrival are clocks that run ahead, and
// are not looked at.
func (s *Store) AdvanceWatermark(ctx context.Context, dataset string, lateness, maxFuture time.Duration) (time.Time, error) {
	old, had, err := s.Watermark(ctx, dataset)
	if err != nil {
		return old, err
	}
	after := time.Time{}
	if had {
		after = old.Add(lateness)
	}
	newest, err := s.newest(ctx, dataset, maxFuture, after)
	if err != nil || !newest.Valid {
		return old, err
	}
	next := newest.Time.UTC().Add(-lateness)
	if had && !next.After(old) {
		return old, nil
	}
	return next, s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.watermarks WHERE dataset = ?`, dataset); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO tidemark.watermarks VALUES (?, ?, ?)`, dataset, next, s.opt.Clock.Now())
		return err
	})
}

// newest is the newest event time that did not run ahead, if there is one after
// some instant, if that is not zero: the table's zone maps know of most rows
// that they are older. Of an attached dataset it is what the statistics of its
// objects say.
func (s *Store) newest(ctx context.Context, dataset string, maxFuture time.Duration, after time.Time) (t sql.NullTime, err error) {
	if s.Attached(dataset) {
		err = s.DB().QueryRowContext(ctx, `SELECT max(max_event_time) FROM tidemark.objects
			WHERE dataset = ? AND max_event_time <= modified + to_microseconds(?)`, dataset, maxFuture.Microseconds()).Scan(&t)
		return t, err
	}
	relation, err := s.Relation(dataset, []engine.Path{{"event_time"}, {"arrival_time"}})
	if err != nil {
		return t, err
	}
	query := `SELECT max(event_time) FROM ` + relation + ` WHERE event_time <= arrival_time + to_microseconds(?)`
	if !after.IsZero() {
		query += ` AND event_time > ` + timestampSQL(after)
	}
	err = s.DB().QueryRowContext(ctx, query, maxFuture.Microseconds()).Scan(&t)
	return t, err
}

// Exact reports whether every integer stored under a body path is exact as a
// double.
func (s *Store) Exact(ctx context.Context, dataset, path string) (bool, error) {
	p, err := engine.ParsePath("body." + path)
	if err != nil {
		return false, nil // a path inside a list: cannot be told cheaply, so no
	}
	relation, err := s.Relation(dataset, []engine.Path{p})
	if err != nil {
		return false, err
	}
	var exact bool
	column := engine.QuoteIdent(p.String())
	err = s.DB().QueryRowContext(ctx, `SELECT coalesce(max(`+column+`), 0) <= 9007199254740992 AND coalesce(min(`+column+`), 0) >= -9007199254740992 FROM `+relation).Scan(&exact)
	return exact, err
}

// Drop removes a dataset with all that is known of it.
func (s *Store) Drop(ctx context.Context, name string) error {
	d, err := s.lookup(name)
	if err != nil {
		return err
	}
	if err := s.notRouted(ctx, name); err != nil {
		return err
	}
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		s.rewriting = append(s.rewriting, name)
		statements := []string{"DROP VIEW IF EXISTS main.all_events", "DROP VIEW IF EXISTS main." + engine.QuoteIdent(name)}
		for _, g := range d.segments {
			statements = append(statements, "DROP TABLE "+g.sql())
		}
		if err := s.dropRollups(ctx, tx, name, nil); err != nil {
			return err
		}
		for _, table := range []string{"schemas", "segments", "objects", "checkpoints", "quarantine", "discarded", "conflicts", "watermarks", "policies", "tombstones", "shards", "marks", "gaps", "attached", "late", "rollups", "quotas", "tallies"} {
			statements = append(statements, "DELETE FROM tidemark."+table+" WHERE dataset = "+engine.QuoteText(name))
		}
		statements = append(statements, "DELETE FROM tidemark.routes WHERE routed = "+engine.QuoteText(name))
		others := []string{}
		s.mu.RLock()
		for n, other := range s.datasets {
			if n != name && !other.attached {
				others = append(others, n)
			}
		}
		s.mu.RUnlock()
		if len(others) > 0 {
			statements = append(statements, allEventsSQL(others))
		}
		for _, statement := range statements {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.datasets, name)
	s.mu.Unlock()
	return nil
}

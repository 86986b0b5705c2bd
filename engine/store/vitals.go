package store

import (
	"context"
	"database/sql"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Vitals are the counts by which the health of a dataset is judged.
type Vitals struct {
	Summary
	// Untimed rows have no event time; Ahead are those whose time is further
	// ahead of their arrival than was asked.
	Untimed, Ahead int64
	// Of what is in quarantine, Mismatched has values of another type, and
	// Broken could not be read.
	Mismatched, Broken int64
	Conflicts          int64
	// Over are records that a quota kept out.
	Over int64
}

// Vitals counts a dataset. Of an attached one only the ledger is read.
func (s *Store) Vitals(ctx context.Context, name string, maxFuture time.Duration) (Vitals, error) {
	var out Vitals
	var err error
	if out.Summary, err = s.summary(ctx, name, maxFuture); err != nil {
		return out, err
	}
	out.Untimed, out.Ahead = out.untimed, out.ahead
	err = s.DB().QueryRowContext(ctx, `SELECT count(*) FILTER (WHERE want <> ''), count(*) FILTER (WHERE coalesce(want, '') = '') FROM tidemark.quarantine WHERE dataset = ?`, name).Scan(&out.Mismatched, &out.Broken)
	if err != nil {
		return out, err
	}
	if err := s.DB().QueryRowContext(ctx, `SELECT coalesce(sum(over - kept), 0)::BIGINT FROM tidemark.quotas WHERE dataset = ?`, name).Scan(&out.Over); err != nil {
		return out, err
	}
	err = s.DB().QueryRowContext(ctx, `SELECT coalesce(sum(count), 0)::BIGINT FROM tidemark.conflicts WHERE dataset = ?`, name).Scan(&out.Conflicts)
	return out, err
}

// Failure is how the last attempt at a source failed.
type Failure struct {
	Dataset, Source string
	Fault           engine.Fault
	Message, Hint   string
	At              time.Time
}

// NoteFailure keeps how the last attempt at a source failed, until one goes
// well.
func (s *Store) NoteFailure(ctx context.Context, f Failure) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.health WHERE source = ?`, f.Source); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO tidemark.health VALUES (?, ?, ?, ?, ?, ?)`, f.Dataset, f.Source, string(f.Fault), f.Message, f.Hint, f.At)
		return err
	})
}

// ClearFailure forgets it.
func (s *Store) ClearFailure(ctx context.Context, source string) error {
	var n int
	if err := s.DB().QueryRowContext(ctx, `SELECT count(*) FROM tidemark.health WHERE source = ?`, source).Scan(&n); err != nil || n == 0 {
		return err
	}
	return s.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM tidemark.health WHERE source = ?`, source)
		return err
	})
}

// Failures lists the sources whose last attempt failed, by name.
func (s *Store) Failures(ctx context.Context) (map[string]Failure, error) {
	rows, err := s.QueryContext(ctx, `SELECT dataset, source, fault, message, hint, failed_at FROM tidemark.health`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]Failure{}
	for rows.Next() {
		var f Failure
		if err := rows.Scan(&f.Dataset, &f.Source, &f.Fault, &f.Message, &f.Hint, &f.At); err != nil {
			return nil, err
		}
		f.At = f.At.UTC()
		out[f.Source] = f
	}
	return out, rows.Err()
}

// StreamSummary is what is known of a live source.
type StreamSummary struct {
	Shards    int64
	UpdatedAt *time.Time
	// Gaps are spans that could not be read; LastGap is the newest in words.
	Gaps    int64
	LastGap string
}

// StreamSummary counts the checkpoints and gaps of a source.
func (s *Store) StreamSummary(ctx context.Context, dataset, source string) (StreamSummary, error) {
	var out StreamSummary
	var at sql.NullTime
	err := s.DB().QueryRowContext(ctx, `SELECT count(*), max(updated_at) FROM tidemark.shards WHERE dataset = ? AND source = ?`, dataset, source).Scan(&out.Shards, &at)
	if err != nil {
		return out, err
	}
	out.UpdatedAt = instant(at)
	err = s.DB().QueryRowContext(ctx, `SELECT count(*), coalesce(arg_max(reason || coalesce(', from ' || strftime(gap_from AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%SZ'), ''), found_at), '')
		FROM tidemark.gaps WHERE dataset = ? AND source = ?`, dataset, source).Scan(&out.Gaps, &out.LastGap)
	return out, err
}

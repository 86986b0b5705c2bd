package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Kept says what the rollups of a dataset keep.
type Kept struct {
	// Sizes of windows.
	Sizes []time.Duration
	// Quantiles are the numbers whose quantiles are kept, and Distinct the
	// paths whose different values are counted. What has no type yet waits.
	Quantiles, Distinct []engine.Path
}

// rollup is one aggregate table of a dataset: a row for each window, service
// and level, with what can be merged into larger windows and nothing else.
// The parts lie in the schema rollup; people see them through a view.
type rollup struct {
	dataset string
	size    time.Duration
	fields  []field
}

// RollupName is the table of a dataset's windows of one size.
func RollupName(dataset string, size time.Duration) string {
	return dataset + "_" + engine.FormatDuration(size)
}

func (r rollup) name() string  { return RollupName(r.dataset, r.size) }
func (r rollup) table() string { return "rollup." + engine.QuoteIdent(r.name()) }
func (r rollup) view() string  { return "main." + engine.QuoteIdent(r.name()) }

// Refreshed says what a refresh of one rollup did.
type Refreshed struct {
	Table string
	// Windows are the starts of the windows that were written; of a rollup
	// that was made from all rows, only their number.
	Windows []time.Time
	Count   int64
	Whole   bool
}

// Refresh brings the rollups of a dataset up to its rows, in one transaction:
// what was added since the last time is added to its windows, or all of it is
// computed when rows were replaced or what is kept is something else. Sizes
// that are not asked for any more are dropped.
func (s *Store) Refresh(ctx context.Context, dataset string, kept Kept) (done []Refreshed, err error) {
	d, err := s.lookup(dataset)
	if err != nil || d.attached {
		return nil, err // attached files are read where they lie; nothing tells when they change
	}
	sizes := slices.Clone(kept.Sizes)
	slices.Sort(sizes)
	fields := rollupFields(engine.Dataset{Name: dataset, Body: d.version.Body}, kept)
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		done = nil
		if err := s.dropRollups(ctx, tx, dataset, sizes); err != nil {
			return err
		}
		newest, err := newestSeq(ctx, tx, d.segments)
		if err != nil {
			return err
		}
		if err := s.advanceTally(ctx, tx, dataset, newest); err != nil {
			return fmt.Errorf("count the rows of %s: %w", dataset, err)
		}
		added := added{store: s, newest: newest}
		for _, size := range sizes {
			r := rollup{dataset, size, fields}
			if s.hasDataset(r.name()) {
				continue // the name is that of a dataset, which goes first
			}
			one, err := s.refresh(ctx, tx, r, &added)
			if err != nil {
				return fmt.Errorf("refresh %s: %w", r.name(), err)
			}
			done = append(done, one)
		}
		return nil
	})
	return done, err
}

func (s *Store) hasDataset(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.datasets[name] != nil
}

// newestSeq is the highest _seq of some segments' rows. Of an ordered query the
// database reads the row groups first that can hold it, and no others; of max it
// reads all, unless a checkpoint has just been.
func newestSeq(ctx context.Context, q interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}, segments []segment,
) (newest int64, err error) {
	for _, g := range segments {
		var n sql.NullInt64
		if err := q.QueryRowContext(ctx, "SELECT max(_seq) FROM (SELECT _seq FROM "+g.sql()+" ORDER BY _seq DESC NULLS LAST LIMIT 1)").Scan(&n); err != nil {
			return 0, err
		}
		newest = max(newest, n.Int64)
	}
	return newest, nil
}

// dropped lists the sizes that a dataset has and need not keep.
func dropped(ctx context.Context, tx *sql.Tx, dataset string, keep []time.Duration) (gone []time.Duration, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT size FROM tidemark.rollups WHERE dataset = ?`, dataset)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var micros int64
		if err := rows.Scan(&micros); err != nil {
			return nil, err
		}
		if size := time.Duration(micros) * time.Microsecond; !slices.Contains(keep, size) {
			gone = append(gone, size)
		}
	}
	return gone, rows.Err()
}

// dropRollups removes tables that are not kept any more.
func (s *Store) dropRollups(ctx context.Context, tx *sql.Tx, dataset string, keep []time.Duration) error {
	gone, err := dropped(ctx, tx, dataset, keep)
	if err != nil {
		return err
	}
	for _, size := range gone {
		r := rollup{dataset: dataset, size: size}
		for _, statement := range []string{"DROP VIEW IF EXISTS " + r.view(), "DROP TABLE IF EXISTS " + r.table()} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.rollups WHERE dataset = ? AND size = ?`, dataset, size.Microseconds()); err != nil {
			return err
		}
	}
	return nil
}

// refresh brings one rollup up to the newest row.
func (s *Store) refresh(ctx context.Context, tx *sql.Tx, r rollup, a *added) (Refreshed, error) {
	out := Refreshed{Table: r.name()}
	base, err := r.plan()
	if err != nil {
		return out, err
	}
	definition, err := r.definition(ctx, tx, base)
	if err != nil {
		return out, err
	}
	since, begun, err := r.begin(ctx, tx, definition)
	if err != nil {
		return out, err
	}
	out.Whole = !begun
	if begun && since == a.newest {
		return out, nil
	}
	if err := a.gather(ctx, tx, r, base, since); err != nil {
		return out, err
	}
	if err := r.touch(ctx, tx, &out); err != nil {
		return out, err
	}
	if out.Count > 0 {
		if err := r.merge(ctx, tx, out.Windows); err != nil {
			return out, err
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE tidemark.rollups SET seq = ?, updated_at = ? WHERE dataset = ? AND size = ?`,
		a.newest, s.opt.Clock.Now(), r.dataset, r.size.Microseconds())
	return out, err
}

// staleRollups lets the next refresh of a dataset, and of the models that read
// it, compute everything: rows that were counted were changed.
func (s *Store) staleRollups(ctx context.Context, tx *sql.Tx, dataset string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE tidemark.rollups SET definition = '' WHERE dataset = ?`, dataset); err != nil {
		return err
	}
	return s.rewritten(ctx, tx, dataset)
}

// rewritten tells all but the rollups that rows of a dataset were changed.
func (s *Store) rewritten(ctx context.Context, tx *sql.Tx, dataset string) error {
	s.rewriting = append(s.rewriting, dataset)
	_, err := tx.ExecContext(ctx, `UPDATE tidemark.models SET definition = '' WHERE list_contains(inputs, ?)`, dataset)
	return err
}

// stale is staleRollups in a transaction of its own, before rows change.
func (s *Store) stale(ctx context.Context, dataset string) error {
	return s.inTx(ctx, func(tx *sql.Tx) error { return s.staleRollups(ctx, tx, dataset) })
}

// Rollups lists the rollup tables of a dataset, the finest first.
func (s *Store) Rollups(ctx context.Context, dataset string) ([]string, error) {
	return rollupNames(ctx, s, dataset, "true")
}

// rollupNames lists those of which a condition holds.
func rollupNames(ctx context.Context, q engine.Querier, dataset, where string) ([]string, error) {
	rows, err := q.QueryContext(ctx, `SELECT name FROM tidemark.rollups WHERE dataset = ? AND `+where+` ORDER BY size`, dataset)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []string{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		out = append(out, name)
	}
	return out, rows.Err()
}

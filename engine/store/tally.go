package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tidemark.dev/tidemark/engine"
)

// tally is what the rows of a dataset come to, for its health. Of a dataset
// that was asked about, tidemark.tallies keeps it up to a _seq: each refresh of
// the rollups adds what came since, and who asks adds the rest, so that nobody
// reads a table through because somebody looks. It goes in the transaction that
// takes rows away, and is counted anew when it is asked for.
type tally struct {
	rows, late, untimed, ahead int64
	first, last                sql.NullTime
}

// anyFuture asks for a tally without caring what ahead means.
const anyFuture time.Duration = -1

// tallyOf counts the rows of a dataset.
func (s *Store) tallyOf(ctx context.Context, name string, maxFuture time.Duration) (tally, error) {
	t, kept, err := s.keptTally(ctx, name, maxFuture)
	if err != nil || kept {
		return t, err
	}
	if kept, err = s.keepTally(ctx, name, max(0, maxFuture)); err == nil && kept {
		if t, kept, err = s.keptTally(ctx, name, maxFuture); err != nil || kept {
			return t, err
		}
	}
	// Somebody is writing, or nothing can be written: it is counted for this time.
	relation, err := s.tallyRelation(name)
	if err != nil {
		return t, err
	}
	return t, t.scan(s.DB().QueryRowContext(ctx, "SELECT "+tallied(maxFuture)+" FROM "+relation))
}

// keptTally reads what is kept and adds what came since. It is false where
// nothing fits what is asked.
func (s *Store) keptTally(ctx context.Context, name string, maxFuture time.Duration) (t tally, kept bool, err error) {
	tx, err := s.DB().BeginTx(ctx, nil)
	if err != nil {
		return t, false, err
	}
	defer func() { _ = tx.Rollback() }() // it only reads
	var seq, future int64
	row := tx.QueryRowContext(ctx, `SELECT seq, max_future, rows, late, untimed, ahead, first_time, last_time FROM tidemark.tallies WHERE dataset = ?`, name)
	err = row.Scan(&seq, &future, &t.rows, &t.late, &t.untimed, &t.ahead, &t.first, &t.last)
	if errors.Is(err, sql.ErrNoRows) || err == nil && maxFuture != anyFuture && future != maxFuture.Microseconds() {
		return tally{}, false, nil
	} else if err != nil {
		return t, false, err
	}
	relation, err := s.tallyRelation(name)
	if err != nil {
		return t, false, err
	}
	var since tally
	if err := since.scan(tx.QueryRowContext(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE _seq > %d", tallied(maxFuture), relation, seq))); err != nil {
		return t, false, err
	}
	// How many rows there are is known without reading any. Numbers only rise, so
	// where the count is right no row has gone and none came from behind.
	var rows int64
	err = tx.QueryRowContext(ctx, "SELECT count(*) FROM "+relation).Scan(&rows)
	t = t.plus(since)
	return t, err == nil && t.rows == rows, err
}

// keepTally counts all rows and keeps that, unless somebody is writing: who
// looks does not wait for that.
func (s *Store) keepTally(ctx context.Context, name string, maxFuture time.Duration) (kept bool, err error) {
	return s.tryTx(ctx, func(tx *sql.Tx) error {
		relation, err := s.tallyRelation(name)
		if err != nil {
			return err
		}
		if err := dropTally(ctx, tx, name); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO tidemark.tallies SELECT ?, coalesce(max(_seq), 0), ?, `+tallied(maxFuture)+` FROM `+relation, name, maxFuture.Microseconds())
		return err
	})
}

// advanceTally adds to what is kept of a dataset the rows up to the newest.
func (s *Store) advanceTally(ctx context.Context, tx *sql.Tx, name string, newest int64) error {
	var seq, future int64
	err := tx.QueryRowContext(ctx, `SELECT seq, max_future FROM tidemark.tallies WHERE dataset = ?`, name).Scan(&seq, &future)
	if errors.Is(err, sql.ErrNoRows) || err == nil && seq == newest {
		return nil
	} else if err != nil {
		return err
	}
	relation, err := s.tallyRelation(name)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, fmt.Sprintf(`UPDATE tidemark.tallies AS t SET seq = %d, rows = t.rows + n.rows, late = t.late + n.late, untimed = t.untimed + n.untimed, ahead = t.ahead + n.ahead,
		first_time = least(t.first_time, n.first_time), last_time = greatest(t.last_time, n.last_time)
		FROM (SELECT %s FROM %s WHERE _seq > %d AND _seq <= %[1]d) AS n(rows, late, untimed, ahead, first_time, last_time) WHERE dataset = ?`,
		newest, tallied(time.Duration(future)*time.Microsecond), relation, seq), name)
	return err
}

func dropTally(ctx context.Context, tx *sql.Tx, dataset string) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM tidemark.tallies WHERE dataset = ?`, dataset)
	return err
}

// rowsGone is to be called in each transaction that takes rows away: what was
// computed of them has to be computed anew.
func (s *Store) rowsGone(ctx context.Context, tx *sql.Tx, dataset string) error {
	if err := s.staleRollups(ctx, tx, dataset); err != nil {
		return err
	}
	return dropTally(ctx, tx, dataset)
}

// tallied are the columns of a tally, over the rows of tallyRelation.
func tallied(maxFuture time.Duration) string {
	return fmt.Sprintf(`count(*), count(*) FILTER (WHERE _late), count(*) FILTER (WHERE event_time IS NULL),
		count(*) FILTER (WHERE epoch_us(event_time) - epoch_us(arrival_time) > %d AND isfinite(event_time)), min(event_time), max(event_time)`, maxFuture.Microseconds())
}

func (s *Store) tallyRelation(name string) (string, error) {
	return s.Relation(name, []engine.Path{{"_seq"}, {"_late"}, {"event_time"}, {"arrival_time"}})
}

func (t *tally) scan(row *sql.Row) error {
	return row.Scan(&t.rows, &t.late, &t.untimed, &t.ahead, &t.first, &t.last)
}

func (t tally) plus(o tally) tally {
	out := tally{t.rows + o.rows, t.late + o.late, t.untimed + o.untimed, t.ahead + o.ahead, t.first, t.last}
	if o.first.Valid && (!t.first.Valid || o.first.Time.Before(t.first.Time)) {
		out.first = o.first
	}
	if o.last.Valid && (!t.last.Valid || o.last.Time.After(t.last.Time)) {
		out.last = o.last
	}
	return out
}

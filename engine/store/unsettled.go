package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"tidemark.dev/tidemark/engine"
)

// unsettled is a batch whose first rows were conformed to an older body than
// its last: what they have in rest may belong into body.
type unsettled struct {
	dataset string
	since   engine.Type
	ingest  time.Time
}

func noteUnsettled(ctx context.Context, tx *sql.Tx, b engine.Batch) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO tidemark.unsettled VALUES (?, ?::JSON, "+timestampSQL(b.Ingest)+")", b.Dataset, asJSON(b.Since))
	return err
}

// settleBatch settles the rows of a batch that the newest segment has. A merge
// settles those of older ones.
func (s *Store) settleBatch(ctx context.Context, d *dataset, u unsettled) error {
	when := "ingest_time = " + timestampSQL(u.ingest)
	return s.inTx(ctx, func(tx *sql.Tx) error {
		if d != nil && len(d.segments) > 0 {
			g := d.segments[len(d.segments)-1]
			if err := s.settleRows(ctx, tx, g.sql(), u.since, g, d.version.Body, when); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM tidemark.unsettled WHERE dataset = ? AND "+when, u.dataset)
		return err
	})
}

// settleLeft does what the end of a process left undone.
func (s *Store) settleLeft(ctx context.Context) error {
	if s.opt.Settle == nil {
		return nil
	}
	left, err := s.unsettled(ctx)
	if err != nil {
		return err
	}
	for _, u := range left {
		s.mu.RLock()
		d := s.datasets[u.dataset]
		s.mu.RUnlock()
		if err := s.settleBatch(ctx, d, u); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) unsettled(ctx context.Context) (left []unsettled, err error) {
	rows, err := s.QueryContext(ctx, "SELECT dataset, since::VARCHAR, ingest_time FROM tidemark.unsettled")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var u unsettled
		var since string
		if err := rows.Scan(&u.dataset, &since, &u.ingest); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(since), &u.since); err != nil {
			return nil, fmt.Errorf("read tidemark.unsettled: %w", err)
		}
		left = append(left, u)
	}
	return left, rows.Err()
}

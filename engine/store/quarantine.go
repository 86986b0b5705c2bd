package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// QuarantineEntry is one record, or one whole object, in quarantine.
type QuarantineEntry struct {
	ID       int64     `json:"id"`
	Dataset  string    `json:"dataset"`
	Source   string    `json:"source"`
	Position string    `json:"position"`
	Reason   string    `json:"reason"`
	Path     string    `json:"path"`
	Want     string    `json:"want"`
	Got      string    `json:"got"`
	At       time.Time `json:"at"`
	Bytes    int64     `json:"bytes"`
	// Hash stands for the bytes of a record that are not kept.
	Hash string `json:"hash,omitempty"`
}

const quarantineColumns = `id, dataset, source, position, reason, coalesce(path, ''), coalesce(want, ''), coalesce(got, ''), created_at, bytes, coalesce(hash, '')`

// Quarantine lists what was set aside, oldest first; reason "" means all.
func (s *Store) Quarantine(ctx context.Context, reason string) ([]QuarantineEntry, error) {
	rows, err := s.QueryContext(ctx, `SELECT `+quarantineColumns+` FROM tidemark.quarantine WHERE ? IN ('', reason) ORDER BY id`, reason)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []QuarantineEntry{}
	for rows.Next() {
		e, err := scanQuarantine(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

func scanQuarantine(row interface{ Scan(...any) error }, more ...any) (e QuarantineEntry, err error) {
	err = row.Scan(append([]any{&e.ID, &e.Dataset, &e.Source, &e.Position, &e.Reason, &e.Path, &e.Want, &e.Got, &e.At, &e.Bytes, &e.Hash}, more...)...)
	e.At = e.At.UTC()
	return e, err
}

// QuarantineRaw gives one entry with its raw bytes; raw is nil where the bytes
// were not kept (a whole object is fetched again instead).
func (s *Store) QuarantineRaw(ctx context.Context, id int64) (e QuarantineEntry, raw []byte, err error) {
	row := s.DB().QueryRowContext(ctx, `SELECT `+quarantineColumns+`, raw FROM tidemark.quarantine WHERE id = ?`, id)
	e, err = scanQuarantine(row, &raw)
	if errors.Is(err, sql.ErrNoRows) {
		return e, nil, engine.Errorf(engine.NotFound, "", "quarantine has no entry %s", strconv.FormatInt(id, 10)).WithHint("run tidemark quarantine list")
	}
	return e, raw, err
}

// Release takes entries out of quarantine, together with the ledger entry of
// an object that stood there whole, so that the next pull reads it again.
func (s *Store) Release(ctx context.Context, ids []int64) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.quarantine WHERE id = ?`, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// Replayed takes an entry out of quarantine whose record was read once more,
// and moves what became of it in the ledger entry of its object.
func (s *Store) Replayed(ctx context.Context, e QuarantineEntry, stored, dropped, again int64) error {
	object, _, _ := strings.Cut(e.Position, "#")
	return s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.quarantine WHERE id = ?`, e.ID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE tidemark.objects SET stored = stored + ?, dropped = dropped + ?, quarantined = quarantined - 1 + ?
			WHERE rowid = (SELECT max(rowid) FROM tidemark.objects WHERE dataset = ? AND source = ? AND (key = ? OR url = ?))`,
			stored, dropped, again, e.Dataset, e.Source, object, object)
		return err
	})
}

// Forget makes objects look changed, so that the next pull reads them in place
// of what is stored of them.
func (s *Store) Forget(ctx context.Context, dataset, source, key string) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE tidemark.objects SET etag = '' WHERE dataset = ? AND source = ? AND (key = ? OR url = ?)`, dataset, source, key, key)
		return err
	})
}

// ConflictRow is one line of the conflict report.
type ConflictRow struct {
	Path    string `json:"path"`
	Want    string `json:"want"`
	Got     string `json:"got"`
	Source  string `json:"source"`
	Count   int64  `json:"count"`
	Example string `json:"example"`
}

// Conflicts reports the values of a dataset that stand in rest because their
// path has another type, most frequent first.
func (s *Store) Conflicts(ctx context.Context, dataset string) ([]ConflictRow, error) {
	if _, err := s.lookup(dataset); err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, `SELECT path, want, got, source, count, example FROM tidemark.conflicts WHERE dataset = ? ORDER BY count DESC, path, got`, dataset)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []ConflictRow{}
	for rows.Next() {
		var c ConflictRow
		if err := rows.Scan(&c.Path, &c.Want, &c.Got, &c.Source, &c.Count, &c.Example); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

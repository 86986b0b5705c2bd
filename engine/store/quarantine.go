package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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
	Kept     bool      `json:"kept" doc:"The bytes were kept; else a replay fetches the object again."`
	// Hash stands for the bytes of a record that are not kept.
	Hash string `json:"hash,omitempty"`
	// Head are lines that stood before the record: its bytes mean nothing
	// without them.
	Head string `json:"head,omitempty" doc:"Lines that stood before the record and say what its fields are."`
}

const quarantineColumns = `id, dataset, source, position, reason, coalesce(path, ''), coalesce(want, ''), coalesce(got, ''), created_at, bytes, raw IS NOT NULL, coalesce(hash, ''), coalesce(head, '')`

// QuarantineFilter chooses entries: those that have all that is given. The
// zero value chooses all.
type QuarantineFilter struct {
	Dataset string
	Reason  string
	Path    string
	IDs     []int64
}

func (f QuarantineFilter) where() (string, []any) {
	ids := ""
	if f.IDs != nil {
		list := []string{"NULL"}
		for _, id := range f.IDs {
			list = append(list, strconv.FormatInt(id, 10))
		}
		ids = " AND id IN (" + strings.Join(list, ", ") + ")"
	}
	return ` WHERE ? IN ('', dataset) AND ? IN ('', reason) AND ? IN ('', coalesce(path, ''))` + ids, []any{f.Dataset, f.Reason, f.Path}
}

// Quarantine lists what was set aside, oldest first.
func (s *Store) Quarantine(ctx context.Context, f QuarantineFilter) ([]QuarantineEntry, error) {
	return s.entries(ctx, "quarantine", f)
}

// Discarded lists what was discarded and can be had back, oldest first.
func (s *Store) Discarded(ctx context.Context, f QuarantineFilter) ([]QuarantineEntry, error) {
	return s.entries(ctx, "(FROM tidemark.discarded WHERE NOT gone)", f)
}

func (s *Store) entries(ctx context.Context, table string, f QuarantineFilter) ([]QuarantineEntry, error) {
	if table == "quarantine" {
		table = "tidemark.quarantine"
	}
	where, args := f.where()
	rows, err := s.QueryContext(ctx, `SELECT `+quarantineColumns+` FROM `+table+where+` ORDER BY id`, args...)
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

// QuarantineGroup is what was set aside for one reason at one path.
type QuarantineGroup struct {
	Dataset string    `json:"dataset"`
	Reason  string    `json:"reason"`
	Path    string    `json:"path"`
	Want    string    `json:"want"`
	Got     []string  `json:"got" doc:"The shapes that came."`
	Count   int64     `json:"count"`
	Bytes   int64     `json:"bytes"`
	Sources []string  `json:"sources"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
}

// QuarantineGroups counts what was set aside by reason and path, the most
// frequent first. Where no path is to blame, Got is empty: it says a place then,
// and each record has its own.
func (s *Store) QuarantineGroups(ctx context.Context, f QuarantineFilter) ([]QuarantineGroup, error) {
	where, args := f.where()
	rows, err := s.QueryContext(ctx, `SELECT dataset, reason, coalesce(path, '') AS p, coalesce(want, '') AS w,
		coalesce(array_to_string(list(DISTINCT got ORDER BY got) FILTER (WHERE path IS NOT NULL AND got IS NOT NULL), chr(0)), ''), count(*) AS n, sum(bytes)::BIGINT,
		array_to_string(list(DISTINCT source ORDER BY source), chr(0)), min(created_at), max(created_at)
		FROM tidemark.quarantine`+where+` GROUP BY ALL ORDER BY n DESC, dataset, reason, p, w`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []QuarantineGroup{}
	for rows.Next() {
		var g QuarantineGroup
		var got, sources string
		if err := rows.Scan(&g.Dataset, &g.Reason, &g.Path, &g.Want, &got, &g.Count, &g.Bytes, &sources, &g.First, &g.Last); err != nil {
			return nil, err
		}
		g.Got, g.Sources, g.First, g.Last = cutList(got), cutList(sources), g.First.UTC(), g.Last.UTC()
		out = append(out, g)
	}
	return out, rows.Err()
}

// cutList takes a list apart that came as one text.
func cutList(s string) []string {
	if s == "" {
		return []string{}
	}
	return strings.Split(s, "\x00")
}

func scanQuarantine(row interface{ Scan(...any) error }, more ...any) (e QuarantineEntry, err error) {
	err = row.Scan(append([]any{&e.ID, &e.Dataset, &e.Source, &e.Position, &e.Reason, &e.Path, &e.Want, &e.Got, &e.At, &e.Bytes, &e.Kept, &e.Hash, &e.Head}, more...)...)
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

// KeepDiscarded is how long discarded entries can be had back.
const KeepDiscarded = 30 * 24 * time.Hour

// Discard takes entries out of quarantine. They can be had back for
// KeepDiscarded; after that their bytes are gone, and what is left of them is
// that the counts add up.
func (s *Store) Discard(ctx context.Context, ids []int64) (n int64, err error) {
	where, args := QuarantineFilter{IDs: notNil(ids)}.where()
	now := s.opt.Clock.Now()
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE tidemark.discarded SET raw = NULL, gone = true WHERE NOT gone AND discarded_at < ?`, now.Add(-KeepDiscarded)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO tidemark.discarded BY NAME SELECT *, `+timestampSQL(now)+` AS discarded_at, false AS gone FROM tidemark.quarantine`+where, args...); err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, `DELETE FROM tidemark.quarantine`+where, args...)
		if err == nil {
			n, err = done.RowsAffected()
		}
		return err
	})
	return n, err
}

func notNil(ids []int64) []int64 {
	if ids == nil {
		return []int64{}
	}
	return ids
}

// Restore puts discarded entries back into quarantine.
func (s *Store) Restore(ctx context.Context, ids []int64) (n int64, err error) {
	where, args := QuarantineFilter{IDs: notNil(ids)}.where()
	where += " AND NOT gone"
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO tidemark.quarantine BY NAME SELECT * EXCLUDE (discarded_at, gone) FROM tidemark.discarded`+where, args...); err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, `DELETE FROM tidemark.discarded`+where, args...)
		if err == nil {
			n, err = done.RowsAffected()
		}
		return err
	})
	return n, err
}

// releaseEntries takes entries out of quarantine whose records were read once
// more, and moves what became of them in the ledger entries of their objects.
func releaseEntries(ctx context.Context, tx *sql.Tx, b engine.Batch) error {
	type object struct{ source, name string }
	sums := map[object]engine.Released{}
	ids := []int64{}
	for _, r := range b.Released {
		ids = append(ids, r.ID)
		sum := sums[object{r.Source, r.Object}]
		sum.Stored += r.Stored
		sum.Dropped += r.Dropped
		sum.Quarantined += r.Quarantined - 1
		sums[object{r.Source, r.Object}] = sum
	}
	for o, sum := range sums {
		if _, err := tx.ExecContext(ctx, `UPDATE tidemark.objects SET stored = stored + ?, dropped = dropped + ?, quarantined = quarantined + ?
			WHERE rowid = (SELECT max(rowid) FROM tidemark.objects WHERE dataset = ? AND source = ? AND (key = ? OR url = ?))`,
			sum.Stored, sum.Dropped, sum.Quarantined, ledger(b), o.source, o.name, o.name); err != nil {
			return fmt.Errorf("move the counts of a replay: %w", err)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	where, args := QuarantineFilter{IDs: ids}.where()
	if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.quarantine`+where, args...); err != nil {
		return fmt.Errorf("release from quarantine: %w", err)
	}
	return nil
}

// ReadAgain lets the next pull read an object anew and replace what came of it
// before, its entries in quarantine too.
func (s *Store) ReadAgain(ctx context.Context, dataset, source, object string) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE tidemark.objects SET etag = '' WHERE dataset = ? AND source = ? AND (key = ? OR url = ?)`, dataset, source, object, object)
		return err
	})
}

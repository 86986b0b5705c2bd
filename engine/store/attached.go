package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// stateAttached is that of an object in the ledger whose rows are fetched as
// queries need them.
const stateAttached = "attached"

// Attach makes a dataset one whose rows are not in the database, or gives one
// that is a newer version. Queries that name it get it through Options.Lend.
// A dataset with rows of its own is a Conflict.
func (s *Store) Attach(ctx context.Context, v engine.SchemaVersion) error {
	if err := CheckName(v.Dataset); err != nil {
		return err
	}
	s.mu.RLock()
	had := s.datasets[v.Dataset]
	s.mu.RUnlock()
	if had != nil && !had.attached {
		return engine.Errorf(engine.Conflict, "attach "+v.Dataset, "the dataset has rows that were pulled").
			WithHint("give the attached source a dataset of its own, or: tidemark dataset drop %s", v.Dataset)
	}
	d := &dataset{version: v, attached: true}
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		if err := recordVersion(ctx, tx, v); err != nil {
			return err
		}
		if had == nil {
			if _, err := tx.ExecContext(ctx, `INSERT INTO tidemark.attached VALUES (?)`, v.Dataset); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, awayViewSQL(v.Dataset, v.Body))
		return err
	})
	if err != nil {
		return err
	}
	s.replace(d)
	return nil
}

// Attached reports whether the rows of a dataset are fetched as queries need
// them.
func (s *Store) Attached(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d := s.datasets[name]
	return d != nil && d.attached
}

func loadAttached(ctx context.Context, db *sql.DB, datasets map[string]*dataset) error {
	rows, err := db.QueryContext(ctx, `SELECT dataset FROM tidemark.attached`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		if d := datasets[name]; d != nil {
			d.attached = true
		}
	}
	return rows.Err()
}

// awayViewSQL defines the table of an attached dataset in the database: it has
// the columns, and reading it without being lent its rows is an error.
func awayViewSQL(name string, body engine.Type) string {
	return "CREATE OR REPLACE VIEW main." + engine.QuoteIdent(name) + " AS SELECT " + strings.Join(nullColumns(body, nil), ", ") +
		" FROM (SELECT error(" + engine.QuoteText(name+" is attached and can be read here by its plain name only") + ") AS e) WHERE e IS NOT NULL"
}

// nullColumns are the columns of a dataset without values. Those that nobody
// was lent are errors, if has says which were.
func nullColumns(body engine.Type, has map[string]bool) []string {
	var out []string
	add := func(name, typ string) {
		value := "NULL::" + typ
		if has != nil && !has[name] {
			value = notLent(name, typ)
		}
		out = append(out, value+" AS "+engine.QuoteIdent(name))
	}
	for _, c := range engine.Envelope {
		add(c.Name, c.Type.DuckDB())
		if c.Name == "labels" {
			add("body", body.DuckDB())
			add("rest", "JSON")
		}
	}
	return out
}

func notLent(column, typ string) string {
	return "error(" + engine.QuoteText("the column "+column+" was not fetched") + ")::" + typ
}

// AttachedObject is an object of an attached source, as its footer has it.
type AttachedObject struct {
	engine.Object
	Rows             int64
	MinTime, MaxTime time.Time // zero where the statistics do not say
	Fetched          int64     // bytes, of footers and of what queries read
	Seconds          float64
	// FirstSeq is the _seq of its first row.
	FirstSeq int64
	// Broken says that it stands in quarantine.
	Broken bool
}

// AttachedObjects reads the ledger of an attached source, by key.
func (s *Store) AttachedObjects(ctx context.Context, dataset, source string) (map[string]AttachedObject, error) {
	rows, err := s.DB().QueryContext(ctx, `SELECT key, url, etag, size, records, coalesce(first_seq, 0), bytes_fetched, min_event_time, max_event_time, state <> ?
		FROM tidemark.objects WHERE dataset = ? AND source = ?`, stateAttached, dataset, source)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]AttachedObject{}
	for rows.Next() {
		var o AttachedObject
		var oldest, newest sql.NullTime
		if err := rows.Scan(&o.Key, &o.URL, &o.ETag, &o.Size, &o.Rows, &o.FirstSeq, &o.Fetched, &oldest, &newest, &o.Broken); err != nil {
			return nil, err
		}
		if oldest.Valid && newest.Valid {
			o.MinTime, o.MaxTime = oldest.Time.UTC(), newest.Time.UTC()
		}
		o.Source = source
		out[o.Key] = o
	}
	return out, rows.Err()
}

// knownAtOnce is how many objects one statement writes into the ledger.
const knownAtOnce = 100

// KnowAttached writes objects into the ledger, in place of what it knew under
// their keys, gives each numbers for its rows, and forgets the objects gone.
func (s *Store) KnowAttached(ctx context.Context, dataset, source string, objects []AttachedObject, gone []string) ([]AttachedObject, error) {
	out := slices.Clone(objects)
	version, _ := s.Schema(dataset)
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		var next int64
		last := tx.QueryRowContext(ctx, `SELECT coalesce(max(first_seq + greatest(records, 1)), 1)::BIGINT FROM tidemark.objects WHERE dataset = ? AND state = ?`, dataset, stateAttached)
		if err := last.Scan(&next); err != nil {
			return err
		}
		forget := slices.Clone(gone)
		for i := range out {
			forget = append(forget, out[i].Key)
			out[i].FirstSeq = next
			next += max(out[i].Rows, 1)
		}
		for chunk := range slices.Chunk(forget, quarantineChunk) {
			args := []any{dataset, source}
			for _, key := range chunk {
				args = append(args, key)
			}
			marks := strings.TrimSuffix(strings.Repeat("?, ", len(chunk)), ", ")
			if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.objects WHERE dataset = ? AND source = ? AND key IN (`+marks+`)`, args...); err != nil {
				return err
			}
		}
		const row = ", (?, ?, ?, ?, ?, ?, ?, 'parquet', ?, ?, 0, 0, 0, ?, ?, ?, ?, ?, ?, ?)"
		for chunk := range slices.Chunk(out, knownAtOnce) {
			var args []any
			for _, o := range chunk {
				args = append(args, dataset, source, o.Key, o.URL, o.Version(), o.Size, moment(o.Modified), stateAttached, o.Rows, o.Fetched,
					moment(o.MinTime), moment(o.MaxTime), version.Version, o.Seconds, s.opt.Clock.Now(), o.FirstSeq)
			}
			rows := strings.TrimPrefix(strings.Repeat(row, len(chunk)), ", ")
			if _, err := tx.ExecContext(ctx, `INSERT INTO tidemark.objects (`+objectColumns+`, first_seq) VALUES `+rows, args...); err != nil {
				return fmt.Errorf("write the ledger: %w", err)
			}
		}
		return nil
	})
	return out, err
}

// CountFetched adds to what the ledger says was fetched of objects.
func (s *Store) CountFetched(ctx context.Context, dataset, source string, bytes map[string]int64) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		for key, n := range bytes {
			if n == 0 {
				continue
			}
			if _, err := tx.ExecContext(ctx, `UPDATE tidemark.objects SET bytes_fetched = bytes_fetched + ? WHERE dataset = ? AND source = ? AND key = ?`, n, dataset, source, key); err != nil {
				return err
			}
		}
		return nil
	})
}

// attachedSummary is what the ledger says of a dataset whose rows are away.
func (s *Store) attachedSummary(ctx context.Context, name string) (rows int64, first, last sql.NullTime, err error) {
	err = s.DB().QueryRowContext(ctx, `SELECT coalesce(sum(records), 0)::BIGINT, min(min_event_time), max(max_event_time)
		FROM tidemark.objects WHERE dataset = ? AND state = ?`, name, stateAttached).Scan(&rows, &first, &last)
	return rows, first, last, err
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// ArchivePart is one day of a dataset as a Parquet file elsewhere.
type ArchivePart struct {
	Dataset string    `json:"dataset"`
	Day     time.Time `json:"-"`
	// Name is relative to the archive's place:
	// app_logs/day=2026-01-05/part-1f2e3d4c5b6a7988.parquet, by its content. Before
	// it is written, it is the folder alone.
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	// MaxSeq is the newest row of the part; what comes later is another part.
	MaxSeq int64 `json:"-"`
}

// ArchiveDays lists the whole days (UTC) before a time that a dataset has rows
// of, oldest first, as parts that are still to be written.
func (s *Store) ArchiveDays(ctx context.Context, dataset string, before time.Time) ([]ArchivePart, error) {
	relation, err := s.Relation(dataset, []engine.Path{{"event_time"}, {"_seq"}})
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, `SELECT time_bucket(INTERVAL 1 DAY, event_time) AS day, count(*), max(_seq) FROM `+relation+
		` WHERE isfinite(event_time) AND event_time < ?::TIMESTAMPTZ GROUP BY day ORDER BY day`, before.UTC().Truncate(24*time.Hour))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []ArchivePart{}
	for rows.Next() {
		p := ArchivePart{Dataset: dataset}
		if err := rows.Scan(&p.Day, &p.Rows, &p.MaxSeq); err != nil {
			return nil, err
		}
		p.Day = p.Day.UTC()
		p.Name = fmt.Sprintf("%s/day=%s/", dataset, p.Day.Format(time.DateOnly))
		out = append(out, p)
	}
	return out, rows.Err()
}

// where chooses the rows of a part.
func (p ArchivePart) where() string {
	return "event_time >= " + timestampSQL(p.Day) + " AND event_time < " + timestampSQL(p.Day.AddDate(0, 0, 1)) + fmt.Sprintf(" AND _seq <= %d", p.MaxSeq)
}

// archiveSQL selects rows as a file has them: the envelope, and the members of
// body beside it, so that a pull of the file makes the same columns again. A
// member that is named like a column keeps its body. in front.
func archiveSQL(d *dataset, p ArchivePart) string {
	taken := map[string]bool{"rest": true, "body": true}
	list := []string{}
	for _, c := range engine.Envelope {
		taken[strings.ToLower(c.Name)] = true
		list = append(list, c.Name)
	}
	list = append(list, "rest")
	for _, f := range d.version.Body.Fields {
		if !f.Type.Known() {
			continue
		}
		name := f.Name
		if taken[strings.ToLower(name)] {
			name = "body." + name
		}
		list = append(list, "body."+engine.QuoteIdent(f.Name)+" AS "+engine.QuoteIdent(name))
	}
	return "SELECT " + strings.Join(list, ", ") + " FROM main." + engine.QuoteIdent(p.Dataset) + " WHERE " + p.where()
}

// checksum reads every value of a relation: how many rows, and what they add
// up to.
func checksum(from string) string {
	return "SELECT count(*), coalesce(sum(hash(to_json(t)::VARCHAR)::HUGEINT), 0)::VARCHAR FROM (" + from + ") AS t"
}

// WriteArchivePart writes a part into a folder that the database may write to,
// and reads it back: the file holds exactly the rows, or it is an error.
func (s *Store) WriteArchivePart(ctx context.Context, p ArchivePart, path string) error {
	d, err := s.lookup(p.Dataset)
	if err != nil {
		return err
	}
	rows := archiveSQL(d, p)
	if _, err := s.DB().ExecContext(ctx, "COPY ("+rows+" ORDER BY event_time, _seq) TO "+engine.QuoteText(path)+" (FORMAT parquet, COMPRESSION zstd)"); err != nil {
		return s.failed(ctx, err)
	}
	var have, wrote int64
	var want, got string
	if err := s.DB().QueryRowContext(ctx, checksum(rows)).Scan(&have, &want); err != nil {
		return s.failed(ctx, err)
	}
	reader, err := openInstance(ctx, "", Options{Memory: s.opt.Memory, Threads: s.opt.Threads})
	if err != nil {
		return err
	}
	defer reader.Close()
	if err := reader.QueryRowContext(ctx, checksum("FROM read_parquet("+engine.QuoteText(path)+", hive_partitioning = false)")).Scan(&wrote, &got); err != nil {
		return s.failed(ctx, err)
	}
	if have != p.Rows || wrote != have || got != want {
		return engine.Errorf(engine.Inexpressible, "archive "+p.Dataset, "the file of %s does not read back as the rows it was made of (%d rows, %d read back); nothing was deleted", p.Day.Format(time.DateOnly), have, wrote).
			WithHint("a type that Parquet cannot hold exactly (hugeint) can be set to varchar: tidemark schema set %s PATH varchar", p.Dataset)
	}
	return nil
}

// BeginArchive notes that a part is about to be put at its place; until
// FinishArchive what lies there counts as nothing.
func (s *Store) BeginArchive(ctx context.Context, p ArchivePart, place string) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO tidemark.archives VALUES (?, ?, ?, ?, ?, ?, ?, 'writing', ?)`,
			p.Dataset, p.Day, place, p.Name, p.Rows, p.Bytes, p.SHA256, s.opt.Clock.Now())
		return err
	})
}

// FinishArchive deletes the rows of a part that lies at its place, and notes
// it as done, in one transaction.
func (s *Store) FinishArchive(ctx context.Context, p ArchivePart, place string) error {
	d, err := s.lookup(p.Dataset)
	if err != nil {
		return err
	}
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		if err := errors.Join(s.rewritten(ctx, tx, p.Dataset), dropTally(ctx, tx, p.Dataset)); err != nil {
			return err
		}
		var gone int64
		for _, g := range d.segments {
			result, err := tx.ExecContext(ctx, "DELETE FROM "+g.sql()+" WHERE "+p.where())
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			if err != nil {
				return err
			}
			gone += n
		}
		if gone != p.Rows {
			return engine.Errorf(engine.Conflict, "archive "+p.Dataset, "%s changed while it was written; nothing was deleted", p.Day.Format(time.DateOnly)).WithHint("archive again")
		}
		if err := s.forgetDay(ctx, tx, d, p); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE tidemark.archives SET state = 'done' WHERE dataset = ? AND place = ? AND name = ?`, p.Dataset, place, p.Name)
		return err
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.replaced[p.Dataset] = true
	s.mu.Unlock()
	return nil
}

// forgetDay takes the windows of a day that is gone out of the rollups. Those
// that are longer than it, or have rows that came while it was archived, are
// computed anew by the next refresh.
func (s *Store) forgetDay(ctx context.Context, tx *sql.Tx, d *dataset, p ArchivePart) error {
	const dayMicros = 24 * 60 * 60 * 1_000_000
	left := p
	left.MaxSeq = math.MaxInt64
	whole := true
	for _, g := range d.segments {
		var n int64
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM "+g.sql()+" WHERE "+left.where()).Scan(&n); err != nil {
			return err
		}
		whole = whole && n == 0
	}
	if !whole {
		return s.staleRollups(ctx, tx, p.Dataset)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE tidemark.rollups SET definition = '' WHERE dataset = ? AND ? % size <> 0`, p.Dataset, dayMicros); err != nil {
		return err
	}
	names, err := rollupNames(ctx, tx, p.Dataset, `definition <> ''`)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := tx.ExecContext(ctx, "DELETE FROM rollup."+engine.QuoteIdent(name)+" WHERE "+p.windows()); err != nil {
			return err
		}
	}
	return nil
}

// windows chooses the windows of a part's day.
func (p ArchivePart) windows() string {
	return "time >= " + timestampSQL(p.Day) + " AND time < " + timestampSQL(p.Day.AddDate(0, 0, 1))
}

// Unfinished lists the parts that were begun and not finished: their rows are
// all in the table, and what lies at their place must go.
func (s *Store) Unfinished(ctx context.Context) (parts []ArchivePart, places []string, err error) {
	rows, err := s.QueryContext(ctx, `SELECT dataset, day, place, name FROM tidemark.archives WHERE state = 'writing'`)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p ArchivePart
		var place string
		if err := rows.Scan(&p.Dataset, &p.Day, &place, &p.Name); err != nil {
			return nil, nil, err
		}
		parts, places = append(parts, p), append(places, place)
	}
	return parts, places, rows.Err()
}

// AbandonArchive forgets a part that was begun.
func (s *Store) AbandonArchive(ctx context.Context, p ArchivePart, place string) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM tidemark.archives WHERE dataset = ? AND place = ? AND name = ? AND state = 'writing'`, p.Dataset, place, p.Name)
		return err
	})
}

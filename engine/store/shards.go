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

// advanceStream writes how far a stream is read with the batch.
func (s *Store) advanceStream(ctx context.Context, tx *sql.Tx, b engine.Batch) error {
	if b.Live == nil {
		return nil
	}
	if err := writeShards(ctx, tx, b); err != nil {
		return fmt.Errorf("move the checkpoints of shards: %w", err)
	}
	for _, g := range b.Live.Gaps {
		if _, err := tx.ExecContext(ctx, `INSERT INTO tidemark.gaps VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			b.Dataset, sourceOf(b), g.Stream, g.Shard, moment(g.From), moment(g.To), g.Reason, b.Ingest); err != nil {
			return fmt.Errorf("write down a gap: %w", err)
		}
	}
	if err := writeQuotas(ctx, tx, b); err != nil {
		return fmt.Errorf("count what is over a quota: %w", err)
	}
	if err := writeMarks(ctx, tx, b); err != nil {
		return fmt.Errorf("move the marks of shards: %w", err)
	}
	if b.Live.Watermark.IsZero() {
		return nil
	}
	return writeWatermark(ctx, tx, b.Dataset, b.Live.Watermark, b.Ingest)
}

// writeQuotas adds what a batch had over a quota to what there was before.
func writeQuotas(ctx context.Context, tx *sql.Tx, b engine.Batch) error {
	for key, n := range b.Live.Quotas {
		var over, kept int64
		var waited float64
		err := tx.QueryRowContext(ctx, `SELECT coalesce(sum(over), 0)::BIGINT, coalesce(sum(kept), 0)::BIGINT, coalesce(sum(waited_seconds), 0) FROM tidemark.quotas WHERE dataset = ? AND key = ?`, b.Dataset, key).Scan(&over, &kept, &waited)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.quotas WHERE dataset = ? AND key = ?`, b.Dataset, key); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO tidemark.quotas VALUES (?, ?, ?, ?, ?, ?)`,
			b.Dataset, key, over+n.Over, kept+n.Kept, waited+n.Waited.Seconds(), b.Ingest); err != nil {
			return err
		}
	}
	return nil
}

func sourceOf(b engine.Batch) string {
	for _, c := range b.Live.Checkpoints {
		return c.Source
	}
	return ""
}

// writeShards moves the checkpoints, a few shards with each statement.
func writeShards(ctx context.Context, tx *sql.Tx, b engine.Batch) error {
	for chunk := range slices.Chunk(b.Live.Checkpoints, quarantineChunk) {
		var old, rows []string
		var oldArgs, args []any
		for _, c := range chunk {
			old, rows = append(old, "(?, ?, ?, ?::TIMESTAMPTZ, ?)"), append(rows, "(?, ?, ?, ?::TIMESTAMPTZ, ?, ?, ?::TIMESTAMPTZ, ?::TIMESTAMPTZ, ?, ?::TIMESTAMPTZ)")
			oldArgs = append(oldArgs, b.Dataset, c.Source, c.Stream, c.Created, c.Shard)
			args = append(args, b.Dataset, c.Source, c.Stream, c.Created, c.Shard, null(c.Sequence), moment(c.Since), moment(c.Arrival), c.Ended, b.Ingest)
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.shards WHERE (dataset, source, stream, stream_created, shard) IN (`+strings.Join(old, ", ")+`)`, oldArgs...); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO tidemark.shards VALUES `+strings.Join(rows, ", "), args...); err != nil {
			return err
		}
	}
	return nil
}

func writeMarks(ctx context.Context, tx *sql.Tx, b engine.Batch) error {
	source := sourceOf(b)
	if b.Live.Marks == nil || source == "" {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.marks WHERE dataset = ? AND source = ?`, b.Dataset, source); err != nil {
		return err
	}
	for chunk := range slices.Chunk(b.Live.Marks, quarantineChunk) {
		var rows []string
		var args []any
		for _, m := range chunk {
			rows = append(rows, "(?, ?, ?, ?::TIMESTAMPTZ, ?::TIMESTAMPTZ)")
			args = append(args, b.Dataset, source, m.Shard, moment(m.At), moment(m.Seen))
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO tidemark.marks VALUES `+strings.Join(rows, ", "), args...); err != nil {
			return err
		}
	}
	return nil
}

// writeWatermark moves a dataset's watermark; it never goes back.
func writeWatermark(ctx context.Context, tx *sql.Tx, dataset string, at, now time.Time) error {
	var old sql.NullTime
	if err := tx.QueryRowContext(ctx, `SELECT max(watermark) FROM tidemark.watermarks WHERE dataset = ?`, dataset).Scan(&old); err != nil {
		return err
	}
	if old.Valid && !at.After(old.Time) {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.watermarks WHERE dataset = ?`, dataset); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO tidemark.watermarks VALUES (?, ?, ?)`, dataset, at, now)
	return err
}

// Checkpoints tells how far the shards of a source were read into a dataset.
func (s *Store) Checkpoints(ctx context.Context, dataset, source string) ([]engine.Checkpoint, error) {
	rows, err := s.QueryContext(ctx, `SELECT source, stream, stream_created, shard, coalesce(sequence, ''), since, last_arrival, ended
		FROM tidemark.shards WHERE dataset = ? AND source = ? ORDER BY stream_created, shard`, dataset, source)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []engine.Checkpoint
	for rows.Next() {
		var c engine.Checkpoint
		var since, arrival sql.NullTime
		if err := rows.Scan(&c.Source, &c.Stream, &c.Created, &c.Shard, &c.Sequence, &since, &arrival, &c.Ended); err != nil {
			return nil, err
		}
		c.Created, c.Since, c.Arrival = c.Created.UTC(), utc(since), utc(arrival)
		list = append(list, c)
	}
	return list, rows.Err()
}

func utc(t sql.NullTime) time.Time {
	if !t.Valid {
		return time.Time{}
	}
	return t.Time.UTC()
}

// Marks tells how far the event time of each shard of a source had come.
func (s *Store) Marks(ctx context.Context, dataset, source string) ([]engine.ShardMark, error) {
	rows, err := s.QueryContext(ctx, `SELECT shard, watermark, seen_at FROM tidemark.marks WHERE dataset = ? AND source = ? ORDER BY shard`, dataset, source)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []engine.ShardMark
	for rows.Next() {
		var m engine.ShardMark
		var at, seen sql.NullTime
		if err := rows.Scan(&m.Shard, &at, &seen); err != nil {
			return nil, err
		}
		m.At, m.Seen = utc(at), utc(seen)
		list = append(list, m)
	}
	return list, rows.Err()
}

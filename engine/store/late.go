package store

import (
	"context"
	"database/sql"
	"fmt"

	"tidemark.dev/tidemark/engine"
)

// keepLate writes down how late the late rows of a batch were. The rows are
// in their dataset as well: late governs windows only.
func keepLate(ctx context.Context, tx *sql.Tx, g segment, b engine.Batch) error {
	// Microseconds are subtracted, for the difference of two TIMESTAMPTZ is counted
	// on a calendar.
	_, err := tx.ExecContext(ctx, `INSERT INTO tidemark.late
		SELECT ?, event_time, ingest_time, ?::TIMESTAMPTZ, (?::BIGINT - epoch_us(event_time)) / 1000000, service, _source, _position, _seq
		FROM `+g.sql()+` AS r WHERE _late AND ingest_time = ?::TIMESTAMPTZ AND event_time < ?::TIMESTAMPTZ
		AND NOT EXISTS (SELECT 1 FROM tidemark.late AS l WHERE l.dataset = ? AND l.seq = r._seq)`,
		b.Dataset, b.LateBefore, b.LateBefore.UnixMicro(), b.Ingest, b.LateBefore, b.Dataset)
	if err != nil {
		return fmt.Errorf("note late rows of %s: %w", b.Dataset, err)
	}
	return nil
}

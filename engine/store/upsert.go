package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Of a dataset with a key, the table holds one row a key: the version of the
// highest rank. Rank is event time, then, for equal times, where the record
// came from; it depends on the record alone, so the rows that remain do not
// depend on how records fell into batches or in which order they came.

// rankSQL orders the versions of a key. A record without a time is before all.
const rankSQL = `struct_pack(t := coalesce(event_time, TIMESTAMPTZ '-infinity'), s := _source, u := ` + objectSQL + `, n := ` + placeSQL + `)`

// placeSQL is the place in an object or a shard as a text that sorts as its
// numbers do: each has its length before it. A sequence number has more digits
// than any integer, and parts after it where one record became many.
const placeSQL = `array_to_string(list_transform(string_split_regex(regexp_extract(_position, '#([0-9./]+)$', 1), '[./]'), lambda part: lpad(length(part)::VARCHAR, 3, '0') || part), '.')`

// stonePlaceSQL is placeSQL of what deleted a key. Older versions of the table
// have a number alone.
const stonePlaceSQL = `coalesce(place, lpad(length(number::VARCHAR)::VARCHAR, 3, '0') || number)`

// insertVersions puts the parts of a batch, each a SELECT in table order, into
// a dataset with a key.
func (s *Store) insertVersions(ctx context.Context, tx *sql.Tx, d *dataset, g segment, b engine.Batch, parts []string) (total engine.Committed, err error) {
	defer func() {
		for _, table := range []string{"incoming", "versions"} {
			tx.ExecContext(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS temp."+table) //nolint:errcheck // a temporary table
		}
	}()
	steps := []string{"CREATE OR REPLACE TEMP TABLE incoming AS FROM " + g.sql() + " LIMIT 0"}
	for _, part := range parts {
		steps = append(steps, "INSERT INTO temp.incoming "+part)
	}
	at := engine.Dataset{Name: b.Dataset, Body: d.version.Body}
	dead := deadSQL(at, g, b.Deleted)
	steps = append(steps, "CREATE OR REPLACE TEMP TABLE versions AS SELECT "+keySQL(at, g, b.Key)+" AS v_key, "+rankSQL+" AS v_rank, "+dead+" AS v_dead, _seq AS v_seq"+
		" FROM temp.incoming WHERE v_key IS NOT NULL QUALIFY row_number() OVER (PARTITION BY v_key ORDER BY v_rank DESC, v_seq DESC) = 1")
	for _, known := range d.segments {
		steps = append(steps, beatenBy("SELECT "+keySQL(at, known, b.Key)+" AS k, "+rankSQL+" AS r FROM "+known.sql()))
	}
	stones := "SELECT key AS k, struct_pack(t := event_time, s := source, u := url, n := " + stonePlaceSQL + ") AS r FROM tidemark.tombstones WHERE dataset = " + engine.QuoteText(b.Dataset)
	steps = append(steps, beatenBy(stones))
	for _, known := range d.segments {
		steps = append(steps, "DELETE FROM "+known.sql()+" WHERE "+keySQL(at, known, b.Key)+" IN (SELECT v_key FROM temp.versions)")
	}
	steps = append(steps,
		"DELETE FROM tidemark.tombstones WHERE dataset = "+engine.QuoteText(b.Dataset)+" AND key IN (SELECT v_key FROM temp.versions)",
		"INSERT INTO tidemark.tombstones (dataset, key, event_time, source, url, place) SELECT "+engine.QuoteText(b.Dataset)+", v_key, v_rank.t, v_rank.s, v_rank.u, v_rank.n FROM temp.versions WHERE v_dead",
	)
	for _, step := range steps {
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return total, fmt.Errorf("load a batch into %s: %w", b.Dataset, err)
		}
	}
	result, err := tx.ExecContext(ctx, "INSERT INTO "+g.sql()+" SELECT * FROM temp.incoming WHERE "+keySQL(at, g, b.Key)+
		" IS NULL OR _seq IN (SELECT v_seq FROM temp.versions WHERE NOT v_dead)")
	if err != nil {
		return total, fmt.Errorf("load a batch into %s: %w", b.Dataset, err)
	}
	if total.Stored, err = result.RowsAffected(); err != nil {
		return total, err
	}
	// Rows that were counted may be gone.
	if err := s.rowsGone(ctx, tx, b.Dataset); err != nil {
		return total, err
	}
	total.Duplicates = b.Rows - total.Stored
	return total, nil
}

// beatenBy takes out the versions that others, given as keys k and ranks r, are
// not older than.
func beatenBy(others string) string {
	return "DELETE FROM temp.versions WHERE v_seq IN (SELECT v_seq FROM temp.versions JOIN (" + others + ") ON k = v_key WHERE r >= v_rank)"
}

// keySQL reads a row's key as text; null where no part of it has a value.
func keySQL(at engine.Dataset, g segment, key []engine.Path) string {
	var parts, null []string
	for i, p := range key {
		value := valueSQL(at, g, p) + "::VARCHAR"
		parts = append(parts, fmt.Sprintf("k%d := %s", i, value))
		null = append(null, value+" IS NULL")
	}
	return "CASE WHEN " + strings.Join(null, " AND ") + " THEN NULL ELSE to_json(struct_pack(" + strings.Join(parts, ", ") + "))::VARCHAR END"
}

// valueSQL reads what a row has at a table path; null where no record has had a
// value there yet.
func valueSQL(at engine.Dataset, g segment, path engine.Path) string {
	path, want, err := at.Resolve(path)
	if err != nil || !want.Known() {
		return "NULL::VARCHAR"
	}
	return readPath(g, path, want)
}

// deadSQL reads whether a record deletes its key.
func deadSQL(at engine.Dataset, g segment, marker engine.Path) string {
	if marker == nil {
		return "false"
	}
	return "coalesce(lower(" + valueSQL(at, g, marker) + "::VARCHAR) IN ('true', 'd', 'delete', 'deleted'), false)"
}

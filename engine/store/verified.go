package store

import (
	"context"
	"database/sql"
	"time"

	"tidemark.dev/tidemark/engine"
)

// LedgerEntry is what the ledger says of an object.
type LedgerEntry struct {
	Key, URL, ETag string
	// State is done, undecodable, attached or partial.
	State string
	Size  int64 // in bytes, as Fetched
	// These are records; see engine.ObjectState.
	Read, Stored, Quarantined, Dropped int64
	Fetched                            int64
	MinTime, MaxTime                   *time.Time // of events; nil where none has a time
	SchemaVersion                      int
	Seconds                            float64
	PulledAt                           *time.Time
}

// Ledger reads the newest entry of each object of a source, by key. Those that
// were begun and not read to the end are partial.
func (s *Store) Ledger(ctx context.Context, dataset, source string) (map[string]LedgerEntry, error) {
	rows, err := s.DB().QueryContext(ctx, `SELECT key, url, etag, state, size, records, stored, quarantined, dropped, bytes_fetched,
			min_event_time, max_event_time, schema_version, seconds, pulled_at FROM
			(SELECT * FROM tidemark.objects WHERE dataset = ? AND source = ? QUALIFY row_number() OVER (PARTITION BY key ORDER BY pulled_at DESC) = 1)
		UNION ALL SELECT key, '', etag, 'partial', 0, records, stored, quarantined, dropped, 0, NULL, NULL, 0, 0, updated_at
			FROM tidemark.checkpoints WHERE dataset = ? AND source = ?`, dataset, source, dataset, source)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]LedgerEntry{}
	for rows.Next() {
		var e LedgerEntry
		var oldest, newest, at sql.NullTime
		if err := rows.Scan(&e.Key, &e.URL, &e.ETag, &e.State, &e.Size, &e.Read, &e.Stored, &e.Quarantined, &e.Dropped, &e.Fetched,
			&oldest, &newest, &e.SchemaVersion, &e.Seconds, &at); err != nil {
			return nil, err
		}
		e.MinTime, e.MaxTime, e.PulledAt = instant(oldest), instant(newest), instant(at)
		if has, ok := out[e.Key]; ok && e.State == "partial" {
			e.URL = has.URL
		}
		out[e.Key] = e
	}
	return out, rows.Err()
}

// RowsByObject counts the rows of a source in its dataset by the URL of the
// object that they came from.
func (s *Store) RowsByObject(ctx context.Context, dataset, source string) (map[string]int64, error) {
	out := map[string]int64{}
	if _, has := s.Schema(dataset); !has || s.Attached(dataset) {
		return out, nil
	}
	relation, err := s.Relation(dataset, []engine.Path{{"_source"}, {"_position"}})
	if err != nil {
		return nil, err
	}
	rows, err := s.DB().QueryContext(ctx, `SELECT regexp_replace(_position, '#[0-9]+$', '') AS url, count(*) FROM `+relation+` WHERE _source = ? GROUP BY url`, source)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var url string
		var n int64
		if err := rows.Scan(&url, &n); err != nil {
			return nil, err
		}
		out[url] = n
	}
	return out, rows.Err()
}

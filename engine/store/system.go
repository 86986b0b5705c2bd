package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// formatVersion is the layout of the system tables. A database of a newer
// layout is refused; an older one is migrated here when there is one.
const formatVersion = 1

var systemTables = slices.Concat(dataTables, alarmTables, noticeTables)

var dataTables = []string{
	`CREATE SCHEMA IF NOT EXISTS tidemark`,
	`CREATE SCHEMA IF NOT EXISTS segment`,
	`CREATE TABLE IF NOT EXISTS tidemark.format (version INTEGER)`,
	`CREATE TABLE IF NOT EXISTS tidemark.schemas (
		dataset VARCHAR, version INTEGER, author VARCHAR, created_at TIMESTAMPTZ, major BOOLEAN, position VARCHAR,
		changes VARCHAR[], body JSON, mapping JSON, originals JSON)`,
	`CREATE TABLE IF NOT EXISTS tidemark.segments (dataset VARCHAR, id INTEGER, version INTEGER, table_name VARCHAR)`,
	`CREATE TABLE IF NOT EXISTS tidemark.objects (
		dataset VARCHAR, source VARCHAR, key VARCHAR, url VARCHAR, etag VARCHAR, size BIGINT, modified TIMESTAMPTZ,
		format VARCHAR, state VARCHAR, records BIGINT, stored BIGINT, quarantined BIGINT, dropped BIGINT,
		bytes_fetched BIGINT, min_event_time TIMESTAMPTZ, max_event_time TIMESTAMPTZ,
		schema_version INTEGER, seconds DOUBLE, pulled_at TIMESTAMPTZ)`,
	`CREATE TABLE IF NOT EXISTS tidemark.checkpoints (
		dataset VARCHAR, source VARCHAR, key VARCHAR, etag VARCHAR, records BIGINT,
		stored BIGINT, quarantined BIGINT, dropped BIGINT, updated_at TIMESTAMPTZ)`,
	`CREATE SEQUENCE IF NOT EXISTS tidemark.quarantine_id`,
	`CREATE TABLE IF NOT EXISTS tidemark.quarantine (
		id BIGINT, dataset VARCHAR, source VARCHAR, position VARCHAR, reason VARCHAR, path VARCHAR,
		want VARCHAR, got VARCHAR, created_at TIMESTAMPTZ, bytes BIGINT, raw BLOB, hash VARCHAR)`,
	// What was discarded, as it stood in quarantine; raw goes when it can no
	// longer be had back.
	`CREATE TABLE IF NOT EXISTS tidemark.discarded (
		id BIGINT, dataset VARCHAR, source VARCHAR, position VARCHAR, reason VARCHAR, path VARCHAR,
		want VARCHAR, got VARCHAR, created_at TIMESTAMPTZ, bytes BIGINT, raw BLOB, hash VARCHAR, discarded_at TIMESTAMPTZ, gone BOOLEAN)`,
	`CREATE TABLE IF NOT EXISTS tidemark.conflicts (
		dataset VARCHAR, path VARCHAR, want VARCHAR, got VARCHAR, source VARCHAR, count BIGINT, example VARCHAR)`,
	`CREATE TABLE IF NOT EXISTS tidemark.policies (
		dataset VARCHAR, path VARCHAR, policy VARCHAR, key_check VARCHAR, met BIGINT, updated_at TIMESTAMPTZ)`,
	`CREATE TABLE IF NOT EXISTS tidemark.unsettled (dataset VARCHAR, since JSON, ingest_time TIMESTAMPTZ)`,
	`CREATE TABLE IF NOT EXISTS tidemark.archives (
		dataset VARCHAR, day TIMESTAMPTZ, place VARCHAR, name VARCHAR, rows BIGINT, bytes BIGINT, sha256 VARCHAR,
		state VARCHAR, archived_at TIMESTAMPTZ)`,
	`CREATE TABLE IF NOT EXISTS tidemark.tombstones (
		dataset VARCHAR, key VARCHAR, event_time TIMESTAMPTZ, source VARCHAR, url VARCHAR, number BIGINT)`,
	`CREATE TABLE IF NOT EXISTS tidemark.watermarks (dataset VARCHAR, watermark TIMESTAMPTZ, updated_at TIMESTAMPTZ)`,
	`CREATE TABLE IF NOT EXISTS tidemark.shards (
		dataset VARCHAR, source VARCHAR, stream VARCHAR, stream_created TIMESTAMPTZ, shard VARCHAR, sequence VARCHAR,
		since TIMESTAMPTZ, last_arrival TIMESTAMPTZ, ended BOOLEAN, updated_at TIMESTAMPTZ)`,
	`CREATE TABLE IF NOT EXISTS tidemark.marks (
		dataset VARCHAR, source VARCHAR, shard VARCHAR, watermark TIMESTAMPTZ, seen_at TIMESTAMPTZ)`,
	`CREATE TABLE IF NOT EXISTS tidemark.gaps (
		dataset VARCHAR, source VARCHAR, stream VARCHAR, shard VARCHAR, gap_from TIMESTAMPTZ, gap_to TIMESTAMPTZ,
		reason VARCHAR, found_at TIMESTAMPTZ)`,
	`CREATE SCHEMA IF NOT EXISTS rollup`,
	`CREATE TABLE IF NOT EXISTS tidemark.rollups (dataset VARCHAR, size BIGINT, name VARCHAR, seq BIGINT, definition VARCHAR, updated_at TIMESTAMPTZ)`,
	`CREATE TABLE IF NOT EXISTS tidemark.late (
		dataset VARCHAR, event_time TIMESTAMPTZ, ingest_time TIMESTAMPTZ, watermark TIMESTAMPTZ, seconds_late DOUBLE,
		service VARCHAR, source VARCHAR, position VARCHAR, seq BIGINT)`,
}

func createSystemTables(ctx context.Context, db *sql.DB) error {
	var found, hash int
	row := db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'tidemark'),
		(SELECT count(*) FROM duckdb_columns() WHERE schema_name = 'tidemark' AND table_name = 'quarantine' AND column_name = 'hash')`)
	if err := row.Scan(&found, &hash); err != nil {
		return err
	}
	if found == 0 {
		for _, ddl := range systemTables {
			if _, err := db.ExecContext(ctx, ddl); err != nil {
				return fmt.Errorf("create system tables: %w", err)
			}
		}
		_, err := db.ExecContext(ctx, `INSERT INTO tidemark.format VALUES (?)`, formatVersion)
		return err
	}
	var version int
	if err := db.QueryRowContext(ctx, `SELECT version FROM tidemark.format`).Scan(&version); err != nil {
		return err
	}
	if version > formatVersion {
		return engine.Errorf(engine.Invalid, "open the database", "it was written by a newer version of Tidemark (layout %d, this one knows %d)", version, formatVersion).
			WithHint("upgrade Tidemark")
	}
	if found >= tables() && hash > 0 {
		return nil
	}
	return addMissing(ctx, db, hash > 0)
}

// addMissing brings tables of an older version up to this one, as far as that
// takes nothing but what is new.
func addMissing(ctx context.Context, db *sql.DB, hashed bool) error {
	for _, ddl := range systemTables {
		if _, err := db.ExecContext(ctx, ddl); err != nil {
			return fmt.Errorf("create system tables: %w", err)
		}
	}
	if hashed {
		return nil
	}
	_, err := db.ExecContext(ctx, `ALTER TABLE tidemark.quarantine ADD COLUMN hash VARCHAR`)
	return err
}

// tables counts the system tables.
func tables() (n int) {
	for _, ddl := range systemTables {
		if strings.HasPrefix(ddl, "CREATE TABLE") {
			n++
		}
	}
	return n
}

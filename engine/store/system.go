package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"

	"tidemark.dev/tidemark/engine"
)

// formatVersion is the layout of the system tables. A database of a newer
// layout is refused; an older one is migrated here when there is one.
const formatVersion = 1

var systemTables = slices.Concat(dataTables, alarmTables, noticeTables, runbookTables)

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
	// Where the records of a source went besides the dataset of its ledger.
	`CREATE TABLE IF NOT EXISTS tidemark.routes (dataset VARCHAR, source VARCHAR, routed VARCHAR)`,
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
	// The last failure of each source that has not gone well since.
	`CREATE TABLE IF NOT EXISTS tidemark.health (
		dataset VARCHAR, source VARCHAR, fault VARCHAR, message VARCHAR, hint VARCHAR, failed_at TIMESTAMPTZ)`,
	`CREATE SCHEMA IF NOT EXISTS model`,
	// What each model was computed from: its definition, and of each table
	// that it reads the newest row, or how often it had been computed.
	`CREATE TABLE IF NOT EXISTS tidemark.models (
		name VARCHAR, definition VARCHAR, inputs VARCHAR[], seen MAP(VARCHAR, BIGINT), runs BIGINT, refreshed_at TIMESTAMPTZ)`,
	// What was over the quota of a live dataset, by the value it is counted by.
	`CREATE TABLE IF NOT EXISTS tidemark.quotas (
		dataset VARCHAR, key VARCHAR, over BIGINT, kept BIGINT, waited_seconds DOUBLE, updated_at TIMESTAMPTZ)`,
	`CREATE SCHEMA IF NOT EXISTS rollup`,
	`CREATE TABLE IF NOT EXISTS tidemark.rollups (dataset VARCHAR, size BIGINT, name VARCHAR, seq BIGINT, definition VARCHAR, updated_at TIMESTAMPTZ)`,
	// What the rows up to a _seq come to, of datasets that were asked about.
	`CREATE TABLE IF NOT EXISTS tidemark.tallies (
		dataset VARCHAR, seq BIGINT, max_future BIGINT, rows BIGINT, late BIGINT, untimed BIGINT, ahead BIGINT,
		first_time TIMESTAMPTZ, last_time TIMESTAMPTZ)`,
	`CREATE TABLE IF NOT EXISTS tidemark.late (
		dataset VARCHAR, event_time TIMESTAMPTZ, ingest_time TIMESTAMPTZ, watermark TIMESTAMPTZ, seconds_late DOUBLE,
		service VARCHAR, source VARCHAR, position VARCHAR, seq BIGINT)`,
	`CREATE TABLE IF NOT EXISTS tidemark.attached (dataset VARCHAR)`,
	// Columns that came after the first layout.
	`ALTER TABLE tidemark.format ADD COLUMN IF NOT EXISTS layout VARCHAR`,
	`ALTER TABLE tidemark.objects ADD COLUMN IF NOT EXISTS first_seq BIGINT`,
	`ALTER TABLE tidemark.quarantine ADD COLUMN IF NOT EXISTS hash VARCHAR`,
	`ALTER TABLE tidemark.quarantine ADD COLUMN IF NOT EXISTS head VARCHAR`,
	`ALTER TABLE tidemark.discarded ADD COLUMN IF NOT EXISTS head VARCHAR`,
	`ALTER TABLE tidemark.tombstones ADD COLUMN IF NOT EXISTS place VARCHAR`,
	`ALTER TABLE tidemark.conflicts ADD COLUMN IF NOT EXISTS object VARCHAR`,
}

// layout tells sets of system tables apart: it follows from what makes them.
var layout = sync.OnceValue(func() string {
	h := fnv.New128a()
	for _, ddl := range systemTables {
		h.Write([]byte(ddl))
	}
	return hex.EncodeToString(h.Sum(nil))
})

// createSystemTables makes a new database ours, and brings one of another
// layout up to this one. One that has it already is not looked through: what
// DuckDB's catalog says of its columns takes longer than most queries.
func createSystemTables(ctx context.Context, db *sql.DB) error {
	var version int
	var found sql.NullString
	row := db.QueryRowContext(ctx, `SELECT max(version), max(layout) FROM tidemark.format`)
	if err := row.Scan(&version, &found); err != nil || found.String != layout() {
		return addMissing(ctx, db) // new, or from before layouts were written down
	}
	return checkFormat(version)
}

func checkFormat(version int) error {
	if version <= formatVersion {
		return nil
	}
	return engine.Errorf(engine.Invalid, "open the database", "it was written by a newer version of Tidemark (layout %d, this one knows %d)", version, formatVersion).
		WithHint("upgrade Tidemark")
}

// addMissing adds what is not there yet, all of it or nothing, and touches
// nothing else.
func addMissing(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for _, ddl := range systemTables {
		if _, err := tx.ExecContext(ctx, ddl); err != nil {
			return fmt.Errorf("create system tables: %w", err)
		}
	}
	var version int
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM tidemark.format`).Scan(&version); err != nil {
		return err
	}
	if err := checkFormat(version); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.format`); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO tidemark.format VALUES (?, ?)`, formatVersion, layout()); err != nil {
		return err
	}
	return tx.Commit()
}

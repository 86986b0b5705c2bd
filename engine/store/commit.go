package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// AllocateSeq reserves n consecutive values of _seq and returns the first.
// Values that no row ends up with are simply never used.
func (s *Store) AllocateSeq(n int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.nextSeq
	s.nextSeq += n
	return first
}

// Commit makes a batch true in one transaction: its rows, its quarantine, the
// schema version it needs and how far its objects have been read.
func (s *Store) Commit(ctx context.Context, b engine.Batch) (engine.Committed, error) {
	done, err := s.CommitAll(ctx, []engine.Batch{b})
	if err != nil {
		return engine.Committed{}, err
	}
	return done[0], nil
}

// CommitAll makes batches of different datasets true in one transaction, as
// Commit does with one. What it gives stands in their order.
func (s *Store) CommitAll(ctx context.Context, batches []engine.Batch) ([]engine.Committed, error) {
	for _, b := range batches {
		if err := CheckName(b.Dataset); err != nil {
			return nil, err
		}
	}
	done, next := make([]engine.Committed, len(batches)), make([]*dataset, len(batches))
	var replaced []string
	err := s.inTx(ctx, func(tx *sql.Tx) (err error) {
		if replaced, err = s.deleteRouted(ctx, tx, batches); err != nil {
			return err
		}
		for i, b := range batches {
			if next[i], err = s.prepare(ctx, tx, b); err != nil {
				return err
			}
			if done[i], err = s.commitOne(ctx, tx, next[i], b); err != nil {
				return err
			}
		}
		return s.unite(ctx, tx, batches)
	})
	if err != nil {
		return nil, err
	}
	s.show(batches, next, replaced)
	for i, b := range batches {
		if b.Since == nil || b.Schema == nil || len(next[i].segments) == 0 {
			continue
		}
		// Not in the same transaction: see copySettled. Open does what a crash
		// in between leaves undone.
		if err := s.settleBatch(ctx, next[i], unsettled{b.Dataset, *b.Since, b.Ingest}); err != nil {
			return done, err
		}
	}
	return done, nil
}

// commitOne writes what one batch brings to its dataset.
func (s *Store) commitOne(ctx context.Context, tx *sql.Tx, d *dataset, b engine.Batch) (done engine.Committed, err error) {
	if err := s.deleteReplaced(ctx, tx, b.Dataset, d, b.Replace, ""); err != nil {
		return done, err
	}
	if done, err = s.insertRows(ctx, tx, d, b); err != nil {
		return done, err
	}
	for _, write := range []func(context.Context, *sql.Tx, engine.Batch) error{
		insertQuarantine, releaseEntries, s.advanceStream, countConflicts, noteRoute,
	} {
		if err := write(ctx, tx, b); err != nil {
			return done, err
		}
	}
	if b.Since != nil && b.Schema != nil {
		if err := noteUnsettled(ctx, tx, b); err != nil {
			return done, err
		}
	}
	return done, s.advanceLedger(ctx, tx, b, done)
}

// show lets everybody see what batches have made of their datasets.
func (s *Store) show(batches []engine.Batch, next []*dataset, replaced []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, b := range batches {
		if next[i] != nil {
			s.datasets[b.Dataset] = next[i]
		}
		if len(b.Replace) > 0 {
			s.replaced[b.Dataset] = true
		}
	}
	for _, name := range replaced {
		s.replaced[name] = true
	}
}

// prepare opens the segment that the batch's schema version needs, and gives
// the dataset as it will be once the transaction is committed.
func (s *Store) prepare(ctx context.Context, tx *sql.Tx, b engine.Batch) (*dataset, error) {
	s.mu.RLock()
	d := s.datasets[b.Dataset]
	s.mu.RUnlock()
	if b.Schema == nil {
		return d, nil
	}
	return s.openVersion(ctx, tx, d, *b.Schema)
}

func (s *Store) openVersion(ctx context.Context, tx *sql.Tx, d *dataset, v engine.SchemaVersion) (*dataset, error) {
	if err := recordVersion(ctx, tx, v); err != nil {
		return nil, err
	}
	next := &dataset{version: v}
	if d != nil {
		next.segments = slices.Clone(d.segments)
	}
	last := len(next.segments) - 1
	if last < 0 || next.segments[last].body.DuckDB() != v.Body.DuckDB() {
		g := segment{id: 1, version: v.Version, body: v.Body}
		if last >= 0 {
			g.id = next.segments[last].id + 1
		}
		g.table = fmt.Sprintf("%s_%d", v.Dataset, g.id)
		if err := createSegment(ctx, tx, v.Dataset, g); err != nil {
			return nil, err
		}
		next.segments = append(next.segments, g)
	}
	if _, err := tx.ExecContext(ctx, viewSQL(v.Dataset, next)); err != nil {
		return nil, fmt.Errorf("define the table %s: %w", v.Dataset, err)
	}
	return next, s.defineAllEvents(ctx, tx, v.Dataset)
}

func createSegment(ctx context.Context, tx *sql.Tx, name string, g segment) error {
	if _, err := tx.ExecContext(ctx, "CREATE TABLE "+g.sql()+" ("+strings.Join(tableColumns(g.body), ", ")+")"); err != nil {
		return fmt.Errorf("create a segment of %s: %w", name, err)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO tidemark.segments VALUES (?, ?, ?, ?)`, name, g.id, g.version, g.table)
	return err
}

func (s *Store) defineAllEvents(ctx context.Context, tx *sql.Tx, also ...string) error {
	s.mu.RLock()
	names := slices.Clone(also)
	for n, d := range s.datasets {
		if !slices.Contains(also, n) && !d.attached {
			names = append(names, n)
		}
	}
	s.mu.RUnlock()
	slices.Sort(names)
	_, err := tx.ExecContext(ctx, allEventsSQL(names))
	return err
}

// deleteReplaced removes the rows of objects that are read anew; of one source
// only, if it is not "".
func (s *Store) deleteReplaced(ctx context.Context, tx *sql.Tx, name string, d *dataset, urls []string, source string) error {
	if len(urls) == 0 {
		return nil
	}
	if err := s.rowsGone(ctx, tx, name); err != nil {
		return err
	}
	only := func(column string) string {
		if source == "" {
			return ""
		}
		return " AND " + column + " = " + engine.QuoteText(source)
	}
	for _, url := range urls {
		for _, g := range d.allSegments() {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+g.sql()+" WHERE starts_with(_position, ?)"+only("_source"), url+"#"); err != nil {
				return fmt.Errorf("replace the rows of %s: %w", url, err)
			}
		}
		if _, err := tx.ExecContext(ctx, "UPDATE tidemark.objects SET state = 'replaced' WHERE dataset = ? AND url = ? AND state IN ('done', 'undecodable')"+only("source"), name, url); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM tidemark.tombstones WHERE dataset = ? AND url = ?"+only("source"), name, url); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM tidemark.conflicts WHERE dataset = ? AND object = ?"+only("source"), name, url); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM tidemark.late WHERE dataset = ? AND starts_with(position, ?)"+only("source"), name, url+"#"); err != nil {
			return err
		}
		for _, table := range []string{"quarantine", "discarded"} {
			if _, err := tx.ExecContext(ctx, "DELETE FROM tidemark."+table+" WHERE dataset = ? AND (position = ? OR starts_with(position, ?))"+only("source"), name, url, url+"#"); err != nil {
				return err
			}
		}
	}
	return nil
}

func recordVersion(ctx context.Context, tx *sql.Tx, v engine.SchemaVersion) error {
	changes := v.Changes
	if changes == nil {
		changes = []string{}
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO tidemark.schemas VALUES (?, ?, ?, ?, ?, ?, from_json(?::JSON, '["VARCHAR"]'), ?::JSON, ?::JSON, ?::JSON)`,
		v.Dataset, v.Version, v.Author, v.At, v.Major, v.Position, asJSON(changes), asJSON(v.Body), asJSON(v.Mapping), asJSON(v.Originals))
	return err
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only our own plain structs come here
	}
	return string(b)
}

// quarantineChunk bounds the parameters of one INSERT.
const quarantineChunk = 200

func insertQuarantine(ctx context.Context, tx *sql.Tx, b engine.Batch) error {
	for chunk := range slices.Chunk(b.Quarantine, quarantineChunk) {
		var values []string
		var args []any
		for _, q := range chunk {
			values = append(values, "(nextval('tidemark.quarantine_id'), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
			args = append(args, b.Dataset, q.Source, q.Position, q.Reason, null(q.Path), null(q.Want), null(q.Got), b.Ingest, max(q.Size, int64(len(q.Raw))), kept(q.Raw), null(q.Hash), null(q.Head))
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO tidemark.quarantine (id, dataset, source, position, reason, path, want, got, created_at, bytes, raw, hash, head) VALUES `+strings.Join(values, ", "), args...); err != nil {
			return fmt.Errorf("write to quarantine: %w", err)
		}
	}
	return nil
}

// kept is NULL for bytes that are not kept; the driver would write none.
func kept(raw []byte) any {
	if raw == nil {
		return nil
	}
	return raw
}

func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// countConflicts adds to the report what the batch's records have, object by
// object, so that what is read anew can be counted anew.
func countConflicts(ctx context.Context, tx *sql.Tx, b engine.Batch) error {
	for chunk := range slices.Chunk(b.Conflicts, quarantineChunk) {
		var values []string
		var args []any
		for _, c := range chunk {
			values = append(values, "(?, ?, ?, ?, ?, ?, ?::BIGINT, ?)")
			args = append(args, b.Dataset, c.Path, c.Want, c.Got, c.Source, c.Object, c.Count, c.Example)
		}
		if _, err := tx.ExecContext(ctx, `MERGE INTO tidemark.conflicts AS c USING (VALUES `+strings.Join(values, ", ")+`) AS n(dataset, path, want, got, source, object, count, example)
			ON c.dataset = n.dataset AND c.path = n.path AND c.want = n.want AND c.got = n.got AND c.source = n.source AND c.object = n.object
			WHEN MATCHED THEN UPDATE SET count = c.count + n.count
			WHEN NOT MATCHED THEN INSERT (dataset, path, want, got, source, count, example, object) VALUES (n.dataset, n.path, n.want, n.got, n.source, n.count, n.example, n.object)`, args...); err != nil {
			return fmt.Errorf("count conflicts: %w", err)
		}
	}
	return nil
}

// advanceLedger writes how far each object of the batch has been read.
func (s *Store) advanceLedger(ctx context.Context, tx *sql.Tx, b engine.Batch, done engine.Committed) error {
	version := 0
	if b.Schema != nil {
		version = b.Schema.Version
	} else if v, ok := s.Schema(b.Dataset); ok {
		version = v.Version
	}
	for chunk := range slices.Chunk(b.Objects, quarantineChunk) {
		var forget, keep, states []string
		var forgetArgs, keepArgs, stateArgs []any
		for _, o := range chunk {
			forget = append(forget, "(?, ?, ?)")
			forgetArgs = append(forgetArgs, b.Dataset, o.Source, o.Key)
			if !o.Done {
				keep = append(keep, "(?, ?, ?, ?, ?, ?, ?, ?, ?)")
				keepArgs = append(keepArgs, b.Dataset, o.Source, o.Key, o.Version(), o.Read, o.Stored, o.Quarantined, o.Dropped, b.Ingest)
				continue
			}
			state := "done"
			if o.Undecodable {
				state = "undecodable"
			}
			states = append(states, "("+strings.TrimSuffix(strings.Repeat("?, ", 19), ", ")+")")
			stateArgs = append(stateArgs, b.Dataset, o.Source, o.Key, o.URL, o.Version(), o.Size, moment(o.Modified), null(o.Format), state,
				o.Read, o.Stored, o.Quarantined, o.Dropped, o.Fetched, moment(o.MinTime), moment(o.MaxTime), version, o.Seconds, b.Ingest)
		}
		list := strings.Join(forget, ", ")
		if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.checkpoints WHERE (dataset, source, key) IN (`+list+`)`, forgetArgs...); err != nil {
			return fmt.Errorf("move checkpoints: %w", err)
		}
		if len(keep) > 0 {
			if _, err := tx.ExecContext(ctx, `INSERT INTO tidemark.checkpoints VALUES `+strings.Join(keep, ", "), keepArgs...); err != nil {
				return fmt.Errorf("move checkpoints: %w", err)
			}
		}
		if len(states) > 0 {
			if _, err := tx.ExecContext(ctx, `INSERT INTO tidemark.objects (`+objectColumns+`) VALUES `+strings.Join(states, ", "), stateArgs...); err != nil {
				return fmt.Errorf("write the ledger: %w", err)
			}
		}
	}
	return nil
}

// objectColumns are those of the ledger that a pull writes.
const objectColumns = `dataset, source, key, url, etag, size, modified, format, state, records, stored, quarantined, dropped,
	bytes_fetched, min_event_time, max_event_time, schema_version, seconds, pulled_at`

func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Model is a query whose rows are kept as a table.
type Model struct {
	Name, SQL string
	// Definition tells it from how it was before.
	Definition string
	// Inputs are the datasets whose records it reads, and Models the models.
	Inputs, Models []string
	// Partition is the event time of one part; 0 is all in one.
	Partition time.Duration
	// Last bounds how many of the newest parts are computed again; 0 is all.
	Last int
	// Retention is how long parts are kept, before the newest.
	Retention time.Duration
	// Within narrows the query to the records of a span of event time.
	Within func(query string, from, to time.Time) string
}

// ModelRun says what a run of a model did.
type ModelRun struct {
	// Parts are the beginnings of the parts that were computed; of a model in
	// one, there is none.
	Parts []time.Time
	// Left are parts whose records changed, and that are too old by Last.
	Left  int64
	Rows  int64 // of the table now
	Whole bool
	// Fresh says that nothing had changed.
	Fresh bool
}

// ModelState is what is known of a model's table.
type ModelState struct {
	Rows        int64
	Parts       int64
	RefreshedAt *time.Time
	Runs        int64
}

func (m Model) table() string { return "model." + engine.QuoteIdent(m.Name) }
func (m Model) view() string  { return "main." + engine.QuoteIdent(m.Name) }

// modelTimeout bounds the query of one part.
const modelTimeout = 10 * time.Minute

// RunModel brings a model up to what its inputs hold: the parts that rows were
// added to, or all of it when it is another, when rows were replaced, or when
// whole is asked for. People's SQL runs in the cage and writes files; they
// enter the table in one transaction, so that it is never half of a run.
func (s *Store) RunModel(ctx context.Context, m Model, dir string, whole bool) (ModelRun, error) {
	var out ModelRun
	if s.hasDataset(m.Name) {
		return out, engine.Errorf(engine.Conflict, "run model "+m.Name, "there is a dataset of that name").WithHint("rename models/%s.sql", m.Name)
	}
	since, has, err := s.modelSeen(ctx, m)
	if err != nil {
		return out, err
	}
	now, err := s.modelInputs(ctx, m)
	if err != nil {
		return out, err
	}
	out.Whole = whole || !has
	if !out.Whole && same(since, now) {
		out.Fresh = true
		return out, nil
	}
	for _, other := range m.Models {
		out.Whole = out.Whole || since[modelKey(other)] != now[modelKey(other)] // its parts are not ours
	}
	folder, err := os.MkdirTemp(dir, "model-*")
	if err != nil {
		return out, engine.Errorf(engine.Unavailable, "run model "+m.Name, "%w", err)
	}
	defer os.RemoveAll(folder)
	files, err := s.computeModel(ctx, m, folder, since, &out)
	if err != nil {
		return out, err
	}
	if err := s.keepModel(ctx, m, files, now, &out); err != nil {
		if !out.Whole && ctx.Err() == nil {
			// Its columns are others now, for those of its inputs are.
			return s.RunModel(ctx, m, dir, true)
		}
		return out, err
	}
	return out, nil
}

func same(a, b map[string]int64) bool {
	for k, v := range b {
		if a[k] != v {
			return false
		}
	}
	return len(a) == len(b)
}

func modelKey(name string) string { return "model:" + name }

// modelSeen is what the table was computed from; has is false where there is
// none, or one of another definition.
func (s *Store) modelSeen(ctx context.Context, m Model) (seen map[string]int64, has bool, err error) {
	seen = map[string]int64{}
	var definition string
	err = s.DB().QueryRowContext(ctx, `SELECT definition FROM tidemark.models WHERE name = ?`, m.Name).Scan(&definition)
	if errors.Is(err, sql.ErrNoRows) || err == nil && definition != m.Definition {
		return seen, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	rows, err := s.QueryContext(ctx, `SELECT unnest(map_keys(seen)), unnest(map_values(seen)) FROM tidemark.models WHERE name = ?`, m.Name)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	for rows.Next() {
		var k string
		var v int64
		if err := rows.Scan(&k, &v); err != nil {
			return nil, false, err
		}
		seen[k] = v
	}
	return seen, true, rows.Err()
}

// modelInputs is the newest row of each input, and how often each model that
// is one was computed.
func (s *Store) modelInputs(ctx context.Context, m Model) (map[string]int64, error) {
	now := map[string]int64{}
	for _, name := range m.Inputs {
		if s.Attached(name) {
			return nil, engine.Errorf(engine.Invalid, "run model "+m.Name, "the dataset %s is attached: nothing tells which of its records are new", name).WithHint("pull it instead of attaching it")
		}
		relation, err := s.Relation(name, []engine.Path{{"_seq"}})
		if err != nil {
			return nil, err
		}
		var newest int64
		if err := s.DB().QueryRowContext(ctx, `SELECT coalesce(max(_seq), -1) FROM `+relation).Scan(&newest); err != nil {
			return nil, err
		}
		now[name] = newest
	}
	for _, name := range m.Models {
		var runs int64
		if err := s.DB().QueryRowContext(ctx, `SELECT coalesce(max(runs), 0) FROM tidemark.models WHERE name = ?`, name).Scan(&runs); err != nil {
			return nil, err
		}
		now[modelKey(name)] = runs
	}
	return now, nil
}

// modelFile is what one part was computed to.
type modelFile struct {
	part time.Time // zero: all
	path string
}

// computeModel runs the query for each part that is to be computed.
func (s *Store) computeModel(ctx context.Context, m Model, dir string, since map[string]int64, out *ModelRun) ([]modelFile, error) {
	one := func(part time.Time, over func(string) string) (modelFile, error) {
		f := modelFile{part, filepath.Join(dir, fmt.Sprintf("%d.parquet", part.Unix()))}
		_, err := s.writeParquet(ctx, f.path, m.SQL, modelTimeout, nil, over)
		return f, err
	}
	if m.Partition == 0 {
		f, err := one(time.Time{}, nil)
		return []modelFile{f}, err
	}
	parts, err := s.touchedParts(ctx, m, since, out.Whole)
	if err != nil {
		return nil, err
	}
	if m.Last > 0 && !out.Whole && len(parts) > 0 {
		newest, err := s.newestPart(ctx, m, parts)
		if err != nil {
			return nil, err
		}
		oldest := newest.Add(-time.Duration(m.Last-1) * m.Partition)
		kept := slices.DeleteFunc(slices.Clone(parts), func(p time.Time) bool { return p.Before(oldest) })
		out.Left, parts = int64(len(parts)-len(kept)), kept
	}
	if m.Retention > 0 && len(parts) > 0 {
		parts = slices.DeleteFunc(parts, func(p time.Time) bool { return p.Before(parts[len(parts)-1].Add(-m.Retention)) })
	}
	var files []modelFile
	for _, p := range parts {
		f, err := one(p, func(query string) string { return m.Within(query, p, p.Add(m.Partition)) })
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	out.Parts = parts
	return files, nil
}

// touchedParts lists the parts that rows were added to, the oldest first.
func (s *Store) touchedParts(ctx context.Context, m Model, since map[string]int64, whole bool) ([]time.Time, error) {
	var from []string
	for _, name := range m.Inputs {
		relation, err := s.Relation(name, []engine.Path{{"event_time"}, {"_seq"}})
		if err != nil {
			return nil, err
		}
		newer := int64(-1)
		if !whole {
			newer = since[name]
		}
		r := rollup{size: m.Partition}
		from = append(from, fmt.Sprintf(`SELECT DISTINCT %s AS part FROM %s WHERE _seq > %d AND isfinite(event_time)`, r.start("event_time"), relation, newer))
	}
	if len(from) == 0 {
		return nil, engine.Errorf(engine.Invalid, "run model "+m.Name, "it has a partition, and reads no dataset").WithHint("leave partition out")
	}
	rows, err := s.QueryContext(ctx, `SELECT DISTINCT part FROM (`+strings.Join(from, " UNION ALL ")+`) ORDER BY part`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []time.Time
	for rows.Next() {
		var t time.Time
		if err := rows.Scan(&t); err != nil {
			return nil, err
		}
		out = append(out, t.UTC())
	}
	return out, rows.Err()
}

// newestPart is the newest of the table and of what was touched.
func (s *Store) newestPart(ctx context.Context, m Model, parts []time.Time) (time.Time, error) {
	newest := parts[len(parts)-1]
	var t sql.NullTime
	if err := s.DB().QueryRowContext(ctx, `SELECT max(_part) FROM `+m.table()).Scan(&t); err != nil {
		return newest, err
	}
	if t.Valid && t.Time.After(newest) {
		newest = t.Time.UTC()
	}
	return newest, nil
}

// keepModel makes the computed parts the table's.
func (s *Store) keepModel(ctx context.Context, m Model, files []modelFile, now map[string]int64, out *ModelRun) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		for _, f := range files {
			if err := m.keepPart(ctx, tx, f, out.Whole && f == files[0]); err != nil {
				return err
			}
		}
		if len(files) == 0 && out.Whole {
			return nil // there is nothing yet: its columns are not known
		}
		if m.Retention > 0 {
			if _, err := tx.ExecContext(ctx, fmt.Sprintf(`DELETE FROM %[1]s WHERE _part < (SELECT max(_part) FROM %[1]s) - to_microseconds(%[2]d)`, m.table(), m.Retention.Microseconds())); err != nil {
				return err
			}
		}
		if err := m.note(ctx, tx, now, s.opt.Clock.Now()); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, "SELECT count(*) FROM "+m.table()).Scan(&out.Rows)
	})
}

// keepPart replaces one part; anew makes the table, too.
func (m Model) keepPart(ctx context.Context, tx *sql.Tx, f modelFile, anew bool) error {
	part := "NULL::TIMESTAMPTZ"
	if !f.part.IsZero() {
		part = timestampSQL(f.part)
	}
	from := " SELECT " + part + " AS _part, * FROM read_parquet(" + engine.QuoteText(f.path) + ")"
	statements := []string{"DELETE FROM " + m.table() + " WHERE _part IS NOT DISTINCT FROM " + part, "INSERT INTO " + m.table() + " BY NAME" + from}
	if anew {
		statements = []string{
			"DROP VIEW IF EXISTS " + m.view(),
			"CREATE OR REPLACE TABLE " + m.table() + " AS" + from,
			"CREATE VIEW " + m.view() + " AS SELECT * EXCLUDE (_part) FROM " + m.table(),
		}
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("keep the rows of model %s: %w", m.Name, err)
		}
	}
	return nil
}

// note writes down what the table was computed from.
func (m Model) note(ctx context.Context, tx *sql.Tx, now map[string]int64, at time.Time) error {
	var keys, values, inputs []string
	for k, v := range now {
		keys, values = append(keys, engine.QuoteText(k)), append(values, fmt.Sprint(v))
	}
	for _, name := range m.Inputs {
		inputs = append(inputs, engine.QuoteText(name))
	}
	var runs int64
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(runs), 0) FROM tidemark.models WHERE name = ?`, m.Name).Scan(&runs); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.models WHERE name = ?`, m.Name); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf(`INSERT INTO tidemark.models VALUES (?, ?, [%s]::VARCHAR[], MAP([%s]::VARCHAR[], [%s]::BIGINT[]), ?, ?)`,
		strings.Join(inputs, ", "), strings.Join(keys, ", "), strings.Join(values, ", ")), m.Name, m.Definition, runs+1, at)
	return err
}

// ModelStates tells of the tables of models, by name.
func (s *Store) ModelStates(ctx context.Context) (map[string]ModelState, error) {
	out, err := s.modelRuns(ctx)
	if err != nil {
		return nil, err
	}
	for name, st := range out {
		if err := s.DB().QueryRowContext(ctx, "SELECT count(*), count(DISTINCT _part) FROM "+Model{Name: name}.table()).Scan(&st.Rows, &st.Parts); err != nil {
			return nil, err
		}
		out[name] = st
	}
	return out, nil
}

func (s *Store) modelRuns(ctx context.Context) (map[string]ModelState, error) {
	rows, err := s.QueryContext(ctx, `SELECT name, runs, refreshed_at FROM tidemark.models`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]ModelState{}
	for rows.Next() {
		var name string
		var st ModelState
		var at sql.NullTime
		if err := rows.Scan(&name, &st.Runs, &at); err != nil {
			return nil, err
		}
		st.RefreshedAt = instant(at)
		out[name] = st
	}
	return out, rows.Err()
}

// DropModel removes the table of a model.
func (s *Store) DropModel(ctx context.Context, name string) error {
	m := Model{Name: name}
	return s.inTx(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{"DROP VIEW IF EXISTS " + m.view(), "DROP TABLE IF EXISTS " + m.table(), `DELETE FROM tidemark.models WHERE name = ` + engine.QuoteText(name)} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// maxRollupFields bounds the numbers that a rollup keeps.
const maxRollupFields = 16

// rollup is one aggregate table of a dataset: a row for each window, service
// and level, with what can be merged into larger windows and nothing else.
// The parts lie in the schema rollup; people see them through a view.
type rollup struct {
	dataset string
	size    time.Duration
	fields  []field
}

// field is a number in body.
type field struct {
	name  string
	path  engine.Path
	plain engine.Type
}

// RollupName is the table of a dataset's windows of one size.
func RollupName(dataset string, size time.Duration) string {
	return dataset + "_" + engine.FormatDuration(size)
}

func (r rollup) name() string  { return RollupName(r.dataset, r.size) }
func (r rollup) table() string { return "rollup." + engine.QuoteIdent(r.name()) }
func (r rollup) view() string  { return "main." + engine.QuoteIdent(r.name()) }

// Refreshed says what a refresh of one rollup did.
type Refreshed struct {
	Table string
	// Windows are the starts of the windows that were computed anew; of a
	// rollup that was made from all rows, only their number.
	Windows []time.Time
	Count   int64
	Whole   bool
}

// Refresh brings the rollups of a dataset up to its rows, in one transaction:
// windows that rows were added to since the last time, or all of them when
// rows were replaced or the numbers in body are others. Sizes that are not
// asked for any more are dropped.
func (s *Store) Refresh(ctx context.Context, dataset string, sizes []time.Duration) (done []Refreshed, err error) {
	d, err := s.lookup(dataset)
	if err != nil || d.attached {
		return nil, err // attached files are read where they lie; nothing tells when they change
	}
	sizes = slices.Clone(sizes)
	slices.Sort(sizes)
	fields := rollupFields(engine.Dataset{Name: dataset, Body: d.version.Body})
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		done = nil
		if err := s.dropRollups(ctx, tx, dataset, sizes); err != nil {
			return err
		}
		newest, err := newestSeq(ctx, tx, d)
		if err != nil {
			return err
		}
		var finer *rollup
		for _, size := range sizes {
			r := rollup{dataset, size, fields}
			if s.hasDataset(r.name()) {
				continue // the name is that of a dataset, which goes first
			}
			if finer != nil && size%finer.size != 0 {
				finer = nil
			}
			one, err := s.refresh(ctx, tx, r, finer, newest)
			if err != nil {
				return fmt.Errorf("refresh %s: %w", r.name(), err)
			}
			done = append(done, one)
			finer = &r
		}
		return nil
	})
	return done, err
}

func (s *Store) hasDataset(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.datasets[name] != nil
}

// rollupFields are the numbers in body, the outer and the first ones.
func rollupFields(ds engine.Dataset) (out []field) {
	taken := []string{"time", "service", "level", "records", "late"}
	ds.Walk(func(p engine.Path, t engine.Type) {
		numeric := t.Kind == engine.BigInt || t.Kind == engine.HugeInt || t.Kind == engine.Double || t.Kind == engine.Decimal
		name := engine.Path(p[1:]).String()
		if numeric && len(out) < maxRollupFields && !slices.Contains(taken, strings.ToLower(name)) {
			taken = append(taken, strings.ToLower(name))
			out = append(out, field{name, p, t})
		}
	})
	return out
}

func newestSeq(ctx context.Context, tx *sql.Tx, d *dataset) (newest int64, err error) {
	for _, g := range d.segments {
		var n sql.NullInt64
		if err := tx.QueryRowContext(ctx, "SELECT max(_seq) FROM "+g.sql()).Scan(&n); err != nil {
			return 0, err
		}
		newest = max(newest, n.Int64)
	}
	return newest, nil
}

// dropped lists the sizes that a dataset has and need not keep.
func dropped(ctx context.Context, tx *sql.Tx, dataset string, keep []time.Duration) (gone []time.Duration, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT size FROM tidemark.rollups WHERE dataset = ?`, dataset)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var micros int64
		if err := rows.Scan(&micros); err != nil {
			return nil, err
		}
		if size := time.Duration(micros) * time.Microsecond; !slices.Contains(keep, size) {
			gone = append(gone, size)
		}
	}
	return gone, rows.Err()
}

// dropRollups removes tables that are not kept any more.
func (s *Store) dropRollups(ctx context.Context, tx *sql.Tx, dataset string, keep []time.Duration) error {
	gone, err := dropped(ctx, tx, dataset, keep)
	if err != nil {
		return err
	}
	for _, size := range gone {
		r := rollup{dataset: dataset, size: size}
		for _, statement := range []string{"DROP VIEW IF EXISTS " + r.view(), "DROP TABLE IF EXISTS " + r.table()} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.rollups WHERE dataset = ? AND size = ?`, dataset, size.Microseconds()); err != nil {
			return err
		}
	}
	return nil
}

// refresh computes one rollup: from the rows, or from a finer rollup, which is
// up to date by then.
func (s *Store) refresh(ctx context.Context, tx *sql.Tx, r rollup, finer *rollup, newest int64) (Refreshed, error) {
	out := Refreshed{Table: r.name()}
	base, err := r.plan()
	if err != nil {
		return out, err
	}
	query, err := base.Query("(SELECT * FROM touched_rows)", plan.Range{From: time.UnixMicro(0)})
	if err != nil {
		return out, err
	}
	since, begun, err := r.begin(ctx, tx, query)
	if err != nil {
		return out, err
	}
	out.Whole = !begun
	if begun && since == newest {
		return out, nil
	}
	relation, err := s.Relation(r.dataset, base.CellColumns())
	if err != nil {
		return out, err
	}
	if err := r.touch(ctx, tx, relation, since, &out); err != nil {
		return out, err
	}
	if out.Count > 0 {
		if err := r.compute(ctx, tx, base, relation, finer); err != nil {
			return out, err
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE tidemark.rollups SET seq = ?, updated_at = ? WHERE dataset = ? AND size = ?`,
		newest, s.opt.Clock.Now(), r.dataset, r.size.Microseconds())
	return out, err
}

// plan measures what a rollup keeps: averages, which are sums and counts, and
// extremes.
func (r rollup) plan() (*plan.Plan, error) {
	p := &plan.Plan{Dataset: r.dataset, Window: plan.Window{Size: r.size}}
	for _, name := range []string{"service", "level"} {
		k, err := plan.NewKey(name, engine.Path{name}, engine.Scalar(engine.Varchar))
		if err != nil {
			return nil, err
		}
		p.Keys = append(p.Keys, k)
	}
	for _, f := range r.fields {
		x, err := plan.NewColumn(f.path, f.plain)
		if err != nil {
			return nil, err
		}
		for _, of := range []plan.AggregateFunc{plan.Avg, plan.Min, plan.Max} {
			a, err := plan.NewAggregate(of, []plan.Expr{x})
			if err != nil {
				return nil, err
			}
			p.AddAggregate(a)
		}
	}
	return p, nil
}

// begin makes the tables, unless they are there and hold the same. since is
// the newest row that they count.
func (r rollup) begin(ctx context.Context, tx *sql.Tx, query string) (since int64, begun bool, err error) {
	var definition string
	err = tx.QueryRowContext(ctx, `SELECT seq, definition FROM tidemark.rollups WHERE dataset = ? AND size = ?`, r.dataset, r.size.Microseconds()).Scan(&since, &definition)
	if err == nil && definition == query {
		return since, true, nil
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, false, err
	}
	for _, statement := range r.create() {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return 0, false, err
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.rollups WHERE dataset = ? AND size = ?`, r.dataset, r.size.Microseconds()); err != nil {
		return 0, false, err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO tidemark.rollups VALUES (?, ?, ?, 0, ?, NULL)`, r.dataset, r.size.Microseconds(), r.name(), query)
	return 0, false, err
}

// create makes the table of parts and the view of it.
func (r rollup) create() []string {
	columns := []string{"time TIMESTAMPTZ", "service VARCHAR", "level VARCHAR", "records BIGINT", "late BIGINT"}
	shown := []string{"time", "service", "level", "records", "late"}
	for i, f := range r.fields {
		name := func(part string) string { return fmt.Sprintf("f%d_%s", i, part) }
		kind := "DOUBLE"
		if f.plain.Kind == engine.BigInt || f.plain.Kind == engine.HugeInt {
			kind = f.plain.DuckDB()
		}
		columns = append(columns, name("sum")+" HUGEINT", name("count")+" BIGINT")
		sum := name("sum")
		if kind == "DOUBLE" {
			sum = "CAST(" + sum + " AS DOUBLE) / 1e6"
		}
		if kind != "BIGINT" {
			columns = append(columns, name("over")+" BIGINT")
			sum = "CASE WHEN " + name("over") + " = 0 THEN " + sum + " END"
		}
		columns = append(columns, name("min")+" "+kind, name("max")+" "+kind)
		shown = append(shown, "{'count': "+name("count")+", 'sum': "+sum+", 'min': "+name("min")+", 'max': "+name("max")+"} AS "+engine.QuoteIdent(f.name))
	}
	return []string{
		"DROP VIEW IF EXISTS " + r.view(),
		"CREATE OR REPLACE TABLE " + r.table() + " (" + strings.Join(columns, ", ") + ")",
		"CREATE VIEW " + r.view() + " AS SELECT " + strings.Join(shown, ", ") + " FROM " + r.table(),
	}
}

// start is the beginning of the window of an instant, as SQL.
func (r rollup) start(at string) string {
	n := r.size.Microseconds()
	return fmt.Sprintf("make_timestamptz(epoch_us(%[1]s) - (epoch_us(%[1]s) %% %[2]d + %[2]d) %% %[2]d)", at, n)
}

// touch finds the windows that rows were added to.
func (r rollup) touch(ctx context.Context, tx *sql.Tx, relation string, since int64, out *Refreshed) error {
	query := fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE touched AS SELECT DISTINCT %s AS t FROM %s AS r WHERE _seq > %d AND isfinite(event_time)`, r.start("event_time"), relation, since)
	if _, err := tx.ExecContext(ctx, query); err != nil {
		return err
	}
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM temp.touched`).Scan(&out.Count); err != nil || out.Whole {
		return err
	}
	rows, err := tx.QueryContext(ctx, `SELECT t FROM temp.touched ORDER BY t`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var t time.Time
		if err := rows.Scan(&t); err != nil {
			return err
		}
		out.Windows = append(out.Windows, t.UTC())
	}
	return rows.Err()
}

// compute replaces the touched windows.
func (r rollup) compute(ctx context.Context, tx *sql.Tx, base *plan.Plan, relation string, finer *rollup) error {
	// The bounds keep most of a large table unread.
	var first, last time.Time
	if err := tx.QueryRowContext(ctx, `SELECT min(t), max(t) FROM temp.touched`).Scan(&first, &last); err != nil {
		return err
	}
	first, last = first.UTC(), last.UTC().Add(r.size)
	var from string
	if finer != nil {
		from = r.merged(*finer, first, last)
	} else {
		query, err := base.Query("(SELECT * FROM "+relation+" WHERE "+r.start("event_time")+" IN (SELECT t FROM temp.touched))", plan.Range{From: first, To: last})
		if err != nil {
			return err
		}
		from = fmt.Sprintf(`SELECT make_timestamptz(%d + "#window" * %d), * EXCLUDE ("#window") FROM (%s)`, first.UnixMicro(), r.size.Microseconds(), query)
	}
	for _, statement := range []string{
		"DELETE FROM " + r.table() + " WHERE time IN (SELECT t FROM temp.touched)",
		"INSERT INTO " + r.table() + " " + from,
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// merged adds up windows of a finer rollup.
func (r rollup) merged(f rollup, first, last time.Time) string {
	columns := []string{r.start("time") + " AS w", "service", "level", "sum(records)::BIGINT", "sum(late)::BIGINT"}
	for i, x := range f.fields {
		name := func(part string) string { return fmt.Sprintf("f%d_%s", i, part) }
		columns = append(columns, "sum("+name("sum")+")", "sum("+name("count")+")::BIGINT")
		if x.plain.Kind != engine.BigInt {
			columns = append(columns, "sum("+name("over")+")::BIGINT")
		}
		columns = append(columns, "min("+name("min")+")", "max("+name("max")+")")
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM " + f.table() + " WHERE time >= " + timestampSQL(first) + " AND time < " + timestampSQL(last) +
		" AND " + r.start("time") + " IN (SELECT t FROM temp.touched) GROUP BY w, service, level"
}

// staleRollups lets the next refresh of a dataset, and of the models that read
// it, compute everything: rows that were counted were changed.
func staleRollups(ctx context.Context, tx *sql.Tx, dataset string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE tidemark.rollups SET definition = '' WHERE dataset = ?`, dataset); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE tidemark.models SET definition = '' WHERE list_contains(inputs, ?)`, dataset)
	return err
}

// stale is staleRollups in a transaction of its own, before rows change.
func (s *Store) stale(ctx context.Context, dataset string) error {
	return s.inTx(ctx, func(tx *sql.Tx) error { return staleRollups(ctx, tx, dataset) })
}

// Rollups lists the rollup tables of a dataset, the finest first.
func (s *Store) Rollups(ctx context.Context, dataset string) ([]string, error) {
	rows, err := s.QueryContext(ctx, `SELECT name FROM tidemark.rollups WHERE dataset = ? ORDER BY size`, dataset)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []string{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		out = append(out, name)
	}
	return out, rows.Err()
}

package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// added is what rows after a _seq come to, in windows of the finest rollup
// that wants them: the temporary tables parts, buckets and seen. The rollups
// of a dataset share it.
type added struct {
	store  *Store
	newest int64
	since  int64
	unit   time.Duration // 0: nothing is gathered yet
}

// gather computes what was added, unless a finer rollup wanted the same.
func (a *added) gather(ctx context.Context, tx *sql.Tx, r rollup, base *plan.Plan, since int64) error {
	if a.unit != 0 && a.since == since && r.size%a.unit == 0 {
		return nil
	}
	a.unit, a.since = r.size, since
	paths := base.CellColumns()
	for _, f := range r.fields {
		if !slices.ContainsFunc(paths, func(p engine.Path) bool { return slices.Equal(p, f.path) }) {
			paths = append(paths, f.path)
		}
	}
	relation, err := a.store.Relation(r.dataset, paths)
	if err != nil {
		return err
	}
	rows := fmt.Sprintf("(SELECT * FROM %s WHERE _seq > %d AND isfinite(event_time))", relation, since)
	statements, err := r.gatherSQL(ctx, tx, base, rows)
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (r rollup) gatherSQL(ctx context.Context, tx *sql.Tx, base *plan.Plan, rows string) ([]string, error) {
	// The span keeps most of a large table unread.
	var first, last sql.NullInt64
	if err := tx.QueryRowContext(ctx, "SELECT epoch_us(min(event_time)), epoch_us(max(event_time)) FROM "+rows).Scan(&first, &last); err != nil {
		return nil, err
	}
	from, to := r.window(first.Int64), r.window(last.Int64).Add(r.size)
	query, err := base.Query(rows, plan.Range{From: from, To: to})
	if err != nil {
		return nil, err
	}
	names := []string{"w", "service", "level"}
	for _, c := range r.plain() {
		names = append(names, c.name)
	}
	out := []string{fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE parts AS SELECT make_timestamptz(%d + w * %d) AS time, * EXCLUDE (w) FROM (%s) AS p(%s)`,
		from.UnixMicro(), r.size.Microseconds(), query, strings.Join(names, ", "))}
	buckets, err := r.bucketsSQL(rows)
	if err != nil {
		return nil, err
	}
	for _, sketch := range []struct{ table, query string }{{"buckets", buckets}, {"seen", r.seenSQL(rows)}} {
		if sketch.query != "" {
			out = append(out, "CREATE OR REPLACE TEMP TABLE "+sketch.table+" AS "+sketch.query)
		}
	}
	return out, nil
}

// window is the beginning of the window of an instant, in microseconds since
// 1970.
func (r rollup) window(micros int64) time.Time {
	n := r.size.Microseconds()
	return time.UnixMicro(micros - (micros%n+n)%n).UTC()
}

// start is window as SQL.
func (r rollup) start(at string) string {
	n := r.size.Microseconds()
	return fmt.Sprintf("make_timestamptz(epoch_us(%[1]s) - (epoch_us(%[1]s) %% %[2]d + %[2]d) %% %[2]d)", at, n)
}

// touch finds the windows of the rollup that something is added to.
func (r rollup) touch(ctx context.Context, tx *sql.Tx, out *Refreshed) error {
	if out.Whole {
		return tx.QueryRowContext(ctx, "SELECT count(DISTINCT "+r.start("time")+") FROM temp.parts").Scan(&out.Count)
	}
	rows, err := tx.QueryContext(ctx, "SELECT DISTINCT "+r.start("time")+" AS time FROM temp.parts ORDER BY time")
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
	out.Count = int64(len(out.Windows))
	return rows.Err()
}

// merge replaces the touched rows by what they and the added parts come to. They
// are found by their keys first, and read by where they lie: of a join on keys
// the database reads all columns of all windows.
func (r rollup) merge(ctx context.Context, tx *sql.Tx, windows []time.Time) error {
	within := "true"
	if n := len(windows); n > 0 {
		within = fmt.Sprintf("time >= make_timestamptz(%d) AND time <= make_timestamptz(%d)", windows[0].UnixMicro(), windows[n-1].UnixMicro())
	}
	for _, statement := range []string{
		"CREATE OR REPLACE TEMP TABLE ids AS SELECT o.rowid AS id FROM " + r.table() + " AS o WHERE " + within +
			" AND EXISTS (SELECT 1 FROM (SELECT " + r.start("time") + " AS time, service, level FROM temp.parts) AS k WHERE " + sameRow("k", "o") + ")",
		"CREATE OR REPLACE TEMP TABLE held AS SELECT o.* FROM " + r.table() + " AS o WHERE " + within + " AND rowid IN (SELECT id FROM temp.ids)",
		"DELETE FROM " + r.table() + " WHERE rowid IN (SELECT id FROM temp.ids)",
		"INSERT INTO " + r.table() + " BY NAME " + r.merged(),
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// sameRow compares the window and the keys of two rows.
func sameRow(a, b string) string {
	same := []string{a + ".time = " + b + ".time"}
	for _, k := range rollupKeys {
		same = append(same, a+"."+k+" IS NOT DISTINCT FROM "+b+"."+k)
	}
	return strings.Join(same, " AND ")
}

// merged adds up what is held and what is added.
func (r rollup) merged() string {
	var names, merged []string
	for _, c := range r.plain() {
		names, merged = append(names, c.name), append(merged, c.merged+" AS "+c.name)
	}
	list := strings.Join(names, ", ")
	sum := "SELECT time, service, level, " + strings.Join(merged, ", ") + " FROM (SELECT time, service, level, " + list + " FROM temp.held UNION ALL SELECT " +
		r.start("time") + ", service, level, " + list + " FROM temp.parts) GROUP BY time, service, level"
	from, columns := "("+sum+") AS m", []string{"m.*"}
	for i, sketch := range []string{r.mergedBuckets(), r.mergedSeen()} {
		if sketch == "" {
			continue
		}
		alias := fmt.Sprintf("s%d", i)
		from += " LEFT JOIN (" + sketch + ") AS " + alias + " ON " + sameRow("m", alias)
		columns = append(columns, alias+".* EXCLUDE (time, service, level)")
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM " + from
}

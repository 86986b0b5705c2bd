package rule

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

const slowest = `rule: slowest
dataset: app_logs
window: {tumbling: 1m}
measures: {slowest: "max(body.duration_ms)", total: "sum(body.duration_ms)"}
when: slowest > 1
`

// TestFacts: late records and values that are no finite numbers are found
// wherever they lie, in row groups of their own, changed, or not yet committed,
// and those that were taken away are at worst still believed to be there.
func TestFacts(t *testing.T) {
	db := database(t)
	createTable(t, db, shop)
	r, err := Compile(decodeSpec(t, "slowest.yaml", slowest), shop)
	if err != nil {
		t.Fatal(err)
	}
	relation, err := catalog{shop}.Relation("app_logs", r.Plan.Columns())
	if err != nil {
		t.Fatal(err)
	}
	insert := func(n int, value, late string) {
		exec(t, db, fmt.Sprintf("INSERT INTO app_logs (event_time, service, _seq, _late, body) SELECT to_timestamp(i), 'a', i, %s, {'duration_ms': %s} FROM range(%d) t(i)", late, value, n))
	}
	values := []string{"1.5", "NULL", "1e308", "-1e308", "'nan'::DOUBLE", "'inf'::DOUBLE", "'-inf'::DOUBLE"}
	seen := map[plan.Facts]int{}
	rapid.Check(t, func(rt *rapid.T) {
		exec(t, db, "TRUNCATE app_logs")
		for range rapid.IntRange(0, 4).Draw(rt, "parts") {
			value := rapid.SampledFrom(values).Draw(rt, "value")
			if rapid.Bool().Draw(rt, "one of many") {
				value = fmt.Sprintf("CASE WHEN i = %d THEN %s ELSE i END", rapid.IntRange(0, 2999).Draw(rt, "which"), value)
			}
			insert(3000, value, fmt.Sprint(rapid.IntRange(0, 5).Draw(rt, "late") == 0))
			if rapid.Bool().Draw(rt, "to disk") {
				exec(t, db, "CHECKPOINT")
			}
		}
		if rapid.Bool().Draw(rt, "changed") {
			exec(t, db, "UPDATE app_logs SET body = {'duration_ms': "+rapid.SampledFrom(values).Draw(rt, "to")+"} WHERE _seq = 7")
		}
		got, err := r.Plan.FactsOf(t.Context(), db, relation)
		if err != nil {
			rt.Fatal(err)
		}
		var want plan.Facts
		row := db.QueryRow("SELECT NOT coalesce(bool_or(_late), false), NOT coalesce(bool_or(NOT isfinite(body.duration_ms)), false) FROM app_logs")
		if err := row.Scan(&want.NoneLate, &want.Finite); err != nil {
			rt.Fatal(err)
		}
		if !want.Cover(got) {
			rt.Fatalf("found %+v, it is %+v", got, want)
		}
		seen[got]++
	})
	if len(seen) < 4 {
		t.Fatalf("not all was drawn: %v", seen)
	}
}

// meddler is a database in which a record comes while windows are computed.
type meddler struct {
	byColumn
	come func()
}

func (m *meddler) QueryColumns(ctx context.Context, query string, take func([]engine.Column, int) error) (bool, error) {
	if come := m.come; come != nil {
		m.come = nil
		come()
	}
	return m.byColumn.QueryColumns(ctx, query, take)
}

// A record that comes while the statement runs and is not as all were before is
// seen as it is.
func TestFactsThatNoLongerHold(t *testing.T) {
	for name, come := range map[string]string{
		"late":     "(to_timestamp(70), 'a', 2, true, {'duration_ms': 2})",
		"infinite": "(to_timestamp(70), 'a', 2, false, {'duration_ms': 'inf'::DOUBLE})",
	} {
		t.Run(name, func(t *testing.T) {
			db := database(t)
			createTable(t, db, shop)
			const insert = "INSERT INTO app_logs (event_time, service, _seq, _late, body) VALUES "
			exec(t, db, insert+"(to_timestamp(60), 'a', 1, false, {'duration_ms': 3}), (to_timestamp(130), 'a', 3, false, {'duration_ms': 3})")
			r, err := Compile(decodeSpec(t, "slowest.yaml", slowest), shop)
			if err != nil {
				t.Fatal(err)
			}
			ask := func(q engine.Querier) string {
				report, series, err := BacktestSeries(t.Context(), q, catalog{shop}, r, BacktestOptions{Datapoints: true})
				if err != nil {
					t.Fatal(err)
				}
				return fmt.Sprintln(report.Records, report.Late, series.Windows()) + reported(report)
			}
			q := &meddler{byColumn{db}, func() { exec(t, db, insert+come) }}
			got := ask(q)
			if want := ask(bare{db}); got != want || q.come != nil {
				t.Fatalf("while it came:\n%s\nafterwards:\n%s", got, want)
			}
		})
	}
}

// bare hands out rows alone.
type bare struct{ *sql.DB }

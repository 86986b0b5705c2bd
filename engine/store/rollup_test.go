package store_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/store"
)

var rollupBody = engine.StructOf(
	engine.Field{Name: "n", Type: engine.Scalar(engine.BigInt)},
	engine.Field{Name: "x", Type: engine.Scalar(engine.Double)},
)

// rollupLine is one row as the conformer writes it.
func rollupLine(seq, second int64, service string, n int64, x string) string {
	return fmt.Sprintf(`{"_o":0,"_r":%d,"_seq":%d,"_t":%d,"service":%q,"level":"INFO","body":{"n":%d,"x":%s}}`, seq, seq, second*1e6, service, n, x)
}

func commitRollupLines(t testing.TB, s *desk, lines []string, first bool, late time.Time) {
	t.Helper()
	path := filepath.Join(s.dir, "staging", "lines.ndjson")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := engine.Batch{
		Dataset: "logs", Lines: path, Longest: 200, Rows: int64(len(lines)), Ingest: time.Now().UTC(), LateBefore: late,
		Origins: []engine.Origin{{Source: "f", URL: "u", Arrival: time.Unix(0, 0)}},
	}
	if first {
		b.Schema = &engine.SchemaVersion{Dataset: "logs", Version: 1, Author: "inference", At: b.Ingest, Body: rollupBody}
	}
	if _, err := s.Commit(context.Background(), b); err != nil {
		t.Fatal(err)
	}
}

var cascade = []time.Duration{time.Minute, 10 * time.Minute, time.Hour, 24 * time.Hour}

func refresh(t testing.TB, s *desk) []store.Refreshed {
	t.Helper()
	done, err := s.Refresh(context.Background(), "logs", store.Kept{Sizes: cascade})
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// A late row refreshes its own windows and no others.
func TestRefreshTouchesWhatChanged(t *testing.T) {
	s := newDesk(t)
	commitRollupLines(t, s, []string{rollupLine(1, 0, "a", 1, "0.5"), rollupLine(2, 61, "a", 2, "1.5"), rollupLine(3, 7200, "b", 3, "null")}, true, time.Time{})
	for i, r := range refresh(t, s) {
		if want := []int64{3, 2, 2, 1}[i]; !r.Whole || r.Count != want {
			t.Errorf("first %s: %+v, want %d windows", r.Table, r, want)
		}
	}
	for _, r := range refresh(t, s) {
		if r.Whole || r.Count != 0 || len(r.Windows) != 0 {
			t.Errorf("nothing changed, but %+v", r)
		}
	}
	commitRollupLines(t, s, []string{rollupLine(4, 62, "a", 40, "2.5")}, false, time.Unix(300, 0))
	want := [][]time.Time{{time.Unix(60, 0).UTC()}, {time.Unix(0, 0).UTC()}, {time.Unix(0, 0).UTC()}, {time.Unix(0, 0).UTC()}}
	for i, r := range refresh(t, s) {
		if r.Whole || !reflect.DeepEqual(r.Windows, want[i]) {
			t.Errorf("%s: touched %v, want %v", r.Table, r.Windows, want[i])
		}
	}
	var got string
	row := s.DB().QueryRow(`SELECT string_agg(format('{} {} {} {} {} {} {} {}', epoch(time)::INT, service, level, records, late, n.sum, n.max, coalesce(x.sum::VARCHAR, 'NULL')), '; ' ORDER BY time) FROM main.logs_1m`)
	if err := row.Scan(&got); err != nil {
		t.Fatal(err)
	}
	if want := "0 a INFO 1 0 1 1 0.5; 60 a INFO 2 1 42 40 4.0; 7200 b INFO 1 0 3 3 NULL"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	var late string
	row = s.DB().QueryRow(`SELECT format('{} {} {} {}', dataset, epoch(event_time)::INT, seconds_late, seq) FROM tidemark.late`)
	if err := row.Scan(&late); err != nil || late != "logs 62 238.0 4" {
		t.Errorf("late: %s %v", late, err)
	}
}

// However rows come and whenever rollups are refreshed, each is what one query
// over all rows gives.
func TestRollupsEqualTheRows(t *testing.T) {
	s := newDesk(t)
	runs := 0
	rapid.Check(t, func(r *rapid.T) {
		if runs++; runs > 30 { // each takes a third of a second
			return
		}
		if _, has := s.Schema("logs"); has {
			if err := s.Drop(context.Background(), "logs"); err != nil {
				r.Fatal(err)
			}
		}
		seq := int64(0)
		for batch := range rapid.IntRange(1, 4).Draw(r, "batches") {
			var lines []string
			for range rapid.IntRange(1, 12).Draw(r, "rows") {
				seq++
				x := rapid.SampledFrom([]string{"null", "0.1", "0.2", "-1e9", "123456.789", "1e30"}).Draw(r, "x")
				lines = append(lines, rollupLine(seq, rapid.Int64Range(-4000, 9000).Draw(r, "at"), rapid.SampledFrom([]string{"a", "b"}).Draw(r, "service"), rapid.Int64Range(-9, 9).Draw(r, "n"), x))
			}
			commitRollupLines(t, s, lines, batch == 0, time.Time{})
			if rapid.Bool().Draw(r, "refresh") {
				refresh(t, s)
			}
		}
		refresh(t, s)
		for _, size := range cascade {
			rollup := "SELECT time, service, level, records, n.count AS nc, n.sum AS ns, n.min AS nl, n.max AS nh, x.count AS xc, x.sum AS xs, x.min AS xl, x.max AS xh FROM main." + store.RollupName("logs", size)
			n := size.Microseconds()
			rows := fmt.Sprintf(`SELECT make_timestamptz((epoch_us(event_time) - (epoch_us(event_time) %% %[1]d + %[1]d) %% %[1]d)) AS time, service, level, count(*) AS records,
				count(body.n) AS nc, sum(body.n) AS ns, min(body.n) AS nl, max(body.n) AS nh, count(body.x) FILTER (WHERE abs(body.x) < 1e24) AS xc,
				CASE WHEN count(*) FILTER (WHERE abs(body.x) >= 1e24) = 0 THEN CAST(sum(TRY_CAST(round(body.x * 1e6) AS HUGEINT)) AS DOUBLE) / 1e6 END AS xs, min(body.x) AS xl, max(body.x) AS xh
				FROM main.logs GROUP BY 1, 2, 3`, n)
			var differ int
			query := fmt.Sprintf("SELECT count(*) FROM ((%[1]s EXCEPT ALL %[2]s) UNION ALL (%[2]s EXCEPT ALL %[1]s))", "("+rollup+")", "("+rows+")")
			if err := s.DB().QueryRow(query).Scan(&differ); err != nil {
				r.Fatal(err)
			}
			if differ != 0 {
				r.Fatalf("%d rows of %s differ", differ, store.RollupName("logs", size))
			}
		}
	})
}

var sketched = store.Kept{Sizes: cascade, Quantiles: []engine.Path{{"body", "x"}, {"n"}}, Distinct: []engine.Path{{"body", "n"}, {"service"}, {"not there"}}}

// Quantiles of a rollup are those of its rows' buckets and counts of different
// values those of the rows, in whatever batches the rows came.
func TestSketchesEqualTheRows(t *testing.T) {
	s := newDesk(t)
	runs := 0
	rapid.Check(t, func(r *rapid.T) {
		if runs++; runs > 20 { // each takes a third of a second
			return
		}
		if _, has := s.Schema("logs"); has {
			if err := s.Drop(context.Background(), "logs"); err != nil {
				r.Fatal(err)
			}
		}
		seq := int64(0)
		for batch := range rapid.IntRange(1, 4).Draw(r, "batches") {
			var lines []string
			for range rapid.IntRange(1, 30).Draw(r, "rows") {
				seq++
				x := rapid.SampledFrom([]string{"null", "0", "0.1", "-3.5", "77", "78", "1e30"}).Draw(r, "x")
				lines = append(lines, rollupLine(seq, rapid.Int64Range(-100, 1000).Draw(r, "at"), rapid.SampledFrom([]string{"a", "b"}).Draw(r, "service"), rapid.Int64Range(-9, 9).Draw(r, "n"), x))
			}
			commitRollupLines(t, s, lines, batch == 0, time.Time{})
			if rapid.Bool().Draw(r, "refresh") {
				if _, err := s.Refresh(context.Background(), "logs", sketched); err != nil {
					r.Fatal(err)
				}
			}
		}
		if _, err := s.Refresh(context.Background(), "logs", sketched); err != nil {
			r.Fatal(err)
		}
		for _, size := range cascade {
			rollup := "SELECT time, service, level, x.p50 AS a, x.p95 AS b, x.p99 AS c, n.p50 AS d, n.p95 AS e, n.p99 AS f, n.distinct AS g, n.distinct_error AS h FROM main." + store.RollupName("logs", size)
			var columns []string
			for _, f := range []string{"x", "n"} {
				p, err := plan.NewColumn(engine.Path{"body", f}, engine.Scalar(engine.Double))
				if err != nil {
					r.Fatal(err)
				}
				bucket, err := plan.BucketSQL(p)
				if err != nil {
					r.Fatal(err)
				}
				for _, q := range []string{"0.5", "0.95", "0.99"} {
					columns = append(columns, plan.BucketValueSQL("(quantile_disc("+bucket+", "+q+"))"))
				}
			}
			n := size.Microseconds()
			rows := fmt.Sprintf(`SELECT make_timestamptz((epoch_us(event_time) - (epoch_us(event_time) %% %[1]d + %[1]d) %% %[1]d)) AS time, service, level, %[2]s, count(DISTINCT "body.n"), 0::DOUBLE
				FROM (SELECT *, body.x::DOUBLE AS "body.x", body.n::DOUBLE AS "body.n" FROM main.logs) AS r GROUP BY 1, 2, 3`, n, strings.Join(columns, ", "))
			var differ int
			query := fmt.Sprintf("SELECT count(*) FROM ((%[1]s EXCEPT ALL %[2]s) UNION ALL (%[2]s EXCEPT ALL %[1]s))", "("+rollup+")", "("+rows+")")
			if err := s.DB().QueryRow(query).Scan(&differ); err != nil {
				r.Fatal(err)
			}
			if differ != 0 {
				r.Fatalf("%d rows of %s differ", differ, store.RollupName("logs", size))
			}
		}
	})
}

// Counts of more different values than are kept by themselves are within five
// standard errors, which the table states, and the same in any order.
func TestDistinctBeyondExact(t *testing.T) {
	for _, values := range []int64{512, 513, 1500, 6000, 30000} {
		var states []string
		for _, batches := range []int64{1, 7} {
			s := newDesk(t)
			for b := range batches {
				var lines []string
				for v := range values {
					if v%batches == b || v%11 == 0 {
						lines = append(lines, rollupLine(b*values+v+1, v%3, "a", 7*v, "null"))
					}
				}
				commitRollupLines(t, s, lines, b == 0, time.Time{})
				if _, err := s.Refresh(context.Background(), "logs", store.Kept{Sizes: cascade, Distinct: []engine.Path{{"n"}}}); err != nil {
					t.Fatal(err)
				}
			}
			var got int64
			var stated float64
			var state string
			if err := s.DB().QueryRow(`SELECT n.distinct, n.distinct_error, (SELECT f0_seen::VARCHAR FROM rollup.logs_1d) FROM main.logs_1d`).Scan(&got, &stated, &state); err != nil {
				t.Fatal(err)
			}
			if (values <= 512) != (stated == 0) || math.Abs(float64(got-values)) > 5*stated*float64(values) {
				t.Errorf("%d values are counted as %d ± %g", values, got, stated)
			}
			t.Logf("%d values: %d ± %g", values, got, stated)
			states = append(states, state)
		}
		if states[0] != states[1] {
			t.Errorf("%d values in two orders leave two states", values)
		}
	}
}

// What is archived leaves the rollups in the same transaction: the windows of
// its day go, and only those are computed anew that are longer, or of a day
// that rows were added to meanwhile.
func TestArchivedDaysLeaveRollups(t *testing.T) {
	const day = 24 * 60 * 60
	s := newDesk(t)
	refresh := func() (whole []bool) {
		t.Helper()
		done, err := s.Refresh(t.Context(), "logs", store.Kept{Sizes: []time.Duration{time.Hour, 24 * time.Hour, 48 * time.Hour}})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range done {
			whole = append(whole, r.Whole)
		}
		return whole
	}
	archive := func(meanwhile func()) {
		t.Helper()
		parts, err := s.ArchiveDays(t.Context(), "logs", time.Unix(2*day, 0))
		if err != nil || len(parts) == 0 {
			t.Fatal(parts, err)
		}
		meanwhile()
		if err := s.FinishArchive(t.Context(), parts[0], "elsewhere"); err != nil {
			t.Fatal(err)
		}
	}
	hours := `SELECT format('{} {}', epoch(time)::INT, records) FROM logs_1h ORDER BY time`
	commitRollupLines(t, s, []string{rollupLine(1, 0, "a", 1, "1"), rollupLine(2, 3600, "a", 1, "1"), rollupLine(3, day, "a", 1, "1"), rollupLine(4, 2*day, "a", 1, "1")}, true, time.Time{})
	refresh()
	archive(func() {})
	s.want(hours, fmt.Sprintf("%d 1", day), fmt.Sprintf("%d 1", 2*day))
	if got := fmt.Sprint(refresh()); got != "[false false true]" {
		t.Errorf("computed anew: %s, want those of two days alone", got)
	}
	s.want(`SELECT format('{} {}', epoch(time)::INT, records) FROM logs_2d ORDER BY time`, "0 1", fmt.Sprintf("%d 1", 2*day))
	archive(func() {
		commitRollupLines(t, s, []string{rollupLine(5, day+7200, "a", 1, "1")}, false, time.Time{})
	})
	if got := fmt.Sprint(refresh()); got != "[true true true]" {
		t.Errorf("computed anew: %s, want all: a row came meanwhile", got)
	}
	s.want(hours, fmt.Sprintf("%d 1", day+7200), fmt.Sprintf("%d 1", 2*day))
}

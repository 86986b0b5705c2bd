package rule

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
)

// BenchmarkBacktest runs a rule over two million records and compares with
// the GROUP BY that a person would write for the same numbers; it reports the
// ratio of the fastest runs.
func BenchmarkBacktest(b *testing.B) {
	db := database(b)
	ds := engine.Dataset{Name: "bench", Body: engine.StructOf(
		engine.Field{Name: "duration_ms", Type: engine.Scalar(engine.Double)},
		engine.Field{Name: "status", Type: engine.Scalar(engine.BigInt)})}
	createTable(b, db, ds)
	exec(b, db, `INSERT INTO bench (event_time, service, level, body, _seq, _late)
		SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_microseconds(i * 250000), 'service-' || (i % 5),
			CASE WHEN hash(i) % 20 = 0 THEN 'ERROR' ELSE 'INFO' END,
			{'duration_ms': (hash(i * 7) % 3000)::DOUBLE / 7, 'status': (hash(i) % 500)::BIGINT}, i, false
		FROM range(2000000) r(i)`)
	for _, c := range []struct{ name, measures, bare string }{
		{"counts", "", ""},
		{"averages", "  mean: avg(duration_ms)\n  slowest: max(duration_ms)\n", `, avg(body.duration_ms), max(body.duration_ms)`},
		{"quantile", "  p95: quantile(duration_ms, 0.95)\n", `, quantile_cont(body.duration_ms, 0.95)`},
	} {
		b.Run(c.name, func(b *testing.B) {
			r, err := Compile(decodeSpec(b, "bench.yaml", `
rule: bench
dataset: bench
where: service != "probe"
group_by: [service]
window: {tumbling: 1m}
measures:
  requests: count()
  errors: count(level == "ERROR")
`+c.measures+`  error_rate: errors * 1.0 / requests
when: error_rate > 0.5
`), ds)
			if err != nil {
				b.Fatal(err)
			}
			bare := `SELECT time_bucket(INTERVAL '1m', event_time), service, count(*), count(*) FILTER (level = 'ERROR')` + c.bare +
				` FROM bench WHERE service <> 'probe' GROUP BY ALL`
			ours, theirs := time.Duration(0), time.Duration(0)
			for b.Loop() {
				ours = fastest(ours, func() {
					if report, err := Backtest(context.Background(), db, catalog{ds}, r, BacktestOptions{}); err != nil || report.Records != 2000000 {
						b.Fatal(report, err)
					}
				})
				b.StopTimer()
				theirs = fastest(theirs, func() { drain(b, db, bare) })
				b.StartTimer()
			}
			b.ReportMetric(float64(ours)/float64(theirs), "x-bare-GROUP-BY")
		})
	}
}

func fastest(best time.Duration, run func()) time.Duration {
	start := time.Now()
	run()
	if d := time.Since(start); best == 0 || d < best {
		return d
	}
	return best
}

func drain(b *testing.B, db *sql.DB, query string) {
	rows, err := db.Query(query)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
}

package rule

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Windows that come in many pieces are evaluated in their order, and as those
// that come by the row.
func TestManyWindows(t *testing.T) {
	const windows = 40_000
	db := logs(t)
	exec(t, db, fmt.Sprintf(`INSERT INTO app_logs (event_time, service, level, body, _seq, _late)
		SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_seconds(60 * (i // 3)), ['a', 'b', NULL][1 + i %% 3], CASE WHEN hash(i) %% 3 = 0 THEN 'ERROR' END, struct_pack(%s), i, hash(i) %% 50 = 0
		FROM range(%d) t(i), (SELECT {'type': 'request'} AS c3) WHERE hash(i) %% 7 <> 0`, packed(), windows*8/7))
	report := backtestOf(t, db, errorsRule(t, "alarm: {datapoints: 2, of: 2, missing: missing}"), BacktestOptions{Datapoints: true})
	if report.Windows < windows*9/10 || len(report.Episodes) < 100 {
		t.Fatalf("%d windows, %d episodes", report.Windows, len(report.Episodes))
	}
	for i := 1; i < len(report.Datapoints); i++ {
		a, b := report.Datapoints[i-1], report.Datapoints[i]
		if reflect.DeepEqual(a.Key, b.Key) && !a.Start.Before(b.Start) {
			t.Fatalf("the window of %v %v comes after that of %v", b.Key, b.Start, a.Start)
		}
	}
}

// Whoever reads is told that the evaluation has failed, and does not wait for
// it.
func TestAssemblyFails(t *testing.T) {
	r := errorsRule(t, "alarm: {datapoints: 1, of: 1}")
	b := newBacktest(r, BacktestOptions{}, nil)
	b.span.From = time.Unix(0, 0)
	e := b.evaluate()
	e.groups = maxGroups // so that the first group is one too many
	a := e.assemble()
	column := func(v int64) engine.Column {
		return engine.Column{Type: engine.BigInt, Null: []bool{false}, Ints: []int64{v}}
	}
	var err error
	for n := range 1000 {
		columns := []engine.Column{column(int64(n)), column(1), column(1), column(0), column(1), column(1)}
		if err = a.take(columns, 1); err != nil {
			break
		}
	}
	if failed := a.wait(); !errors.Is(err, tooMany{}) || !errors.Is(failed, tooMany{}) {
		t.Fatal(err, failed)
	}
}

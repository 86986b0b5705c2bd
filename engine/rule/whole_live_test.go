package rule

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whole rules, of every construct, come live to what a backtest finds over the
// same records, at every watermark: whatever is late, however records come in
// batches, and wherever it crashes.
func TestWholeRulesLive(t *testing.T) {
	db := database(t)
	createTable(t, db, mixed)
	seen := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		exec(t, db, "DELETE FROM mixed")
		drawn := drawRule(rt)
		rule, err := Compile(decodeSpec(t, "whole.yaml", drawn.text), mixed)
		if err != nil {
			rt.Fatalf("%v\n%s", err, drawn.text)
		}
		span := drawn.cutting.span
		late := LateUpdates{Allowed: span / 3}
		behind := rapid.SampledFrom([]time.Duration{0, span / 12}).Draw(rt, "behind")
		base := rapid.SampledFrom(changes).Draw(rt, "base").Add(-span / 2)
		k, all := newKeeper(), []string{}
		defer func() {
			if rt.Failed() {
				rt.Logf("%s\n%s", drawn.text, strings.Join(all, "\n"))
			}
		}()
		begun := drawLive(rt, []*Rule{rule}, late, k)
		live, lost := begun(), true
		var watermark, oldest time.Time
		for rest := drawArrivals(rt, base, span, late.Allowed); ; {
			before, cameLate := watermark, false
			n := rapid.IntRange(0, min(len(rest), 6)).Draw(rt, "batch")
			var rows []string
			for _, at := range rest[:n] {
				record, row := drawRecord(rt, len(all)+1, at)
				rows, all = append(rows, row), append(all, row)
				if record.columns["event_time"] == nil {
					continue
				}
				cameLate = cameLate || at.Before(before)
				if mark := at.Add(-behind); mark.After(watermark) {
					watermark = mark
				}
				if oldest.IsZero() || at.Before(oldest) {
					oldest = at
				}
			}
			if n > 0 {
				insertMixed(t, db, rows)
			}
			if rest = rest[n:]; len(rest) == 0 && rapid.Bool().Draw(rt, "passes") {
				if mark := base.Add(span + time.Duration(rapid.IntRange(0, 20).Draw(rt, "idle"))*span/20); mark.After(watermark) {
					watermark = mark
				}
			}
			now := time.Unix(int64(len(all)), 0)
			out, _, failed := live.Step(context.Background(), drawQuerier(rt, db), catalog{mixed}, Step{UpTo: int64(len(all)), Watermark: watermark, Late: cameLate || lost, Now: now, Since: oldest})
			for _, err := range failed {
				rt.Fatal(err)
			}
			if lost = rapid.IntRange(0, 4).Draw(rt, "lost") == 0; !lost {
				k.save(rt, out)
				agree(rt, byColumn{db}, mixed, rule, k, watermark)
				lost = rapid.IntRange(0, 3).Draw(rt, "crash") == 0
			}
			if lost {
				live = begun()
			}
			if len(rest) == 0 {
				break
			}
		}
		seen["datapoints"] += len(k.points)
		seen["incidents"] += len(k.incidents)
	})
	t.Log(seen)
	if seen["incidents"] == 0 {
		t.Errorf("no incidents among %v", seen)
	}
}

// drawArrivals draws when records happened, in the order in which they come:
// each within the allowed lateness.
func drawArrivals(t *rapid.T, base time.Time, span, lateness time.Duration) []time.Time {
	type arrival struct{ happened, came time.Time }
	list := make([]arrival, rapid.IntRange(1, 30).Draw(t, "records"))
	for i := range list {
		at := drawMoment(t, base, span)
		list[i] = arrival{at, at.Add(drawPart(t, "delay", lateness))}
	}
	slices.SortStableFunc(list, func(a, b arrival) int { return cmp.Compare(a.came.UnixMicro(), b.came.UnixMicro()) })
	moments := make([]time.Time, len(list))
	for i, a := range list {
		moments[i] = a.happened
	}
	return moments
}

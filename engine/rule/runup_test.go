package rule

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A backtest from a time on is in alarm when the backtest of everything is:
// its alarm has seen the windows before.
func TestFromIsWhole(t *testing.T) {
	db := logs(t)
	rapid.Check(t, func(rt *rapid.T) {
		of := rapid.IntRange(1, 6).Draw(rt, "of")
		r, err := Compile(decodeSpec(t, "from.yaml", fmt.Sprintf(`
rule: from
dataset: app_logs
group_by: [service]
window: %s
measures: {n: count(), errors: 'count(level == "ERROR")'}
when: errors > 1%s
alarm: {datapoints: %d, of: %d, missing: %s}
%s`, rapid.SampledFrom([]string{"{tumbling: 1m}", "{hopping: {size: 3m, every: 1m}}", "{tumbling: 1m, time_zone: Asia/Kolkata}"}).Draw(rt, "window"),
			rapid.SampledFrom([]string{"", " && n >= previous(n, 2)", " || n > 2 * baseline(n, 5m)"}).Draw(rt, "past"),
			rapid.IntRange(1, of).Draw(rt, "datapoints"), of, rapid.SampledFrom(missings).Draw(rt, "missing"),
			rapid.SampledFrom([]string{"", "recover_when: n < 2\n"}).Draw(rt, "recover"))), shop)
		if err != nil {
			rt.Fatal(err)
		}
		lines := []string{"3600 z INFO"} // where both end
		for range rapid.IntRange(1, 60).Draw(rt, "records") {
			lines = append(lines, fmt.Sprintf("%d %s %s", rapid.IntRange(0, 3599).Draw(rt, "at"),
				rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "service"), rapid.SampledFrom([]string{"INFO", "ERROR", "ERROR"}).Draw(rt, "level")))
		}
		fill(t, db, lines)
		from := noon.Add(time.Duration(rapid.IntRange(1, 3500).Draw(rt, "from")) * time.Second)
		whole := alarmed(r, backtestOf(t, db, r, BacktestOptions{}), from)
		part := alarmed(r, backtestOf(t, db, r, BacktestOptions{From: from}), from)
		if !slices.Equal(whole, part) {
			rt.Fatalf("from %v in alarm after\n%v, and of everything after\n%v\n%v", from, part, whole, lines)
		}
	})
}

// alarmed lists the slots after a time in which groups were in alarm.
func alarmed(r *Rule, report *Report, from time.Time) (list []string) {
	for _, e := range report.Episodes {
		for at := r.Plan.Window.EndAfter(from.Add(time.Microsecond)); !at.After(noon.Add(time.Hour)); at = r.Plan.Window.EndAfter(at) {
			if !at.Before(e.Start) && (e.End == nil || at.Before(*e.End)) {
				list = append(list, fmt.Sprint(e.Key["service"], at.Unix()))
			}
		}
	}
	slices.Sort(list)
	return list
}

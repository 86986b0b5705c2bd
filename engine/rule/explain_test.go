package rule

import (
	"testing"
	"time"

	"tidemark.dev/tidemark/engine/plan"
)

// Why an alarm is on, and why it is not, in the words of the rule.
func TestExplain(t *testing.T) {
	db := logs(t, "1 a INFO", "61 a ERROR", "62 a ERROR", "121 a ERROR", "122 a ERROR", "123 a INFO", "181 a INFO", "182 a INFO", "301 a ERROR")
	r, err := Compile(decodeSpec(t, "why.yaml", "rule: why\ndataset: app_logs\ngroup_by: [service]\nwindow: {tumbling: 1m}\nmeasures: {n: count(), errors: 'count(level == \"ERROR\")', rate: errors / n}\nwhen: rate > 0.5 && (n > 1 || errors > 2 * previous(errors, 1m))\nalarm: {datapoints: 2, of: 2, missing: ignore}"), shop)
	if err != nil {
		t.Fatal(err)
	}
	report := backtestOf(t, db, r, BacktestOptions{Datapoints: true})
	key, err := r.GroupOf(report, map[string]string{"service": "a"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after time.Duration
		want  string
	}{
		{59 * time.Second, "It did not fire at 2026-01-09 12:00:59Z: there was no window with records before."},
		{time.Minute, "It did not fire at 2026-01-09 12:01:00Z because rate was 0, and the rule wants rate > 0.5."},
		{130 * time.Second, "It did not fire at 2026-01-09 12:02:10Z, though the newest window breaches: rate was 1 (rate > 0.5), and n was 2 (n > 1), and errors was 2, previous(errors, 1m) was 0 (errors > 2 * previous(errors, 1m)). 2 of 2 datapoints are wanted."},
		{3 * time.Minute, "It was in alarm at 2026-01-09 12:03:00Z, since 2026-01-09 12:03:00Z: rate was 0.667 (rate > 0.5), and n was 3 (n > 1)."},
		{290 * time.Second, "It did not fire at 2026-01-09 12:04:50Z because rate was 0, and the rule wants rate > 0.5."},
		{5 * time.Minute, "It did not fire at 2026-01-09 12:05:00Z: there were no records in the newest window; the last ones were in that from 12:03:00 to 12:04:00. The state was OK."},
		{6 * time.Minute, "It did not fire at 2026-01-09 12:06:00Z because errors was 1, previous(errors, 1m) was nothing, so that errors > 2 * previous(errors, 1m) cannot be told."},
	} {
		if got := r.Explain(report, key, noon.Add(c.after)).Sentence; got != c.want {
			t.Errorf("\n got %s\nwant %s", got, c.want)
		}
	}
	if _, err := r.GroupOf(report, map[string]string{"service": "b"}); err == nil {
		t.Error("there is a group b")
	}
	if x := r.Explain(report, Group{"service": plan.Text("b")}, noon); x.State != InsufficientData || x.Window != nil {
		t.Errorf("%+v", x)
	}
}

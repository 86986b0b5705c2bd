package workbench_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/internal/exporttest"
)

// seasons are rules that compare an hour with those of other days and weeks.
const seasons = `rule: weeks
dataset: d
group_by: [service]
window: {tumbling: 1h}
measures: {n: count()}
when: n > baseline(n, 21d, 7d, 2) * 2
alarm: {missing: not_breaching}
---
rule: days
dataset: d
group_by: [service]
window: {tumbling: 1h}
measures: {n: count()}
when: n > baseline(n, 5d, 1d, 3) * 2
alarm: {datapoints: 2, of: 3, missing: not_breaching}
---
rule: all
dataset: d
group_by: [service]
window: {tumbling: 1h}
measures: {n: count()}
when: n * 10 < baseline(n, 27h, 5) || n > previous(n, 7d) * 2
alarm: {missing: not_breaching}
`

// TestSeasons replays baselines over five weeks of samples on Prometheus'
// engine: nights, weekends, an hour without records every week, and in the last
// week an hour that is four times what it was.
func TestSeasons(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	exporttest.Write(t, root, seasons)
	begin := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	spike := begin.AddDate(0, 0, 31).Add(14 * time.Hour)
	if err := os.WriteFile(filepath.Join(root, "data", "r.ndjson"), []byte(hours(begin, spike)), 0o600); err != nil {
		t.Fatal(err)
	}
	b := exporttest.Open(t, root)
	for _, name := range []string{"weeks", "days", "all"} {
		for _, from := range []time.Time{{}, spike.Add(time.Hour)} {
			p, err := b.Parity(t.Context(), name, "prometheus", workbench.ParityOptions{From: from})
			if err != nil {
				t.Fatal(err)
			}
			if p.Windows < 100 || len(p.Differ) > 0 {
				t.Errorf("%s from %v: %s", name, from, p)
			}
			if !slices.ContainsFunc(p.Ours, func(s workbench.Stay) bool { return s.Key["service"].String() == "web" }) || len(p.Ours) != len(p.Theirs) {
				t.Errorf("%s from %v: in alarm %v here, %v there", name, from, p.Ours, p.Theirs)
			}
		}
	}
}

// hours are records of five weeks, spread evenly over each hour.
func hours(begin, spike time.Time) string {
	var b strings.Builder
	for at := begin; at.Before(begin.AddDate(0, 0, 35)); at = at.Add(time.Hour) {
		n := 8
		switch {
		case at.Weekday() == time.Tuesday && at.Hour() == 3:
			continue
		case at.Equal(spike), at.Equal(spike.Add(time.Hour)), at.Equal(spike.Add(2 * time.Hour)):
			n = 96
		case at.Weekday() == time.Saturday || at.Hour() < 6:
			n = 4
		case at.Hour() > 8 && at.Hour() < 18:
			n = 24
		}
		for i := range n {
			fmt.Fprintf(&b, "{\"at\":{\"time\":%q},\"svc\":\"web\"}\n", at.Add(time.Duration(2*i+1)*time.Hour/time.Duration(2*n)).Format(time.RFC3339))
		}
		fmt.Fprintf(&b, "{\"at\":{\"time\":%q},\"svc\":\"cron\"}\n", at.Add(10*time.Minute).Format(time.RFC3339))
	}
	return b.String()
}

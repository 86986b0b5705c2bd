package rule

import (
	"fmt"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine/plan"
)

// TestScoreOfLabels: labels judge the alarms that they stand on, a list of
// incidents judges all.
func TestScoreOfLabels(t *testing.T) {
	at := func(h int) time.Time { return time.Date(2026, 1, 9, h, 0, 0, 0, time.UTC) }
	from, to := at(0), at(23)
	report := &Report{From: &from, To: &to}
	for _, h := range []int{2, 6, 10} {
		end := at(h + 1)
		report.Episodes = append(report.Episodes, Episode{Key: Group{"k": plan.Of("a")}, Start: at(h), End: &end})
	}
	label := func(h int, right bool) Known {
		return Known{From: at(h), To: at(h + 1), Key: map[string]string{"k": "a"}, False: !right, Label: true}
	}
	listed := Known{From: at(1), To: at(3)}
	for name, c := range map[string]struct {
		known []Known
		want  string
	}{
		"nothing":               {nil, "none"},
		"one right":             {[]Known{label(2, true)}, "1/1 found, 1 true, 0 false, 2 unjudged"},
		"one right, one wrong":  {[]Known{label(2, true), label(6, false)}, "1/1 found, 1 true, 1 false, 1 unjudged"},
		"all wrong":             {[]Known{label(2, false), label(6, false), label(10, false)}, "0/0 found, 0 true, 3 false, 0 unjudged"},
		"a list":                {[]Known{listed}, "1/1 found, 1 true, 2 false, 0 unjudged"},
		"a list and its label":  {[]Known{listed, label(2, true)}, "1/1 found, 1 true, 2 false, 0 unjudged"},
		"a list and another":    {[]Known{listed, label(6, true)}, "2/2 found, 2 true, 1 false, 0 unjudged"},
		"a label of no episode": {[]Known{label(15, true)}, "0/1 found, 0 true, 0 false, 3 unjudged"},
		"of another group":      {[]Known{{From: at(2), To: at(3), Key: map[string]string{"k": "b"}, Label: true}}, "0/1 found, 0 true, 0 false, 3 unjudged"},
	} {
		got := "none"
		if s := report.ScoredBy(c.known).Score; s != nil {
			got = fmt.Sprintf("%d/%d found, %d true, %d false, %d unjudged", s.Found, s.Incidents, s.True, s.False, s.Unjudged)
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if s := report.ScoredBy([]Known{label(2, true)}).Score; s.Delay != nil {
		t.Errorf("a label says that it was found after %v s", *s.Delay)
	}
}

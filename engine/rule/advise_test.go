package rule

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
)

// night is two days of a service with an incident, from 01:00 to 01:30 of the
// second day, and one minute that only looks like one.
func incidentLogs() (lines []string) {
	for m := -12 * 60; m < 36*60; m++ {
		n := 2
		switch {
		case m >= 13*60 && m < 13*60+30:
			n = 20
		case m == 100:
			n = 12
		}
		for range n {
			lines = append(lines, fmt.Sprintf("%d a INFO", m*60+1))
		}
	}
	return lines
}

func incidentRule(t *testing.T, more string) *Rule {
	t.Helper()
	r, err := Compile(decodeSpec(t, "noisy.yaml", "rule: noisy\ndataset: app_logs\ngroup_by: [service]\nwindow: {tumbling: 1m}\nmeasures: {n: count()}\nwhen: n > 10\nalarm: {missing: not_breaching}\n"+more), shop)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const oneIncident = `incidents: [{from: "2026-01-10T01:00:00Z", to: "2026-01-10T01:30:00Z", key: {service: a}, note: the night}]`

// Precision, recall, delay and nights are what can be counted by hand, and the
// advice for a rule with a false alarm is one without it that still finds the
// incident.
func TestScoreAndAdvice(t *testing.T) {
	db := logs(t, incidentLogs()...)
	r := incidentRule(t, oneIncident)
	report, series, err := BacktestSeries(t.Context(), db, catalog{shop}, r, BacktestOptions{})
	if err != nil {
		t.Fatal(err)
	}
	o := report.Outcome(r.Known, nil)
	s := report.Score
	if o.Episodes != 2 || o.Night != 1 || o.Seconds != 31*60 || s.Found != 1 || s.Incidents != 1 || s.True != 1 || s.False != 1 || *s.Precision != 0.5 || *s.Recall != 1 || *s.Delay != 60 {
		t.Errorf("%+v %+v", o, s)
	}
	if b, err := time.LoadLocation("America/New_York"); err != nil || report.Outcome(nil, b).Night != 0 { // 20:01 and 08:41 there
		t.Error(report.Outcome(nil, b).Night, err)
	}
	a := series.Advise(r, nil)
	if a.Verdict != "fires" || !a.Labelled || a.Suggested == nil {
		t.Fatalf("%+v", a)
	}
	better, err := r.With(a.Suggested.Set)
	if err != nil {
		t.Fatal(err)
	}
	if got := backtestOf(t, db, better, BacktestOptions{}).Score; *got.Precision != 1 || *got.Recall != 1 || *a.Suggested.FalseAlarms != 0 || *a.Suggested.Misses != 0 {
		t.Errorf("%v: %+v", a.Suggested.Set, got)
	}
	for _, x := range a.Tried { // what is promised is what a backtest gives
		other, err := r.With(x.Set)
		if err != nil {
			t.Fatal(err)
		}
		if got := backtestOf(t, db, other, BacktestOptions{}).Outcome(r.Known, nil); asJSON(t, got) != asJSON(t, x.Outcome) {
			t.Errorf("%v: %s, not %s", x.Set, asJSON(t, x.Outcome), asJSON(t, got))
		}
	}
	c := Compare(report, backtestOf(t, db, better, BacktestOptions{}), r.Known, nil)
	if len(c.Gone) != 1 || len(c.Came) != 0 || c.Kept != 1 {
		t.Errorf("%+v", c)
	}
	missed := backtestOf(t, db, r, BacktestOptions{Set: map[string]string{"when": "n > 50"}}).Score
	if missed.Precision != nil || *missed.Recall != 0 || len(missed.Missed) != 1 || missed.Missed[0].Note != "the night" {
		t.Errorf("%+v", missed)
	}
}

// Rules that say nothing, or always the same, are named.
func TestVerdicts(t *testing.T) {
	db := logs(t, incidentLogs()...)
	for when, want := range map[string]string{"n > 1000": "never No window ever breaches", "n > 0": "always A group is in alarm", "n == 12": "fires The rule names no incidents"} {
		r := incidentRule(t, "")
		r, err := r.With(map[string]string{"when": when})
		if err != nil {
			t.Fatal(err)
		}
		_, series, err := BacktestSeries(t.Context(), db, catalog{shop}, r, BacktestOptions{})
		if err != nil {
			t.Fatal(err)
		}
		a := series.Advise(r, nil)
		if got := a.Verdict + " " + a.Notes[0]; !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", when, got)
		}
	}
}

// A line through days meets its limit when it should, and days without a
// trend meet none.
func TestTrend(t *testing.T) {
	var rising, flat, wild []dailyValue
	for i := range 30 {
		rising = append(rising, dailyValue{int64(20000 + i), 100 + 2*float64(i)})
		flat = append(flat, dailyValue{int64(20000 + i), 100})
		wild = append(wild, dailyValue{int64(20000 + i), 100 + 50*math.Sin(float64(i)*2)})
	}
	rising[7].v = 5000 // one bad day changes nothing
	got, ok := trendOf(rising, 200, true)
	if want := time.Unix((20029+1+21)*86400, 0).UTC(); !ok || got.PerDay != 2 || got.Now != 158 || !got.Reaches.Equal(want) {
		t.Errorf("%+v %v, want %v", got, ok, want)
	}
	for name, c := range map[string]struct {
		days  []dailyValue
		limit float64
		up    bool
	}{"flat": {flat, 200, true}, "wild": {wild, 200, true}, "away": {rising, 50, false}, "there": {rising, 120, true}, "far": {rising, 1e6, true}, "few": {rising[:6], 200, true}} {
		if got, ok := trendOf(c.days, c.limit, c.up); ok {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// The number of a threshold is found in the text of when wherever it stands.
func TestWithLimit(t *testing.T) {
	r := incidentRule(t, "")
	for when, want := range map[string]string{
		"n > 10":                             "n > 7",
		"10<n":                               "7<n",
		"n >= -1.5e3":                        "n >= 7",
		"(n>1_000)":                          "(n>7)",
		"n > previous(n, 1) && n > .5":       "n > previous(n, 1) && n > 7",
		"service == \"é\" && n > 3 or n < 2": "service == \"é\" && n > 7 or n < 2",
	} {
		spec := r.Spec
		spec.When = engine.Text{Value: when}
		x, err := Compile(spec, shop)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := x.withLimit(0, 7); !ok || got != want {
			t.Errorf("%s: %s %v", when, got, ok)
		}
	}
}

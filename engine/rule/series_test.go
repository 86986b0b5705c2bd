package rule

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// What is tried on kept windows is what a backtest over the records gives, and
// what would need other windows is refused.
func TestSeries(t *testing.T) {
	var lines []string
	rng := rand.New(rand.NewPCG(7, 7))
	for range 3000 {
		level := "INFO"
		if rng.IntN(4) == 0 {
			level = "ERROR"
		}
		lines = append(lines, fmt.Sprintf("%d %s %s", rng.IntN(7200)+rng.IntN(2)*20000, []string{"a", "b", "nobody"}[rng.IntN(3)], level))
	}
	db := logs(t, lines...)
	for _, window := range []string{"{tumbling: 1m}", "{hopping: {size: 10m, every: 1m}}", "{session: {gap: 20s}}", "{tumbling: 6h, time_zone: Europe/Berlin}"} {
		r, err := Compile(decodeSpec(t, "series.yaml", "rule: series\ndataset: app_logs\ngroup_by: [service]\nwindow: "+window+
			"\nmeasures: {n: count(), errors: 'count(level == \"ERROR\")', rate: errors / n}\nwhen: rate > 0.3 && n > 2\nalarm: {datapoints: 2, of: 3}"), shop)
		if err != nil {
			t.Fatal(err)
		}
		for _, opt := range []BacktestOptions{{}, {From: noon.Add(time.Hour), To: noon.Add(5 * time.Hour)}} {
			_, series, err := BacktestSeries(t.Context(), byColumn{db}, catalog{shop}, r, opt)
			if err != nil {
				t.Fatal(err)
			}
			for _, set := range []map[string]string{
				{},
				{"when": "rate > 0.6"},
				{"alarm.datapoints": "1"},
				{"of": "5", "missing": "breaching"},
				{"recover_when": "rate < 0.05"},
				{"forget": "10m"},
				{"measures.rate": "1 - errors / n"},
				{"when": "n > 5 || errors == nil"},
			} {
				opt := opt
				opt.Set, opt.Datapoints = set, true
				want := backtestOf(t, db, r, opt)
				got, ok, err := series.Backtest(r, opt)
				if changed, _ := r.With(set); !ok && err == nil && !opt.From.IsZero() && !changed.RunUp(opt.From).Equal(r.RunUp(opt.From)) {
					continue // its run-up is another
				}
				if err != nil || !ok {
					t.Fatal(set, ok, err)
				}
				if a, b := asJSON(t, want), asJSON(t, got); a != b {
					t.Errorf("%s %v\nfrom records:\n%.2000s\nfrom windows:\n%.2000s", window, set, a, b)
				}
			}
			for _, set := range []map[string]string{
				{"where": `level == "ERROR"`}, {"measures.n": "count(level == nil)"}, {"window.tumbling": "2m"}, {"group_by": "level"},
			} {
				opt := opt
				opt.Set = set
				if _, ok, _ := series.Backtest(r, opt); ok {
					t.Errorf("%v needs no other windows", set)
				}
			}
			if _, ok, _ := series.Backtest(r, BacktestOptions{From: noon}); ok {
				t.Error("another range needs no other windows")
			}
		}
	}
}

// Looking further back needs windows from further back.
func TestSeriesLooksBack(t *testing.T) {
	db := logs(t, "1 a INFO", "3700 a INFO", "7300 a INFO")
	r, err := Compile(decodeSpec(t, "series.yaml", "rule: series\ndataset: app_logs\ngroup_by: [service]\nwindow: {tumbling: 1h}\nmeasures: {n: count()}\nwhen: n > 1"), shop)
	if err != nil {
		t.Fatal(err)
	}
	opt := BacktestOptions{From: noon.Add(2 * time.Hour)}
	_, series, err := BacktestSeries(t.Context(), byColumn{db}, catalog{shop}, r, opt)
	if err != nil {
		t.Fatal(err)
	}
	opt.Set = map[string]string{"when": "n == previous(n, 1)"}
	if _, ok, err := series.Backtest(r, opt); ok || err != nil {
		t.Fatal(ok, err)
	}
	_, series, err = BacktestSeries(t.Context(), db, catalog{shop}, r, opt)
	if err != nil {
		t.Fatal(err)
	}
	opt.Set["when"] = "n != previous(n, 1)"
	report, ok, err := series.Backtest(r, opt)
	if err != nil || !ok || report.Windows != 1 || len(report.Episodes) != 0 {
		t.Fatal(report, ok, err)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

package rule

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/window"
)

// A replay in the order of arrival shows the panes that a live tail shows when
// it is fed second by second: each window on time, and again after every late
// batch that it takes.
func TestArrivedEqualsPanes(t *testing.T) {
	db := logs(t)
	for _, c := range []struct {
		window  string
		mode    window.Mode
		allowed time.Duration
	}{
		{"{tumbling: 1m}", window.Update, 2 * time.Minute},
		{"{tumbling: 1m}", window.Discard, 0},
		{"{tumbling: 1m}", window.Update, window.Forever},
		{"{hopping: {size: 3m, every: 1m}}", window.Update, 90 * time.Second},
		{"{cumulate: {size: 4m, step: 1m}}", window.Update, time.Minute},
		{"{tumbling: 1m, time_zone: Asia/Kolkata}", window.Update, time.Minute},
	} {
		t.Run(fmt.Sprint(c.window, c.mode, c.allowed), func(t *testing.T) {
			r, err := Compile(decodeSpec(t, "arrived.yaml", "rule: arrived\ndataset: app_logs\nwhere: level != \"DEBUG\"\ngroup_by: [service]\nwindow: "+c.window+
				"\nmeasures: {n: count(), s: sum(status)}\nwhen: n > 2\nalarm: {datapoints: 1, of: 2}"), shop)
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]int{}
			rapid.Check(t, func(rt *rapid.T) {
				m := window.NewMemory(r.Plan)
				lateness := time.Duration(rapid.IntRange(0, 2).Draw(rt, "lateness")) * 30 * time.Second
				type record struct{ at, arrived time.Time }
				var records []record
				for range rapid.IntRange(1, 40).Draw(rt, "records") {
					at := noon.Add(time.Duration(rapid.IntRange(0, 20).Draw(rt, "at")) * 20 * time.Second)
					records = append(records, record{at, at.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 5, 70, 200, 400}).Draw(rt, "delay")) * time.Second)})
				}
				slices.SortStableFunc(records, func(a, b record) int { return a.arrived.Compare(b.arrived) })
				panes := window.New(window.Config{Plan: r.Plan, Mode: c.mode, Allowed: c.allowed}, m)
				var want, values []string
				note := func(list []window.Pane, err error) {
					if err != nil {
						rt.Fatal(err)
					}
					for _, p := range list {
						want = append(want, fmt.Sprint(p.Window.Start.Unix(), p.Window.End.Unix(), p.Keys, p.Timing == window.Late, p.Measures))
						seen[string(p.Timing)]++
					}
				}
				newest := time.Time{}
				for i := 0; i < len(records); {
					j := i
					for ; j < len(records) && records[j].arrived.Equal(records[i].arrived); j++ {
						service, level := rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "service"), rapid.SampledFrom([]string{"INFO", "DEBUG", "INFO"}).Draw(rt, "level")
						values = append(values, fmt.Sprintf("(make_timestamptz(%d), make_timestamptz(%d), '%s', '%s', CAST(%d AS BIGINT), %d)", records[j].at.UnixMicro(), records[j].arrived.UnixMicro(), service, level, j, j))
						row := make([]plan.Value, len(m.Columns()))
						for k, p := range m.Columns() {
							row[k] = map[string]plan.Value{"event_time": plan.Time(records[j].at), "service": plan.Text(service), "level": plan.Text(level), "body.status": plan.Int(int64(j))}[p.String()]
						}
						m.Add(row)
						if records[j].at.After(newest) {
							newest = records[j].at
						}
					}
					list, _, err := panes.Arrived(t.Context(), m.Last())
					note(list, err)
					if mark := newest.Add(-lateness); mark.After(panes.Watermark()) {
						note(panes.Advance(t.Context(), mark))
					}
					i = j
				}
				exec(t, db, "DELETE FROM app_logs")
				exec(t, db, "INSERT INTO app_logs (event_time, arrival_time, service, level, body, _seq) SELECT c0, c1, c2, c3, struct_pack(status := c4), c5 FROM (VALUES "+strings.Join(values, ", ")+") v(c0, c1, c2, c3, c4, c5)")
				a := plan.Arrival{Lateness: lateness, Quantile: 1, Allowed: c.allowed, Forever: c.allowed == window.Forever, Never: c.mode != window.Update}
				b := &backtest{rule: r, report: &Report{Episodes: []Episode{}, AsArrived: &AsArrived{}}}
				v := &arrivals{backtest: b, arrival: a, ctx: t.Context(), q: db, finisher: r.Plan.NewFinisher(), groups: map[string]*arrivedGroup{}}
				if err := v.run(catalog{shop}); err != nil {
					rt.Fatal(err)
				}
				var got []string
				for _, g := range v.groups {
					for _, e := range g.events {
						got = append(got, fmt.Sprint(e.Start.Unix(), e.End.Unix(), e.env.Keys, e.late, e.env.Measures))
					}
				}
				slices.Sort(want)
				slices.Sort(got)
				if !slices.Equal(want, got) {
					rt.Fatalf("live:\n%s\nas arrived:\n%s\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"), strings.Join(values, "\n"))
				}
			})
			if seen["on_time"] == 0 || seen["late"] == 0 && c.mode == window.Update {
				t.Error(seen)
			}
		})
	}
}

// Late records raise an alarm that was not told, and end one that was: both are
// said.
func TestAsArrived(t *testing.T) {
	db := logs(t)
	var values []string
	add := func(service, level string, at, arrived, n int) {
		for range n {
			values = append(values, fmt.Sprintf("(make_timestamptz(%d), make_timestamptz(%d), '%s', '%s', %d)", noon.Add(time.Duration(at)*time.Second).UnixMicro(), noon.Add(time.Duration(arrived)*time.Second).UnixMicro(), service, level, len(values)))
		}
	}
	add("a", "ERROR", 10, 10, 2) // a breaches on time, and half of its records come too late to say otherwise
	add("a", "INFO", 20, 200, 4)
	add("b", "INFO", 15, 15, 1) // b breaches only with what comes late
	add("b", "ERROR", 16, 95, 3)
	for m := 1; m < 6; m++ {
		add("a", "INFO", 60*m, 60*m, 1)
		add("b", "INFO", 60*m, 60*m, 1)
	}
	exec(t, db, "INSERT INTO app_logs (event_time, arrival_time, service, level, _seq) SELECT * FROM (VALUES "+strings.Join(values, ", ")+")")
	r, err := Compile(decodeSpec(t, "late.yaml", "rule: late\ndataset: app_logs\ngroup_by: [service]\nwindow: {tumbling: 1m}\nmeasures: {n: count(), errors: 'count(level == \"ERROR\")'}\nwhen: errors * 2 > n"), shop)
	if err != nil {
		t.Fatal(err)
	}
	report, err := BacktestAsArrived(t.Context(), db, catalog{shop}, r, BacktestOptions{}, plan.Arrival{Quantile: 1, Allowed: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/arrived.json", asJSON(t, report)+"\n")
	all := backtestOf(t, db, r, BacktestOptions{Final: *report.AsArrived.Watermark})
	if asJSON(t, all.Episodes) != asJSON(t, report.AsArrived.Final) {
		t.Error(report.AsArrived.Final)
	}
	if _, err := BacktestAsArrived(t.Context(), db, catalog{shop}, r, BacktestOptions{Set: map[string]string{"window.session.gap": "1m"}}, plan.Arrival{Quantile: 1}); err == nil || !strings.Contains(err.Error(), "sessions") {
		t.Error(err)
	}
}

// Records that arrive in order give the backtest, whatever the alarm.
func TestAsArrivedInOrder(t *testing.T) {
	db := logs(t, incidentLogs()...)
	exec(t, db, "UPDATE app_logs SET arrival_time = event_time")
	r := incidentRule(t, "")
	for _, set := range []map[string]string{{}, {"alarm.datapoints": "2", "alarm.of": "3"}, {"when": "n > 1.5 * baseline(n, 20m)"}} {
		got, err := BacktestAsArrived(t.Context(), db, catalog{shop}, r, BacktestOptions{Set: set}, plan.Arrival{Quantile: 1, Allowed: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		want := backtestOf(t, db, r, BacktestOptions{Set: set, Final: *got.AsArrived.Watermark})
		if a, b := asJSON(t, want.Transitions), asJSON(t, got.Transitions); a != b || asJSON(t, want.Episodes) != asJSON(t, got.Episodes) || len(got.AsArrived.Changed) > 0 || got.AsArrived.Late > 0 {
			t.Errorf("%v\nbacktest:\n%s\nas arrived:\n%s", set, asJSON(t, want), asJSON(t, got))
		}
	}
}

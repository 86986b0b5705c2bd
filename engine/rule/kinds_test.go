package rule

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/window"
)

// kind is a window as a rule has it, and how far apart its records are.
type kind struct {
	window string
	span   time.Duration
}

var kinds = []kind{
	{"{tumbling: 10s, offset: 3s}", 2 * time.Minute},
	{"{hopping: {size: 10s, every: 4s}}", 2 * time.Minute},
	{"{hopping: {size: 1m, every: 10s}, offset: 7s}", 5 * time.Minute},
	{"{cumulate: {size: 12s, step: 4s}}", 2 * time.Minute},
	{"{session: {gap: 5s}}", 2 * time.Minute},
	{"{tumbling: 1d, time_zone: Europe/Berlin}", 5 * 24 * time.Hour},
	{"{tumbling: 6h, offset: 1h, time_zone: Europe/Berlin}", 3 * 24 * time.Hour},
	{"{hopping: {size: 1d, every: 6h}, time_zone: America/Havana}", 4 * 24 * time.Hour},
	{"{cumulate: {size: 1d, step: 6h}, time_zone: Australia/Lord_Howe}", 4 * 24 * time.Hour},
	{"{tumbling: 1h, time_zone: Asia/Kolkata}", 6 * time.Hour},
}

// changes are instants near which clocks are set.
var changes = []time.Time{
	time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC),
	time.Date(2026, 3, 8, 5, 0, 0, 0, time.UTC), time.Date(2026, 4, 4, 15, 0, 0, 0, time.UTC), noon, time.Unix(0, 0),
}

// A backtest has the windows that the records give when they are fed as a
// stream, whatever the kind: the same spans, keys, values and records.
func TestBacktestEqualsPanes(t *testing.T) {
	db := logs(t)
	for _, k := range kinds {
		for _, mergeable := range []bool{true, false} {
			t.Run(fmt.Sprint(k.window, mergeable), func(t *testing.T) {
				rapid.Check(t, func(rt *rapid.T) { comparePanes(rt, t, db, k, mergeable) })
			})
		}
	}
}

func comparePanes(rt *rapid.T, t *testing.T, db *sql.DB, k kind, mergeable bool) {
	measures := "{n: count(), errors: count(level == \"ERROR\"), s: sum(status), a: avg(duration_ms), lo: min(status), hi: max(duration_ms)"
	if !mergeable {
		measures += ", p: 'quantile(duration_ms, 0.5)', d: distinct(status), f: first(status), l: last(duration_ms)"
	}
	r, err := Compile(decodeSpec(t, "kinds.yaml", "rule: kinds\ndataset: app_logs\nwhere: level != \"DEBUG\"\ngroup_by: [service]\nwindow: "+k.window+"\nmeasures: "+measures+"}\nwhen: errors > 0\nalarm: {missing: ignore}"), shop)
	if err != nil {
		t.Fatal(err)
	}
	base := rapid.SampledFrom(changes).Draw(rt, "base").Add(-k.span / 2)
	m := window.NewMemory(r.Plan)
	var values []string
	for i := range rapid.IntRange(1, 30).Draw(rt, "records") {
		at := base.Add(time.Duration(rapid.Int64Range(0, k.span.Microseconds()).Draw(rt, "at")) * time.Microsecond)
		if rapid.Bool().Draw(rt, "round") {
			at = at.Truncate(k.span / 120)
		}
		service := rapid.SampledFrom([]string{"a", "b", ""}).Draw(rt, "service")
		level := rapid.SampledFrom([]string{"ERROR", "INFO", "DEBUG"}).Draw(rt, "level")
		status, duration := rapid.SampledFrom([]string{"NULL", "-3", "7"}).Draw(rt, "status"), rapid.SampledFrom([]string{"NULL", "0.5", "1e3"}).Draw(rt, "ms")
		late := rapid.Bool().Draw(rt, "late")
		values = append(values, fmt.Sprintf("(make_timestamptz(%d), nullif('%s', ''), '%s', CAST(%s AS BIGINT), CAST(%s AS DOUBLE), %d, %v)", at.UnixMicro(), service, level, status, duration, i, late))
		row := make([]plan.Value, len(m.Columns()))
		for j, p := range m.Columns() {
			switch p.String() {
			case "event_time":
				row[j] = plan.Time(at)
			case "service":
				if service != "" {
					row[j] = plan.Text(service)
				}
			case "level":
				row[j] = plan.Text(level)
			case "body.status":
				row[j] = map[string]plan.Value{"-3": plan.Int(-3), "7": plan.Int(7)}[status]
			case "body.duration_ms":
				row[j] = map[string]plan.Value{"0.5": plan.Double(0.5), "1e3": plan.Double(1000)}[duration]
			}
		}
		m.Add(row)
	}
	exec(t, db, "DELETE FROM app_logs")
	exec(t, db, "INSERT INTO app_logs (event_time, service, level, body, _seq, _late) SELECT c0, c1, c2, struct_pack("+numbers()+"), c5, c6 FROM (VALUES "+strings.Join(values, ", ")+") v(c0, c1, c2, c3, c4, c5, c6)")
	want := panesOf(rt, r, m)
	opt := BacktestOptions{Datapoints: true}
	if rapid.Bool().Draw(rt, "part") {
		opt.From = base.Add(time.Duration(rapid.Int64Range(0, int64(k.span)).Draw(rt, "from"))).Truncate(time.Microsecond)
		opt.To = opt.From.Add(k.span / 4).Truncate(time.Microsecond)
		maps.DeleteFunc(want, func(_ string, p window.Pane) bool {
			return !p.Window.End.After(opt.From) || !p.Window.Start.Before(opt.To)
		})
	}
	report := backtestOf(t, db, r, opt)
	got := map[string]string{}
	for _, d := range report.Datapoints {
		var list []plan.Value
		for _, m := range r.Plan.Measures {
			list = append(list, d.Values[m.Name])
		}
		got[fmt.Sprint(d.Start, d.End, d.Key["service"])] = fmt.Sprint(list)
	}
	for id, p := range want {
		if got[id] != fmt.Sprint(p.Measures) {
			rt.Fatalf("%s\n%s: %v, panes show %v", k.window, id, got[id], p.Measures)
		}
	}
	if len(got) != len(want) || report.Windows != int64(len(want)) {
		rt.Fatalf("%s\n%d windows %v, panes show %d: %v", k.window, report.Windows, slices.Sorted(maps.Keys(got)), len(want), slices.Sorted(maps.Keys(want)))
	}
}

// panesOf is what every window shows at the end.
func panesOf(t *rapid.T, r *Rule, m *window.Memory) map[string]window.Pane {
	ctx := context.Background()
	panes := window.New(window.Config{Plan: r.Plan, Allowed: window.Forever}, m)
	if _, _, err := panes.Arrived(ctx, m.Last()); err != nil {
		t.Fatal(err)
	}
	fired, err := panes.Advance(ctx, window.EndOfInput)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]window.Pane{}
	for _, p := range fired {
		out[fmt.Sprint(p.Window.Start, p.Window.End, p.Keys[0])] = p
	}
	return out
}

// numbers fills the body with the status in c3 and the duration in c4.
func numbers() string {
	var fields []string
	for _, f := range storable(shop.Body).Fields {
		value := "CAST(NULL AS " + f.Type.DuckDB() + ")"
		switch f.Name {
		case "status":
			value = "c3"
		case "duration_ms":
			value = "c4"
		}
		fields = append(fields, engine.QuoteIdent(f.Name)+" := "+value)
	}
	return strings.Join(fields, ", ")
}

// A day in Berlin has 23 hours when clocks are set forward and 25 when they
// are set back.
func TestBacktestDays(t *testing.T) {
	db := logs(t, "0 a INFO")
	r := errorsRule(t, "")
	for day, hours := range map[string]int{"2026-03-29": 23, "2026-10-25": 25, "2026-06-01": 24} {
		exec(t, db, "UPDATE app_logs SET event_time = TIMESTAMPTZ '"+day+" 10:00:00+00'")
		r, err := r.With(map[string]string{"window": "1d", "window.time_zone": "Europe/Berlin"})
		if err != nil {
			t.Fatal(err)
		}
		d := backtestOf(t, db, r, BacktestOptions{Datapoints: true}).Datapoints
		if len(d) != 1 || d[0].End.Sub(d[0].Start) != time.Duration(hours)*time.Hour {
			t.Errorf("%s: %+v", day, d)
		}
	}
}

// The statement that people read gives the windows of the backtest.
func TestSQLOfKinds(t *testing.T) {
	db := logs(t, "1 a ERROR", "5 a INFO", "61 b ERROR", "190 a INFO", "200 nobody ERROR")
	for _, set := range []map[string]string{
		{"window.hopping.size": "1m", "window.hopping.every": "20s"},
		{"window.cumulate.size": "1m", "window.cumulate.step": "20s"},
		{"window.session.gap": "30s"},
	} {
		r, err := errorsRule(t, "").With(set)
		if err != nil {
			// size alone is no window yet
			t.Fatal(err)
		}
		got, err := queryValues(db, r.SQL())
		if err != nil {
			t.Fatal(err)
		}
		want := backtestOf(t, db, r, BacktestOptions{Datapoints: true}).Datapoints
		if len(got) != len(want) || len(want) < 3 {
			t.Fatalf("%v: %d rows, %d windows", set, len(got), len(want))
		}
		for _, row := range got {
			start, _ := row[0].Time()
			end, _ := row[1].Time()
			if !slices.ContainsFunc(want, func(d Datapoint) bool {
				return d.Start.Equal(start) && d.End.Equal(end) && d.Key["service"].Equal(row[2]) && d.Breaching.Equal(row[6])
			}) {
				t.Errorf("%v: %v is no window of the backtest", set, row)
			}
		}
	}
}

// Hopping windows share records, which are counted once.
func TestBacktestCountsRecordsOnce(t *testing.T) {
	db := logs(t, "1 a ERROR", "50 a INFO late", "130 a INFO")
	r, err := errorsRule(t, "").With(map[string]string{"window.hopping.size": "1m", "window.hopping.every": "20s"})
	if err != nil {
		t.Fatal(err)
	}
	got := backtestOf(t, db, r, BacktestOptions{})
	if got.Records != 3 || got.Late != 1 || got.Windows != 8 {
		t.Errorf("%d records, %d late, %d windows", got.Records, got.Late, got.Windows)
	}
}

// The alarm of hopping windows has a datapoint for every hop, and that of
// sessions one for each session, with nothing missing between them.
func TestAlarmsOfKinds(t *testing.T) {
	db := logs(t, "1 a ERROR", "3 a ERROR", "1000 a ERROR", "2000 a INFO", "90000 a INFO")
	for _, c := range []struct {
		set    map[string]string
		states string
	}{
		{map[string]string{"window.session.gap": "10s"}, "1010s ALARM, 2010s OK, 88410s INSUFFICIENT_DATA, 90010s OK"},
		{map[string]string{"window.session.gap": "10s", "forget": "48h"}, "1010s ALARM, 2010s OK"},
		{map[string]string{"window.hopping.size": "20s", "window.hopping.every": "10s", "alarm.datapoints": "2", "alarm.of": "2", "forget": "48h", "missing": "not_breaching"}, "10s OK, 20s ALARM, 50s OK, 1020s ALARM, 1050s OK"},
		{map[string]string{"window.cumulate.size": "30s", "window.cumulate.step": "10s", "forget": "48h", "missing": "ignore"}, "20s ALARM, 2010s OK"},
	} {
		set := map[string]string{"alarm.datapoints": "2", "alarm.of": "2"}
		for k, v := range c.set {
			set[k] = v
		}
		r, err := errorsRule(t, "").With(set)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, x := range backtestOf(t, db, r, BacktestOptions{}).Transitions {
			got = append(got, fmt.Sprintf("%ds %s", int(x.At.Sub(noon).Seconds()), x.To))
		}
		if s := strings.Join(got, ", "); s != c.states {
			t.Errorf("%v: %s, want %s", c.set, s, c.states)
		}
	}
}

// With recover_when an alarm lasts until windows are good enough, and it is
// raised as without.
func TestRecoverWhen(t *testing.T) {
	db := logs(t, "1 a ERROR", "61 a ERROR", "62 a INFO", "63 a INFO", "121 a INFO", "181 a ERROR", "182 a INFO", "183 a INFO", "241 a INFO")
	for _, c := range []struct{ recover, states string }{
		{"", "60s ALARM, 120s OK"},
		{"recover_when: rate < 0.1", "60s ALARM, 180s OK"},
		{"recover_when: 'n > 1 ? rate < 0.5 : nil'", "60s ALARM, 120s OK"},
		{"recover_when: rate < 0", "60s ALARM"},
	} {
		var got []string
		for _, x := range backtestOf(t, db, errorsRule(t, c.recover), BacktestOptions{}).Transitions {
			got = append(got, fmt.Sprintf("%ds %s", int(x.At.Sub(noon).Seconds()), x.To))
		}
		if s := strings.Join(got, ", "); s != c.states {
			t.Errorf("%s: %s, want %s", c.recover, s, c.states)
		}
	}
}

// Who is waited for and does not come by the time of day raises the alarm, in
// the time zone of that clock, and a day that is not over raises none.
func TestExpect(t *testing.T) {
	compiled := func(expect string) *Rule {
		r, err := Compile(decodeSpec(t, "absent.yaml", "rule: absent\ndataset: app_logs\nexpect: "+expect+"\ngroup_by: [service]\nkeys: seen\nforget: 30d"), shop)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	day := func(d, hour int) string { return fmt.Sprint(d*86400 + (hour-12)*3600) }
	db := logs(t, day(0, 3)+" a INFO", day(1, 4)+" a INFO", day(1, 4)+" b INFO", day(2, 6)+" a INFO", day(2, 7)+" b ERROR", day(3, 1)+" b INFO", day(3, 9)+" c INFO")
	for _, c := range []struct{ expect, want string }{
		// 06:00 in Berlin is 05:00 in winter: a came too late on day 2
		{`{where: 'level == "INFO"', within: 24h, by: "06:00 Europe/Berlin"}`, "a 9T05 OK, b 10T05 OK, a 11T05 ALARM, b 11T05 ALARM, a 12T05 OK, b 12T05 OK"},
		{`{where: 'level == "INFO"', within: 24h, by: "07:00"}`, "a 9T07 OK, b 10T07 OK, b 11T07 ALARM, a 12T07 ALARM, b 12T07 OK"},
		{`{at_least: 3, within: 48h, by: "12:00"}`, "a 9T12 ALARM, b 10T12 ALARM"},
	} {
		var got []string
		report := backtestOf(t, db, compiled(c.expect), BacktestOptions{Datapoints: true})
		for _, x := range report.Transitions {
			got = append(got, fmt.Sprintf("%v %s %s", x.Key["service"], x.At.Format("2T15"), x.To))
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("%s: %s, want %s", c.expect, s, c.want)
		}
	}
}

package rule

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine/plan"
)

// Groups that are listed are waited for from the first whole span on, whether
// they ever came or not, are never forgotten, and are the only ones.
func TestExpectListed(t *testing.T) {
	day := func(d, hour int) string { return fmt.Sprint(d*86400 + (hour-12)*3600) }
	db := logs(t, day(0, 3)+" a INFO", day(1, 4)+" a INFO", day(2, 6)+" a INFO", day(2, 7)+" b INFO", day(3, 9)+" c INFO")
	compiled := func(keys string) *Rule {
		r, err := Compile(decodeSpec(t, "absent.yaml", "rule: absent\ndataset: app_logs\nexpect: {within: 24h, by: \"06:00 Europe/Berlin\", keys: "+keys+"}\ngroup_by: [service]"), shop)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, c := range []struct{ keys, want string }{
		{"[a, d]", "a 9T05 OK, d 10T05 ALARM, a 11T05 ALARM, a 12T05 OK"},
		{"[b]", "b 10T05 ALARM, b 12T05 OK"},
		{"[nobody]", "nobody 10T05 ALARM"},
		{"seen", "a 9T05 OK, a 11T05 ALARM, a 12T05 OK, b 12T05 OK"},
	} {
		r := compiled(c.keys)
		report := backtestOf(t, db, r, BacktestOptions{})
		if s := transitions(report); s != c.want {
			t.Errorf("%s: %s, want %s", c.keys, s, c.want)
		}
		for _, e := range report.Episodes {
			if e.Key["service"].Equal(plan.Text("d")) && e.End != nil {
				t.Error("the episode of d ended")
			}
		}
	}
	part := backtestOf(t, db, compiled("[d]"), BacktestOptions{From: time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)})
	if s := transitions(part); s != "d 12T05 ALARM" {
		t.Error(s)
	}
	row := func(key string, d int, n int64) WindowRow {
		at := time.Date(2026, 1, d, 5, 0, 0, 0, time.UTC)
		return WindowRow{plan.Span{Start: at, End: at.AddDate(0, 0, 1)}, plan.Env{Keys: []plan.Value{plan.Text(key)}, Aggregates: []plan.Value{plan.Int(n)}, Measures: []plan.Value{plan.Int(n)}}}
	}
	var got []string
	for _, g := range compiled("[a, d]").States([]WindowRow{row("a", 9, 1), row("a", 10, 2)}, time.Date(2026, 1, 11, 5, 0, 0, 0, time.UTC)) {
		got = append(got, fmt.Sprint(g.Key["service"], " ", g.State))
	}
	if s := strings.Join(got, ", "); s != "a OK, d ALARM" {
		t.Error(s)
	}
}

func transitions(report *Report) string {
	var got []string
	for _, x := range report.Transitions {
		got = append(got, fmt.Sprintf("%v %s %s", x.Key["service"], x.At.Format("2T15"), x.To))
	}
	return strings.Join(got, ", ")
}

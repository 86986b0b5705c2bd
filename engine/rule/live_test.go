package rule

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
)

// keeper keeps what live evaluations found, as a database would.
type keeper struct {
	progress  map[string]engine.RuleProgress
	points    map[string]engine.Datapoint
	incidents map[string]engine.Incident
	alarms    map[string]engine.AlarmState
}

func newKeeper() *keeper {
	return &keeper{map[string]engine.RuleProgress{}, map[string]engine.Datapoint{}, map[string]engine.Incident{}, map[string]engine.AlarmState{}}
}

func pointID(p engine.Datapoint) string { return fmt.Sprint(p.Rule, p.Key, p.Start, p.End) }

func (k *keeper) save(t rapid.TB, e engine.Evaluated) {
	for _, r := range e.Rules {
		k.progress[r.Rule] = r
	}
	for _, p := range e.Gone {
		delete(k.points, pointID(p))
	}
	for _, p := range e.Points {
		if _, has := k.points[pointID(p)]; has != (p.Revision > 0) {
			t.Fatalf("the datapoint %v is kept: %v", p, has)
		}
		k.points[pointID(p)] = p
	}
	for _, c := range e.Changes {
		k.incidents[c.ID] = c.Incident
	}
	for _, a := range e.Alarms {
		k.alarms[a.Rule+a.Key] = a
	}
	for _, a := range e.Forgotten {
		delete(k.alarms, a.Rule+a.Key)
	}
}

// kept is what a rule resumes from.
func (k *keeper) kept(r *Rule, late LateUpdates) Kept {
	out := Kept{Progress: k.progress[r.Name]}
	from := late.OpenSince(out.Progress.At)
	for _, i := range k.incidents {
		if i.Rule == r.Name && !i.Withdrawn && (i.End == nil || i.End.After(r.IncidentsSince(from))) {
			out.Incidents = append(out.Incidents, i)
		}
	}
	slices.SortFunc(out.Incidents, func(a, b engine.Incident) int { return a.Start.Compare(b.Start) })
	for _, i := range out.Incidents {
		if i.Start.Before(from) && (i.End == nil || i.End.After(late.OpenSince(out.Progress.At))) {
			from = i.Start.Add(-time.Microsecond)
		}
	}
	if back := r.LooksBack(late.OpenSince(out.Progress.At)); back.Before(from) {
		from = back
	}
	var all []engine.Datapoint
	for _, p := range k.points {
		if p.Rule == r.Name {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b engine.Datapoint) int { return cmp.Or(cmp.Compare(a.Key, b.Key), b.End.Compare(a.End)) })
	back := map[string]int{}
	for _, p := range all {
		if !p.End.After(from) {
			back[p.Key]++
		}
		if back[p.Key] <= r.Resumes() {
			out.Points = append(out.Points, p)
		}
	}
	slices.Reverse(out.Points)
	for _, a := range k.alarms {
		if a.Rule == r.Name {
			out.Alarms = append(out.Alarms, a)
		}
	}
	return out
}

// told writes what is kept of a rule at a watermark.
func (k *keeper) told(r *Rule) string {
	var lines []string
	for _, p := range k.points {
		if p.Rule == r.Name {
			lines = append(lines, fmt.Sprintln("point", p.Key, p.Start.Unix(), p.End.Unix(), p.Values, breachText(p.Breaching)))
		}
	}
	for _, i := range k.incidents {
		if i.Rule == r.Name && !i.Withdrawn {
			lines = append(lines, fmt.Sprintln("episode", i.Key, spanText(i.Start, i.End), i.Peak))
		}
	}
	for _, a := range k.alarms {
		if a.Rule == r.Name && a.State != string(InsufficientData) {
			lines = append(lines, fmt.Sprintln("state", a.Key, a.State))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func breachText(b *bool) string {
	if b == nil {
		return "null"
	}
	return fmt.Sprint(*b)
}

// reported writes a backtest's report alike.
func reported(r *Report) string {
	var lines []string
	for _, d := range r.Datapoints {
		lines = append(lines, fmt.Sprintln("point", jsonText(d.Key), d.Start.Unix(), d.End.Unix(), jsonText(d.Values), d.Breaching))
	}
	for _, e := range r.Episodes {
		lines = append(lines, fmt.Sprintln("episode", jsonText(e.Key), spanText(e.Start, e.End), jsonText(e.Peak)))
	}
	states := map[string]State{}
	for _, c := range r.Transitions {
		states[jsonText(c.Key)] = c.To
	}
	for key, s := range states {
		if s != InsufficientData {
			lines = append(lines, fmt.Sprintln("state", key, s))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// drawSpec draws a rule.
func drawSpec(r *rapid.T, name string) Spec {
	minutes := func(n int) Duration { return Duration{Value: time.Duration(n) * time.Minute} }
	s := Spec{
		Rule: text(name), Dataset: text("app_logs"), When: text("errors * 2 > requests"),
		Measures: engine.Entries[engine.Text]{{Key: text("requests"), Value: text("count()")}, {Key: text("errors"), Value: text(`count(level == "ERROR")`)}},
		Alarm: &Alarm{
			Datapoints: Count{Value: rapid.IntRange(1, 3).Draw(r, "m")}, Of: Count{Value: 3},
			Missing: text(rapid.SampledFrom(missings).Draw(r, "missing")),
		},
	}
	if rapid.Bool().Draw(r, "grouped") {
		s.GroupBy = []GroupKey{{Path: text("service")}}
	}
	if rapid.Bool().Draw(r, "hysteresis") {
		s.RecoverWhen = text("errors == 0")
	}
	if rapid.Bool().Draw(r, "forgets") {
		d := minutes(rapid.IntRange(1, 6).Draw(r, "forget"))
		s.Forget = &d
	}
	if rapid.Bool().Draw(r, "looks back") {
		s.When = text(rapid.SampledFrom([]string{"errors > previous(errors, 2)", "errors > baseline(errors, 8m)", "errors * 2 > requests and requests < baseline(requests, 10m, 4m)"}).Draw(r, "when"))
	}
	switch rapid.SampledFrom([]string{"tumbling", "hopping", "cumulate", "session", "expect", "zone"}).Draw(r, "kind") {
	case "tumbling":
		d := minutes(1)
		s.Window = &Window{Tumbling: &d}
	case "zone":
		d := minutes(2)
		s.Window = &Window{Tumbling: &d, TimeZone: text("Asia/Kathmandu")}
	case "hopping":
		s.Window = &Window{Hopping: &Hopping{Size: minutes(3), Every: minutes(1)}}
	case "cumulate":
		s.Window = &Window{Cumulate: &Cumulate{Size: minutes(4), Step: minutes(2)}}
	case "session":
		s.Window = &Window{Session: &Session{Gap: minutes(1)}}
		s.When = text(rapid.SampledFrom([]string{"errors * 2 > requests", "errors > previous(errors, 1)"}).Draw(r, "session when"))
	case "expect":
		d := minutes(2)
		d.Text = text("2m")
		s.Expect = &Expect{Where: text(`level == "INFO"`), Within: d}
		if s.Forget != nil {
			s.Forget.Value += 2 * time.Minute
		}
		s.Measures, s.When, s.RecoverWhen, s.Alarm.Missing = nil, engine.Text{}, engine.Text{}, engine.Text{}
		if s.GroupBy != nil && rapid.Bool().Draw(r, "listed") {
			s.Expect.Keys = Keys{text("a"), text("c")}
		}
	}
	if s.Expect == nil && rapid.Bool().Draw(r, "measures more") {
		more := rapid.SampledFrom([]string{"max(level)", "min(service)", "sum(_seq)", "avg(_seq)", "max(_seq)", "distinct(level)", "last(level)"}).Draw(r, "measure")
		s.Measures = append(s.Measures, engine.Entry[engine.Text]{Key: text("more"), Value: text(more)})
	}
	if s.Window != nil && s.Window.Session == nil && rapid.IntRange(0, 3).Draw(r, "shifted") == 0 {
		d := Duration{Value: 30 * time.Second}
		s.Window.Offset = &d
	}
	return s
}

// arriving is an event, when it happened and in what order it came.
type arriving struct {
	second, order  int
	service, level string
}

// TestLiveEqualsBacktest: rows in any order within the allowed lateness, split
// in any way, with crashes anywhere, give the datapoints, episodes and states
// that a backtest over the same rows gives, at every watermark.
func TestLiveEqualsBacktest(t *testing.T) {
	db := database(t)
	createTable(t, db, shop)
	const lateness, span = 120, 900
	rapid.Check(t, func(r *rapid.T) {
		ctx := context.Background()
		exec(t, db, "TRUNCATE app_logs")
		late := LateUpdates{Allowed: lateness * time.Second}
		var rules []*Rule
		for i := range rapid.IntRange(1, 3).Draw(r, "rules") {
			rule, err := Compile(drawSpec(r, fmt.Sprint("rule", i)), shop)
			if err != nil {
				r.Fatal(err)
			}
			rules = append(rules, rule)
		}
		var events []arriving
		for range rapid.IntRange(1, 30).Draw(r, "events") {
			at := rapid.IntRange(0, span).Draw(r, "second")
			events = append(events, arriving{at, at + rapid.IntRange(0, lateness-1).Draw(r, "delay"), rapid.SampledFrom([]string{"a", "b"}).Draw(r, "service"), rapid.SampledFrom([]string{"ERROR", "INFO"}).Draw(r, "level")})
		}
		slices.SortStableFunc(events, func(a, b arriving) int { return cmp.Compare(a.order, b.order) })
		k := newKeeper()
		begun := drawLive(r, rules, late, k)
		live := begun()
		watermark, seq, oldest := time.Time{}, 0, time.Time{}
		exact, lost := rapid.Bool().Draw(r, "knows what is late"), true
		for rest := events; ; {
			cameLate := !exact
			if n := rapid.IntRange(0, len(rest)).Draw(r, "batch"); n > 0 {
				var values []string
				before := watermark
				for _, e := range rest[:n] {
					seq++
					values = append(values, fmt.Sprintf("(to_timestamp(%d), '%s', '%s', %d, false)", e.second, e.service, e.level, seq))
					watermark = later(watermark, e.second-lateness/2)
					cameLate = cameLate || time.Unix(int64(e.second), 0).Before(before)
					if at := time.Unix(int64(e.second), 0).UTC(); oldest.IsZero() || at.Before(oldest) {
						oldest = at
					}
				}
				exec(t, db, "INSERT INTO app_logs (event_time, service, level, _seq, _late) VALUES "+strings.Join(values, ", "))
				rest = rest[n:]
			}
			if len(rest) == 0 && rapid.Bool().Draw(r, "passes") {
				watermark = later(watermark, span+rapid.IntRange(0, 900).Draw(r, "idle"))
			}
			out, _, failed := live.Step(ctx, drawQuerier(r, db), catalog{shop}, Step{UpTo: int64(seq), Watermark: watermark, Late: cameLate || lost, Now: time.Unix(int64(seq), 0), Since: oldest})
			lost = false
			for name, err := range failed {
				r.Fatal(name, err)
			}
			if rapid.IntRange(0, 4).Draw(r, "lost") == 0 {
				live, lost = begun(), true // killed before it was kept
				continue
			}
			k.save(r, out)
			for _, rule := range rules {
				agree(r, byColumn{db}, shop, rule, k, watermark)
			}
			if rapid.IntRange(0, 3).Draw(r, "crash") == 0 {
				live, lost = begun(), true
			}
			if len(rest) == 0 {
				return
			}
		}
	})
}

// An incident may begin where another one did until late records moved that.
func TestIncidentsThatBeganAlike(t *testing.T) {
	db := database(t)
	createTable(t, db, shop)
	rule, err := Compile(decodeSpec(t, "odd.yaml", "rule: odd\ndataset: app_logs\ngroup_by: [service]\nwindow: {tumbling: 10s}\nmeasures: {n: count()}\nwhen: n == 1\nalarm: {missing: not_breaching}\n"), shop)
	if err != nil {
		t.Fatal(err)
	}
	late, k := LateUpdates{Allowed: time.Hour}, newKeeper()
	live := resumed(t, []*Rule{rule}, late, k)
	watermark := time.Unix(300, 0).UTC()
	for seq, second := range []int{105, 95, 85, 96} { // from 110; from 100; from 90; from 90 and again from 110
		exec(t, db, fmt.Sprintf("INSERT INTO app_logs (event_time, service, _seq, _late) VALUES (to_timestamp(%d), 'a', %d, false)", second, seq+1))
		out, _, failed := live.Step(t.Context(), db, catalog{shop}, Step{UpTo: int64(seq + 1), Watermark: watermark, Late: true, Now: watermark})
		if len(failed) > 0 {
			t.Fatal(failed)
		}
		k.save(t, out)
		agree(t, db, shop, rule, k, watermark)
	}
	if len(k.incidents) != 2 {
		t.Errorf("%d incidents", len(k.incidents))
	}
}

func agree(r rapid.TB, db engine.Querier, ds engine.Dataset, rule *Rule, k *keeper, watermark time.Time) {
	report, err := Backtest(context.Background(), db, catalog{ds}, rule, BacktestOptions{Datapoints: true, Final: watermark})
	if err != nil {
		r.Fatal(err)
	}
	if got, want := k.told(rule), reported(report); got != want {
		r.Fatalf("at %s (%+v)\nlive:\n%s\nbacktest:\n%s", watermark, rule.Plan.Window, got, want)
	}
}

// drawLive gives rules as they were kept, with more or less room for sessions.
func drawLive(r *rapid.T, rules []*Rule, late LateUpdates, k *keeper) func() *Live {
	memory := rapid.SampledFrom([]int{0, 500, 1000, sessionMemory}).Draw(r, "memory")
	return func() *Live {
		l := resumed(r, rules, late, k)
		l.memory = memory
		return l
	}
}

func resumed(r rapid.TB, rules []*Rule, late LateUpdates, k *keeper) *Live {
	l := NewLive("app_logs")
	for _, rule := range rules {
		if err := l.Resume(rule, late, k.kept(rule, late)); err != nil {
			r.Fatal(err)
		}
	}
	return l
}

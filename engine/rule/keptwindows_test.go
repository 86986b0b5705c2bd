package rule

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// windowed is the live evaluation of one rule over a table that is emptied
// before each step, so that what a step tells of older rows is what was kept.
type windowed struct {
	t    *testing.T
	db   *counting
	exec func(string)
	live *Live
	seq  int
}

func newWindowed(t *testing.T, window string) *windowed {
	t.Helper()
	db := database(t)
	createTable(t, db, shop)
	rule, err := Compile(decodeSpec(t, "kept.yaml", "rule: kept\ndataset: app_logs\n"+window+"group_by: [service]\nmeasures:\n  n: count()\n  top: max(_seq)\nwhen: n > 2\n"), shop)
	if err != nil {
		t.Fatal(err)
	}
	w := &windowed{t: t, db: &counting{Querier: db}, exec: func(s string) { exec(t, db, s) }, live: NewLive("app_logs")}
	if err := w.live.Add(rule, LateUpdates{Allowed: time.Minute}); err != nil {
		t.Fatal(err)
	}
	return w
}

// step adds records at some seconds and tells the datapoints that changed.
func (w *windowed) step(rewrites int64, watermark int, seconds ...int) string {
	w.t.Helper()
	for _, s := range seconds {
		w.seq++
		w.exec(fmt.Sprintf("INSERT INTO app_logs (event_time, service, level, _seq, _late) VALUES (to_timestamp(%d), 'a', 'INFO', %d, false)", s, w.seq))
	}
	w.db.asked = 0
	out, _, failed := w.live.Step(context.Background(), w.db, catalog{shop}, Step{
		UpTo: int64(w.seq), Watermark: time.Unix(int64(watermark), 0).UTC(), Late: true, Rewrites: rewrites,
	})
	if len(failed) > 0 {
		w.t.Fatal(failed)
	}
	slices.SortFunc(out.Points, func(a, b engine.Datapoint) int { return cmp.Compare(a.End.Unix(), b.End.Unix()) })
	var told []string
	for _, p := range out.Points {
		told = append(told, fmt.Sprintf("%d..%d %s", p.Start.Unix(), p.End.Unix(), p.Values))
	}
	return strings.Join(told, ", ")
}

func (w *windowed) empty() { w.exec("DELETE FROM app_logs") }

// TestWindowsGoOn without the records that they hold: those of the step are
// added to what is kept, until stored rows have been rewritten.
func TestWindowsGoOn(t *testing.T) {
	w := newWindowed(t, "window: {hopping: {size: 20s, every: 10s}}\n")
	for _, c := range []struct {
		what, want string
		got        func() string
	}{
		{"the first windows", `-10..10 {"n":1,"top":1}`, func() string { return w.step(0, 15, 5, 12) }},
		{"the next, gathered", `0..20 {"n":3,"top":3}`, func() string { return w.step(0, 20, 19) }},
		{"the next, without its records", `10..30 {"n":3,"top":4}`, func() string { w.empty(); return w.step(0, 30, 29, 31) }},
		{"a late record", `0..20 {"n":4,"top":6}, 10..30 {"n":4,"top":6}`, func() string { w.empty(); return w.step(0, 31, 15) }},
		{"nothing comes", `20..40 {"n":2,"top":5}, 30..50 {"n":1,"top":5}`, func() string { w.empty(); return w.step(0, 50) }},
		{"one that is closed takes no more, one that is open does", `20..40 {"n":4,"top":8}`, func() string {
			w.step(0, 95)
			w.empty()
			return w.step(0, 95, 24, 21)
		}},
	} {
		if got := c.got(); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

// TestWindowsAreGatheredAnew when stored rows have been rewritten.
func TestWindowsAreGatheredAnew(t *testing.T) {
	w := newWindowed(t, "window: {tumbling: 10s}\n")
	w.step(0, 10, 5, 12)
	w.step(0, 20, 13, 25)
	w.exec("DELETE FROM app_logs WHERE _seq = 2")
	if got, want := w.step(1, 21, 14), `10..20 {"n":2,"top":5}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestStepsAskOnce: what came is asked for once, however many windows it is
// for and however much they hold.
func TestStepsAskOnce(t *testing.T) {
	w := newWindowed(t, "window: {hopping: {size: 20s, every: 10s}}\n")
	w.step(0, 15, 5, 12)
	w.step(0, 30, 29)
	for watermark := 31; watermark < 60; watermark += 9 {
		if w.step(0, watermark, watermark, watermark-15); w.db.asked != 1 {
			t.Errorf("at %d there were %d statements, want 1", watermark, w.db.asked)
		}
	}
}

// TestWindowsBound: where there are too many, the oldest are forgotten; where
// that takes those that are still to come, none are kept.
func TestWindowsBound(t *testing.T) {
	at := func(second int) time.Time { return time.Unix(int64(second), 0).UTC() }
	fill := func(groups, windows int) *keptWindows {
		k := &keptWindows{groups: map[string]map[time.Time]*plan.Partial{}}
		for g := range groups {
			all := map[time.Time]*plan.Partial{}
			for i := range windows {
				all[at(i+1)] = &plan.Partial{Span: plan.Span{Start: at(i), End: at(i + 1)}}
			}
			k.groups[fmt.Sprint(g)] = all
			k.count += windows
		}
		return k
	}
	second := plan.Window{Size: time.Second}
	k := fill(1000, 100)
	if !k.bound(second, at(-1000), at(100)) || k.count > maxWindows || k.count == 0 || k.after.Before(at(50)) {
		t.Errorf("%d windows are left, all that begin at %s", k.count, k.after)
	}
	k = fill(1000, 40)
	if !k.bound(second, at(30), at(40)) || k.count != 10*1000 || !k.after.Equal(at(30)) {
		t.Errorf("%d windows are left, all that begin at %s", k.count, k.after)
	}
	if k = fill(maxWindows+1, 1); k.bound(second, at(-1000), at(0)) {
		t.Errorf("%d windows are kept, all of them still to come", k.count)
	}
}

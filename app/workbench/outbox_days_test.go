package workbench

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/notify"
)

// itemsOf lists the rules that digests name.
func itemsOf(list []notify.Message) string {
	var names []string
	for _, m := range list {
		for _, i := range m.Items {
			names = append(names, i.Rule)
		}
	}
	return strings.Join(names, " ")
}

// TestDailyDigestsGoOn: a digest goes on where the one before it ended: when its
// hour was changed, after days asleep, and after a restart; the first of a
// channel waits for its hour.
func TestDailyDigestsGoOn(t *testing.T) {
	w := newWatched(t, map[string]string{"shop": `, daily: "13:00", match: {team: shop}`}, nil)
	var all []engine.Incident
	for _, hour := range []int{-30, -1, 1, 2, 30, 55, 80, 100} {
		at := noon.Add(time.Duration(hour) * time.Hour)
		all = append(all, engine.Incident{Rule: fmt.Sprint("h", hour), Labels: map[string]string{"team": "shop"}, Start: at.Add(-time.Minute), End: &at})
	}
	w.incidents(all...)
	moved := func(hour string) {
		text := fmt.Sprintf("name: t\nchannels:\n  shop: {type: webhook, url: \"%s/shop\", daily: \"%s\", match: {team: shop}}\n", w.URL, hour)
		w.put(workspace.FileName, text)
		w.Reload(w.load(), false)
	}
	for _, s := range []struct {
		hours float64 // after noon
		daily string
		want  string
		title string
	}{
		{0, "", "", ""}, // it is new: nothing is told before its hour
		{1.1, "", "h-1 h1", "The last day: 2 alarms"},               // 13:00, and what was from 13:00 the day before
		{2, "15:00", "", ""},                                        // two hours later
		{3.1, "", "h2", "The last day: 1 alarm"},                    // 15:00
		{3.2, "08:00", "", ""},                                      // was at 8, which is told already
		{20.1, "", "", ""},                                          // 08:00, nothing since 15:00
		{20 + 72.1, "", "h30 h55 h80", "The last 3 days: 3 alarms"}, // asleep for three days
		{20 + 72.2, "", "", ""},                                     // once
		{20 + 96.1, "", "h100", "The last day: 1 alarm"},            // the next day
	} {
		if s.daily != "" {
			moved(s.daily)
		}
		w.after(time.Duration(s.hours * float64(time.Hour)))
		got := w.take("shop")
		if itemsOf(got) != s.want || s.title != "" && titles(got) != "daily: "+s.title {
			t.Errorf("after %v hours: %s: %s; want %s: %s", s.hours, titles(got), itemsOf(got), s.title, s.want)
		}
	}
}

// TestDeadLettersAreSummed: the first notification that a channel does not take
// is told at once, those after it once an hour, in one sum.
func TestDeadLettersAreSummed(t *testing.T) {
	w := newWatched(t, map[string]string{"hook": ", match: {team: shop}", "self": ", failures: true"}, nil)
	w.answer(http.StatusNotFound)
	alarm := func(n int) {
		t.Helper()
		m := notify.Message{Kind: notify.Alarm, Title: fmt.Sprint("alarm ", n)}
		if err := w.Store.AddNotices(t.Context(), noticesFor([]string{"hook"}, fmt.Sprint("alarm/", n), m, time.Time{}), w.clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	const one = "failure: Tidemark: a notification to hook was given up"
	for i, s := range []struct {
		minutes int
		want    string
	}{{0, ""}, {1, one}, {2, ""}, {30, ""}, {60, ""}, {61, "failure: Tidemark: 4 notifications to hook were given up"}, {120, ""}, {121, "failure: Tidemark: 2 notifications to hook were given up"}} {
		w.clock.Set(noon.Add(time.Duration(s.minutes) * time.Minute))
		alarm(i)
		w.after(time.Duration(s.minutes) * time.Minute)
		if got := titles(w.take("self")); got != s.want {
			t.Errorf("after %d minutes: %q, want %q", s.minutes, got, s.want)
		}
	}
	w.after(1000 * time.Hour)
	got := w.take("self")
	if titles(got) != one || !strings.Contains(got[0].Text, "it answered 404") || !strings.Contains(got[0].Text, "tidemark notify list --state dead") {
		t.Errorf("the last: %+v", got)
	}
	w.after(2000 * time.Hour)
	if got := append(w.take("self"), w.take("hook")...); len(got) > 0 {
		t.Errorf("when no more were given up: %s", titles(got))
	}
}

// TestRepeatsOfADeadChannel: repeats that waited for a channel are told once,
// and not at all when the alarm is over or somebody looks after it.
func TestRepeatsOfADeadChannel(t *testing.T) {
	rule := strings.ReplaceAll(errorsRule, "missing: not_breaching", "missing: ignore") + "repeat: 1m\n"
	for name, after := range map[string]func(w *watched, id string){
		"repeat: still ALARM: errors (service=calm)": func(*watched, string) {},
		"": func(w *watched, id string) {
			if _, err := w.ActOnIncident(t.Context(), id, IncidentAction{Do: "acknowledge", Who: "ann"}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		w := newWatched(t, map[string]string{"hook": ""}, map[string]string{"errors": rule})
		w.stored("a", "calm 0", "calm 1")
		w.watches.get("requests").fresh = true
		w.step(evaluated{})
		w.after(time.Second)
		w.take("hook")
		w.answer(http.StatusServiceUnavailable)
		for m := 1; m <= 5; m++ {
			w.after(time.Duration(m) * time.Minute)
		}
		list, err := w.Store.Notifications(t.Context(), "pending", 10)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		after(w, list[0].Incident)
		w.answer(http.StatusOK)
		w.after(5*time.Minute + 50*time.Second)
		if got := titles(w.take("hook")); got != name {
			t.Errorf("%q, want %q", got, name)
		}
	}
}

// TestInhibitionInACircle: rules that would keep each other quiet are both told,
// and the circle is a mistake with its place.
func TestInhibitionInACircle(t *testing.T) {
	w := newWatched(t, map[string]string{"hook": ""}, map[string]string{
		"errors":  errorsRule + "inhibit: [traffic]\n",
		"traffic": errorsRule + "inhibit: [calls]\n",
		"calls":   errorsRule + "inhibit: [errors]\n",
		"quiet":   errorsRule + "inhibit: [errors]\n",
		"alone":   errorsRule + "inhibit: [alone]\n",
	})
	w.stored("a", "calm 0", "calm 1")
	w.watches.get("requests").fresh = true
	w.step(evaluated{})
	w.after(time.Second)
	got := map[string]bool{}
	for _, m := range w.take("hook") {
		got[m.Rule] = true
	}
	if fmt.Sprint(got) != "map[alone:true calls:true errors:true traffic:true]" {
		t.Errorf("told: %v", got)
	}
	var problems []string
	for _, f := range w.Current().Rules {
		spec, err := w.Current().ReadRule(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.ruleNames(spec); err != nil {
			problems = append(problems, err.Error())
		}
	}
	want := `rules/alone.yaml:10:11: inhibit: alone would keep itself quiet
rules/calls.yaml:10:11: inhibit: calls, errors, traffic would keep each other quiet
rules/errors.yaml:10:11: inhibit: errors, traffic, calls would keep each other quiet
rules/traffic.yaml:10:11: inhibit: traffic, calls, errors would keep each other quiet`
	if got := strings.Join(problems, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

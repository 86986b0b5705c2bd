package workbench

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/notify"
	"tidemark.dev/tidemark/internal/clocktest"
)

// inbox is a server on the loopback interface that keeps what channels post;
// the last part of the path is the channel.
type inbox struct {
	*httptest.Server
	mu     sync.Mutex
	got    map[string][]notify.Message
	status int
	slow   func() // what the channel slow waits for
}

func newInbox(t *testing.T) *inbox {
	b := &inbox{got: map[string][]notify.Message{}, status: http.StatusOK}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if filepath.Base(r.URL.Path) == "slow" {
			b.slow()
			return
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		var m notify.Message
		if err := json.Unmarshal(body, &m); err != nil {
			t.Errorf("%s is no message: %v", body, err)
		}
		name := filepath.Base(r.URL.Path)
		if b.status == http.StatusOK || name != "hook" {
			b.got[name] = append(b.got[name], m)
			return
		}
		w.WriteHeader(b.status)
	}))
	t.Cleanup(b.Close)
	return b
}

func (b *inbox) answer(status int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status = status
}

// take gives what a channel got since the last time: each as kind and title.
func (b *inbox) take(channel string) (list []notify.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	list, b.got[channel] = b.got[channel], nil
	return list
}

// titles are what messages say, for comparing.
func titles(list []notify.Message) string {
	var out []string
	for _, m := range list {
		out = append(out, m.Kind+": "+m.Title)
	}
	return strings.Join(out, "\n")
}

var noon = time.Date(2026, 1, 9, 12, 0, 0, 0, time.UTC)

// watched is an open workspace with an inbox for its channels and a clock that
// the test moves.
type watched struct {
	*Workbench
	*inbox
	t     *testing.T
	root  string
	clock *clocktest.Clock
}

func newWatched(t *testing.T, channels, rules map[string]string) *watched {
	t.Helper()
	w := &watched{inbox: newInbox(t), t: t, root: t.TempDir(), clock: clocktest.New(noon)}
	config := "name: t\nsources:\n  in: {type: file, path: \"in/*.ndjson\", dataset: requests}\ndatasets:\n  requests: {watermark: {lateness: 0s}}\nchannels:\n"
	for name, keys := range channels {
		config += fmt.Sprintf("  %s: {type: webhook, url: \"%s/%s\"%s}\n", name, w.URL, name, keys)
	}
	w.put(workspace.FileName, config)
	for name, text := range rules {
		w.put("rules/"+name+".yaml", "rule: "+name+"\ndataset: requests\n"+text)
	}
	space := w.load()
	err := space.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	w.Workbench, err = Open(t.Context(), space, Options{Staging: t.TempDir(), Clock: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Workbench.Close() })
	return w
}

// load reads the workspace's files.
func (w *watched) load() *workspace.Workspace {
	w.t.Helper()
	space, err := workspace.Load(w.root, workspace.Options{Trusted: true, LookupEnv: os.LookupEnv})
	if err != nil {
		w.t.Fatal(err)
	}
	return space
}

func (w *watched) put(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// stored pulls records: each is a service and a minute after noon.
func (w *watched) stored(file string, records ...string) {
	w.t.Helper()
	var b strings.Builder
	for _, r := range records {
		service, minute, _ := strings.Cut(r, " ")
		m, err := time.ParseDuration(minute + "m")
		if err != nil {
			w.t.Fatal(err)
		}
		fmt.Fprintf(&b, `{"time":%q,"service":%q,"level":"ERROR"}`+"\n", noon.Add(m).Format(time.RFC3339), service)
	}
	w.put("in/"+file+".ndjson", b.String())
	if _, err := w.Pull(w.t.Context(), PullOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watched) step(e evaluated) AlarmNews {
	w.t.Helper()
	news, err := w.evaluate(w.t.Context(), "requests", e)
	if err != nil {
		w.t.Fatal(err)
	}
	return news
}

// after moves the clock to a time after noon, and sends what is due then.
func (w *watched) after(d time.Duration) {
	w.t.Helper()
	w.clock.Set(noon.Add(d))
	w.sendDue(w.t.Context())
}

// incidents puts some into the store, as an evaluation would.
func (w *watched) incidents(list ...engine.Incident) {
	w.t.Helper()
	e := engine.Evaluated{Dataset: "requests", Now: w.clock.Now()}
	for n, i := range list {
		i.ID, i.Dataset, i.Peak, i.Told = fmt.Sprintf("i%09d", n), "requests", "{}", true
		if i.Key == "" {
			i.Key = "{}"
		}
		e.Changes = append(e.Changes, engine.IncidentChange{Incident: i, Kind: engine.IncidentFired})
	}
	if err := w.Store.SaveEvaluated(w.t.Context(), e); err != nil {
		w.t.Fatal(err)
	}
}

const errorsRule = `group_by: [service]
window: {tumbling: 1m}
measures: {errors: count()}
when: errors >= 1
alarm: {datapoints: 1, of: 1, missing: not_breaching}
severity: critical
notify: [hook]
`

// TestDigestAfterSleep: thirty alarms of hours that nobody watched are one
// message, and not while there is still more to catch up with.
func TestDigestAfterSleep(t *testing.T) {
	w := newWatched(t, map[string]string{"hook": "", "other": `, match: {service: "s07"}`}, map[string]string{"errors": errorsRule})
	w.stored("a", "calm 0", "calm 1")
	w.watches.get("requests").fresh = true // as after the first records of a tail
	w.step(evaluated{})
	w.after(time.Second)
	if got := titles(w.take("hook")); got != "alarm: ALARM: errors (service=calm)" {
		t.Fatalf("before the sleep: %s", got)
	}
	var records []string
	for i := range 30 {
		records = append(records, fmt.Sprintf("s%02d %d", i, 2+i))
	}
	w.stored("b", append(records, "s29 40")...)
	w.step(evaluated{late: true, past: true})
	w.after(time.Hour)
	if got := titles(w.take("hook")); strings.Contains(got, "s0") {
		t.Fatalf("while it catches up: %s", got)
	}
	w.watches.caughtUp("requests")
	w.after(time.Hour + time.Second)
	w.after(2 * time.Hour)
	got := w.take("hook")
	if len(got) != 1 || got[0].Kind != notify.Digest || len(got[0].Items) != 30 {
		t.Fatalf("after the sleep: %s", titles(got))
	}
	if got := w.take("other"); len(got) != 1 || len(got[0].Items) != 1 || got[0].Items[0].Group != "service=s07" {
		t.Errorf("who wants one group got %+v", got)
	}
}

// TestDailyDigests: each channel gets what is its own, the worst first, once a
// day, at its own hour.
func TestDailyDigests(t *testing.T) {
	w := newWatched(t, map[string]string{
		"shop": `, daily: "13:00 Europe/Berlin", match: {team: shop}`,
		"pay":  `, daily: "12:30", match: {team: pay}`,
		"hook": "",
	}, nil)
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	end := func(minutes int) *time.Time { return new(at(minutes)) }
	shop, pay := map[string]string{"team": "shop"}, map[string]string{"team": "pay"}
	w.clock.Set(at(-1))
	w.incidents(
		engine.Incident{Rule: "short", Labels: shop, Severity: "warning", Start: at(-300), End: end(-290)},
		engine.Incident{Rule: "long", Labels: shop, Severity: "warning", Start: at(-200), End: end(-100)},
		engine.Incident{Rule: "lasts", Labels: shop, Severity: "warning", Start: at(-50)},
		engine.Incident{Rule: "worst", Labels: shop, Severity: "critical", Start: at(-400), End: end(-399)},
		engine.Incident{Rule: "old", Labels: shop, Severity: "critical", Start: at(-3000), End: end(-2990)},
		engine.Incident{Rule: "paid", Labels: pay, Severity: "info", Start: at(-60), End: end(-50)},
	)
	rules := func(list []notify.Message) (names []string) {
		for _, m := range list {
			for _, i := range m.Items {
				names = append(names, i.Rule)
			}
		}
		return names
	}
	w.after(-time.Second) // 12:59:59 in Berlin, and what was due yesterday
	yesterday := rules(w.take("shop"))
	if slices.Contains(yesterday, "worst") {
		t.Errorf("before its hour: %v", yesterday)
	}
	w.take("pay")
	w.after(0)
	w.after(time.Minute)
	if got := w.take("shop"); len(got) != 1 || got[0].Kind != notify.Daily || strings.Join(rules(got), " ") != "worst lasts long short" {
		t.Errorf("the shop got %s: %v", titles(got), rules(got))
	}
	if got := w.take("pay"); len(got) != 0 {
		t.Errorf("pay got %s before its hour", titles(got))
	}
	w.after(31 * time.Minute)
	if got := rules(w.take("pay")); strings.Join(got, " ") != "paid" {
		t.Errorf("pay got %v", got)
	}
	w.after(25 * time.Hour)
	if got := rules(w.take("shop")); strings.Join(got, " ") != "lasts" {
		t.Errorf("the day after, the shop got %v", got)
	}
	if got := append(w.take("pay"), w.take("hook")...); len(got) != 0 {
		t.Errorf("a day without alarms told of %s", titles(got))
	}
}

// TestFailuresHaveTheirOwnChannel: a rule that cannot be evaluated is told
// there once a day, and to nobody else.
func TestFailuresHaveTheirOwnChannel(t *testing.T) {
	w := newWatched(t, map[string]string{"hook": "", "self": ", failures: true"}, map[string]string{"errors": errorsRule})
	w.stored("a", "calm 0", "calm 1")
	w.watches.get("requests").fresh = true
	failing := func() {
		t.Helper()
		notices := w.failureNotices("rule errors cannot be evaluated", fmt.Errorf("it has too many groups"))
		if err := w.Store.AddNotices(t.Context(), notices, w.clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	failing()
	failing()
	w.after(time.Second)
	if got := titles(w.take("self")); got != "failure: Tidemark: rule errors cannot be evaluated" {
		t.Errorf("the first day: %s", got)
	}
	w.clock.Set(noon.Add(24 * time.Hour))
	failing()
	w.after(24 * time.Hour)
	if got := titles(w.take("self")); got != "failure: Tidemark: rule errors cannot be evaluated" {
		t.Errorf("the second day: %s", got)
	}
	if got := w.take("hook"); len(got) != 0 {
		t.Errorf("others got %s", titles(got))
	}
}

// TestDeadLetters: a server that fails is tried eight times, ever later; then
// the notification is a dead letter, which is told, and sent when somebody
// asks for it, with the same key.
func TestDeadLetters(t *testing.T) {
	w := newWatched(t, map[string]string{"hook": "", "self": ", failures: true"}, map[string]string{"errors": errorsRule})
	w.stored("a", "calm 0", "calm 1")
	w.watches.get("requests").fresh = true
	w.answer(http.StatusServiceUnavailable)
	w.step(evaluated{})
	at := time.Second
	for try := 1; try <= notify.MaxAttempts; try++ {
		w.after(at)
		list, err := w.Store.Notifications(t.Context(), "", 10)
		if err != nil || len(list) == 0 || list[len(list)-1].Attempts != try {
			t.Fatalf("try %d: %+v %v", try, list, err)
		}
		w.after(at + notify.Backoff(try) - time.Second) // not yet
		at += notify.Backoff(try)
	}
	dead, err := w.Store.Notifications(t.Context(), "dead", 10)
	if err != nil || len(dead) != 1 || !strings.Contains(dead[0].Error, "503") || dead[0].Attempts != notify.MaxAttempts {
		t.Fatalf("%+v %v", dead, err)
	}
	w.after(at)
	if got := titles(w.take("self")); got != "failure: Tidemark: a notification to hook was given up" {
		t.Errorf("of the dead letter is told: %s", got)
	}
	w.answer(http.StatusOK)
	w.after(at + 10*time.Hour)
	if got := w.take("hook"); len(got) != 0 {
		t.Errorf("a dead letter was sent: %s", titles(got))
	}
	if n, err := w.RetryNotices(t.Context(), dead[0].ID); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	w.after(at + 11*time.Hour)
	if got := w.take("hook"); len(got) != 1 || got[0].Key != dead[0].Key {
		t.Errorf("asked for, it is %s", titles(got))
	}
	i, err := w.Incident(t.Context(), dead[0].Incident)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range i.Timeline {
		if e.Kind == engine.IncidentNotified {
			told = append(told, strings.SplitN(e.Text, ",", 2)[0])
		}
	}
	if strings.Join(told, "; ") != "alarm to hook: dead; alarm to hook" {
		t.Errorf("the timeline says %q", told)
	}
}

// TestRefusedIsDeadAtOnce: what a server refuses it will refuse again.
func TestRefusedIsDeadAtOnce(t *testing.T) {
	w := newWatched(t, map[string]string{"hook": ""}, map[string]string{"errors": errorsRule})
	w.stored("a", "calm 0", "calm 1")
	w.watches.get("requests").fresh = true
	w.answer(http.StatusNotFound)
	w.step(evaluated{})
	w.after(time.Second)
	if dead, err := w.Store.Notifications(t.Context(), "dead", 10); err != nil || len(dead) != 1 || dead[0].Attempts != 1 {
		t.Fatalf("%+v %v", dead, err)
	}
}

// TestRepeats: an alarm is told again while it lasts and nobody looks after
// it; hours asleep are one more message, not one for each.
func TestRepeats(t *testing.T) {
	w := newWatched(t, map[string]string{"hook": ""}, map[string]string{"errors": strings.ReplaceAll(errorsRule, "missing: not_breaching", "missing: ignore") + "repeat: 4h\n"})
	w.stored("a", "calm 0", "calm 1")
	w.watches.get("requests").fresh = true
	w.step(evaluated{})
	const alarm, again = "alarm: ALARM: errors (service=calm)", "repeat: still ALARM: errors (service=calm)"
	for _, s := range []struct {
		at   time.Duration
		want string
	}{{time.Second, alarm}, {4*time.Hour - time.Second, ""}, {4 * time.Hour, again}, {4*time.Hour + time.Minute, ""}, {8 * time.Hour, again}, {21 * time.Hour, again}, {23 * time.Hour, ""}} {
		w.after(s.at)
		if got := titles(w.take("hook")); got != s.want {
			t.Errorf("after %s: %q, want %q", s.at, got, s.want)
		}
	}
	list, err := w.Store.Notifications(t.Context(), "sent", 10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.ActOnIncident(t.Context(), list[0].Incident, IncidentAction{Do: "acknowledge", Who: "ann"}); err != nil {
		t.Fatal(err)
	}
	w.after(48 * time.Hour)
	if got := titles(w.take("hook")); got != "" {
		t.Errorf("acknowledged, it is told again: %s", got)
	}
}

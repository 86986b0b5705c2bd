package workbench

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/notify"
)

// told fills the outbox with messages to a channel.
func (w *watched) told(channel string, from, to int) {
	w.t.Helper()
	var list []engine.Notice
	for i := from; i < to; i++ {
		list = append(list, noticesFor([]string{channel}, fmt.Sprint("n", i), notify.Message{Kind: notify.Test, Title: fmt.Sprint(channel, i)}, time.Time{})...)
	}
	if err := w.Store.AddNotices(w.t.Context(), list, w.clock.Now()); err != nil {
		w.t.Fatal(err)
	}
}

// awaits waits for what happens beside the test.
func (w *watched) awaits(is func() bool) {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatal("it did not happen in a minute")
		}
	}
}

// TestAChannelThatHangsHoldsUpNoOther: while it is waited for, others are sent
// to, also what has come since; and it is not sent to twice.
func TestAChannelThatHangsHoldsUpNoOther(t *testing.T) {
	asked, over := make(chan struct{}, 100), make(chan struct{})
	w := newWatched(t, map[string]string{"hook": "", "slow": ""}, nil)
	w.slow = func() { asked <- struct{}{}; <-over }
	w.told("slow", 0, 3)
	for i := range 3 {
		w.told("hook", i, i+1)
		w.clock.Set(noon.Add(time.Duration(i) * time.Second))
		w.startDue(t.Context())
		w.awaits(func() bool { return strings.Contains(titles(w.take("hook")), fmt.Sprint("hook", i)) })
		w.awaits(func() bool { _, busy := w.outbox.busy.Load("hook"); return !busy })
	}
	select {
	case <-asked:
	case <-time.After(time.Minute):
		t.Error("it was never asked")
	}
	if n := len(asked); n != 0 {
		t.Errorf("it was asked %d times more meanwhile", n)
	}
	close(over)
	w.outbox.sending.Wait()
}

// TestAFullChannelHoldsUpNoOther: what one channel refuses to take keeps
// nothing from another.
func TestAFullChannelHoldsUpNoOther(t *testing.T) {
	w := newWatched(t, map[string]string{"hook": "", "other": ""}, nil)
	w.answer(http.StatusServiceUnavailable)
	w.told("hook", 0, 3*outboxAtOnce)
	w.told("other", 0, 1)
	w.after(time.Second)
	if got := titles(w.take("other")); got != "test: other0" {
		t.Errorf("the other got %q", got)
	}
}

// TestWhatIsOverBeforeTheQuietIsNotTold: neither the alarm nor its end.
func TestWhatIsOverBeforeTheQuietIsNotTold(t *testing.T) {
	w := newWatched(t, map[string]string{"hook": ""}, map[string]string{
		"errors": errorsRule + "silence: [{from: \"2026-01-09T11:00:00Z\", to: \"2026-01-09T13:00:00Z\"}]\n",
		"down":   strings.ReplaceAll(errorsRule, "notify: [hook]", ""),
		"slow":   errorsRule + "inhibit: [down]\n",
	})
	w.stored("a", "calm 0", "calm 1")
	w.watches.get("requests").fresh = true
	w.step(evaluated{})
	w.after(time.Minute)
	w.stored("b", "else 9")
	w.step(evaluated{late: true}) // all are over at once
	for i := range 5 {
		w.after(time.Duration(i) * time.Hour)
	}
	if got := titles(w.take("hook")); strings.Contains(got, "calm") {
		t.Errorf("of what was over it told %s", got)
	}
	list, err := w.Store.Notifications(t.Context(), "suppressed", 100)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for _, n := range list {
		said[n.Kind+": "+n.Error] = true
	}
	for _, want := range []string{"alarm: inhibited by down, until it was over", "ok: nobody was told of the alarm"} {
		if !said[want] {
			t.Errorf("%q is not in %v", want, said)
		}
	}
}

// TestARetriedAlarmIsAlsoOver: who is told of it late is told that it is over.
func TestARetriedAlarmIsAlsoOver(t *testing.T) {
	w := newWatched(t, map[string]string{"hook": ""}, map[string]string{"errors": errorsRule})
	w.stored("a", "calm 0", "calm 1")
	w.watches.get("requests").fresh = true
	w.answer(http.StatusNotFound)
	w.step(evaluated{})
	w.after(time.Second)
	w.stored("b", "calm 3", "calm 4", "calm 5")
	w.step(evaluated{})
	w.stored("c", "calm 30")
	w.step(evaluated{})
	w.after(time.Minute)
	w.answer(http.StatusOK)
	if _, err := w.RetryNotices(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	w.after(time.Hour)
	if got := titles(w.take("hook")); !strings.Contains(got, "alarm: ALARM: errors (service=calm)\nok: OK: errors (service=calm)") {
		t.Errorf("told %s", got)
	}
}

package workbench

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/notify"
	"tidemark.dev/tidemark/engine/rule"
	"tidemark.dev/tidemark/engine/store"
)

// held begins what is said of a notice that is kept back for now.
const held = "held: "

// quiet is what keeps notifications back at a moment.
type quiet struct {
	at        time.Time
	silences  []store.Silence
	specs     map[string]rule.Spec
	times     map[string]bool // rules that want quiet now
	open      []store.IncidentRow
	incidents map[string]store.IncidentRow

	mu   sync.Mutex
	told map[string]string // the state of each alarm's notice, by incident and channel
}

// telling says what became of an alarm's notice.
func (q *quiet) telling(n store.Notification, state string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.told[n.Incident+" "+n.Channel] = state
}

func (q *quiet) toldOf(n store.Notification) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.told[n.Incident+" "+n.Channel]
}

func (b *Workbench) quiet(ctx context.Context, now time.Time, specs map[string]rule.Spec) (*quiet, error) {
	q := &quiet{at: now, specs: specs, times: map[string]bool{}, incidents: map[string]store.IncidentRow{}, told: map[string]string{}}
	var err error
	if q.silences, err = b.Store.Silences(ctx, now); err != nil {
		return nil, err
	}
	all, err := b.Store.Incidents(ctx, store.IncidentFilter{})
	if err != nil {
		return nil, err
	}
	withdrawn, err := b.Store.Incidents(ctx, store.IncidentFilter{State: "withdrawn"})
	if err != nil {
		return nil, err
	}
	for _, i := range append(all, withdrawn...) {
		q.incidents[i.ID] = i
		if i.State == "open" {
			q.open = append(q.open, i)
		}
	}
	alarms, err := b.Store.AlarmsAwaited(ctx)
	if err != nil {
		return nil, err
	}
	for _, n := range alarms {
		q.telling(n, n.State)
	}
	for name, spec := range specs {
		q.times[name] = rule.QuietAt(spec, now)
	}
	return q, nil
}

// judge says what becomes of a notice: "" is that it is sent.
func (q *quiet) judge(n store.Notification) (state, why string) {
	i, ok := q.incidents[n.Incident]
	if !ok {
		return "", "" // a digest, or a failure
	}
	if n.Kind == notify.Over {
		switch q.toldOf(n) {
		case "sent":
			return "", ""
		case "pending":
			return "pending", held + "the alarm was not told yet"
		}
		return "suppressed", "nobody was told of the alarm"
	}
	if n.Kind == notify.Repeat {
		switch {
		case i.State != "open":
			return "suppressed", "it is over"
		case i.Acked != nil:
			return "suppressed", "acknowledged"
		}
	}
	why = q.reason(i)
	before, wasHeld := strings.CutPrefix(n.Error, held)
	switch {
	case why == "" && wasHeld && i.State != "open":
		return "suppressed", before + ", until it was over"
	case why == "":
		return "", ""
	case i.State != "open" || n.Kind == notify.Repeat:
		return "suppressed", why
	}
	return "pending", held + why
}

// reason is why nobody is notified of an incident now.
func (q *quiet) reason(i store.IncidentRow) string {
	key, err := json.Marshal(i.Key)
	if err != nil {
		return ""
	}
	have := facts(i.Rule, i.Severity, key, i.Labels)
	for _, s := range q.silences {
		if !q.at.Before(s.From) && (s.Rule == "" || s.Rule == i.Rule) && matches(s.Match, have) {
			return "silence " + s.ID
		}
	}
	if q.times[i.Rule] {
		return "the rule's own silence"
	}
	for _, name := range q.specs[i.Rule].Inhibit {
		if circle(q.specs, name.Value, i.Rule) != nil {
			continue // nobody would be told of either
		}
		for _, other := range q.open {
			if other.Rule == name.Value && agree(i.Key, other.Key) {
				return "inhibited by " + other.Rule
			}
		}
	}
	return ""
}

// agree reports whether two groups have the same values where they have the
// same keys.
func agree(a, b map[string]any) bool {
	for k, v := range a {
		if w, both := b[k]; both && fmt.Sprint(v) != fmt.Sprint(w) {
			return false
		}
	}
	return true
}

// Silence keeps notifications back for a time. It wants a rule or a match.
func (b *Workbench) Silence(ctx context.Context, s store.Silence) (store.Silence, error) {
	now := b.clock.Now()
	if s.From.IsZero() {
		s.From = now
	}
	switch {
	case s.Rule == "" && len(s.Match) == 0:
		return s, engine.Errorf(engine.Invalid, "silence", "nothing was named").WithHint("name a rule, or what to match: --rule checkout_errors, --match team=payments")
	case !s.To.After(s.From) || !s.To.After(now):
		return s, engine.Errorf(engine.Invalid, "silence", "it would end before it begins").WithHint("say for how long: --for 2h")
	}
	if specs := b.specs(); s.Rule != "" && specs[s.Rule].Rule.Value == "" {
		names := slices.Sorted(maps.Keys(specs))
		e := engine.Errorf(engine.NotFound, "silence", "there is no rule %s", s.Rule)
		if near := engine.Nearest(s.Rule, names); near != "" {
			return s, e.WithHint("did you mean %s?", near)
		}
		return s, e.WithHint("tidemark rules list shows the rules there are")
	}
	id := make([]byte, 4)
	if _, err := rand.Read(id); err != nil {
		return s, err
	}
	s.ID = hex.EncodeToString(id)
	if s.Match == nil {
		s.Match = map[string]string{}
	}
	return s, b.Store.AddSilence(ctx, s, now)
}

// EndSilence ends a silence now.
func (b *Workbench) EndSilence(ctx context.Context, id string) error {
	found, err := b.Store.EndSilence(ctx, id, b.clock.Now())
	if err == nil && !found {
		return engine.Errorf(engine.NotFound, "end silence", "there is no silence %s that is not over", id).WithHint("tidemark silences list shows those there are")
	}
	return err
}

// Silences lists those that are not over.
func (b *Workbench) Silences(ctx context.Context) ([]store.Silence, error) {
	return b.Store.Silences(ctx, b.clock.Now())
}

// RetryNotices tries notifications again that were given up: one, or all
// with 0.
func (b *Workbench) RetryNotices(ctx context.Context, id int64) (int64, error) {
	n, err := b.Store.RetryNotices(ctx, id, b.clock.Now())
	b.changed(incidentsTable)
	if err == nil && n == 0 && id != 0 {
		return 0, engine.Errorf(engine.NotFound, "notify again", "notification %d was not given up", id).WithHint("tidemark notify list --state dead shows those that were")
	}
	return n, err
}

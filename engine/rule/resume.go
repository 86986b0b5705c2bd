package rule

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// Kept is what was kept of a rule when it was evaluated the last time.
type Kept struct {
	Progress engine.RuleProgress
	// Points are by group and then by time: those of windows that are open to
	// late records or belong to incidents that are, and of each group
	// Policy.Slots + 1 before them.
	Points    []engine.Datapoint
	Incidents []engine.Incident
	Alarms    []engine.AlarmState
}

// Resumes is how many datapoints of a group, before those that are open, the
// evaluation needs to go on.
func (r *Rule) Resumes() int { return r.Alarm.Slots() + 1 }

// IncidentsSince is when the incidents end at the earliest that the evaluation
// needs to go on, where windows that end after open may change.
func (r *Rule) IncidentsSince(open time.Time) time.Time {
	if r.Plan.Window.Kind == plan.Session {
		return time.Time{} // the group may not have been heard of since
	}
	return open
}

// KnownSince is when a group was heard of at the latest that may still be
// known, where windows that end after open may change.
func (r *Rule) KnownSince(open time.Time) time.Time {
	if r.Plan.Window.Kind == plan.Session {
		return time.Time{}
	}
	return open.Add(-r.Forget - r.Plan.Window.Size)
}

// Resume takes a rule that goes on where it was. If it means something else
// now, it begins again.
func (l *Live) Resume(r *Rule, late LateUpdates, kept Kept) error {
	one, err := l.add(r, late)
	if err != nil || kept.Progress.Fingerprint != one.fingerprint {
		return err
	}
	one.progress = kept.Progress
	one.progress.Reset = false
	for i, j := 0, 0; i < len(kept.Points); i = j {
		for j = i; j < len(kept.Points) && kept.Points[j].Key == kept.Points[i].Key; j++ {
		}
		if err := one.resume(kept.Points[i:j], kept.Incidents); err != nil {
			return err
		}
	}
	if err := one.resumeAwaited(); err != nil {
		return err
	}
	for _, t := range one.groups {
		one.claim(t, kept)
	}
	return nil
}

// resumeAwaited goes on to wait for groups that never appeared.
func (r *liveRule) resumeAwaited() error {
	if r.progress.Since.IsZero() {
		return nil
	}
	for _, keys := range r.rule.Expected {
		t, err := r.group(keys)
		if err != nil {
			return err
		}
		if len(t.entries) == 0 && len(t.base.points) == 0 {
			t.base.settle(r.late.OpenSince(r.progress.At))
			t.base.report = &Report{}
			t.again(r.progress.At)
			t.now.report.Transitions = nil
		}
	}
	return nil
}

// LooksBack is the end of the oldest datapoint that the evaluation needs to go
// on, where windows that end after open may change.
func (r *Rule) LooksBack(open time.Time) time.Time {
	if len(r.Plan.Pasts) == 0 {
		return open
	}
	return r.Plan.Reach(open)
}

// resume makes the alarm of one group what it was.
func (r *liveRule) resume(points []engine.Datapoint, incidents []engine.Incident) error {
	entries := make([]entry, len(points))
	for i, p := range points {
		e, err := r.entry(p)
		if err != nil {
			return fmt.Errorf("resume %s: %w", r.rule.Name, err)
		}
		entries[i] = e
	}
	t, err := r.group(entries[0].env.Keys)
	if err != nil {
		return err
	}
	at := r.progress.At
	n := 0
	for n < len(entries) && r.late.closed(entries[n].End, at) {
		t.base.recall(&entries[n])
		t.remember(&entries[n])
		if n == 0 {
			r.recallEpisode(t, entries[n].End, incidents)
		}
		n++
	}
	t.base.settle(r.late.OpenSince(at))
	t.base.report = &Report{}
	t.entries = entries[n:]
	t.open = r.rule.Plan.Window.Kind == plan.Session // as far as is known
	t.again(at)
	t.now.report.Transitions = nil
	for i := range t.entries {
		t.entries[i].dirty = false
	}
	return nil
}

// recallEpisode finds out since when the alarm lasts in which the first window
// is that is looked at.
func (r *liveRule) recallEpisode(t *timeline, at time.Time, incidents []engine.Incident) {
	i := slices.IndexFunc(incidents, func(k engine.Incident) bool {
		return k.Key == t.name && !k.Withdrawn && k.Start.Before(at) && (k.End == nil || k.End.After(at))
	})
	if t.base.episode == nil || i < 0 {
		return
	}
	var peak map[string]any
	if json.Unmarshal([]byte(incidents[i].Peak), &peak) != nil {
		return
	}
	t.base.episode.Start = incidents[i].Start
	for _, w := range r.rule.Watched {
		if v, ok := peak[w.Name]; ok {
			t.base.episode.Peak[w.Name] = plan.FromJSON(v, r.rule.Plan.Measures[w.Index].Expr.Type())
		}
	}
}

// recall takes in a window as it was decided.
func (h *history) recall(e *entry) {
	h.silence(e.End)
	if h.rule.Plan.Window.Kind == plan.Session {
		h.forget(e.Start)
	}
	h.last, h.next, h.silent = e.End, e.End, 0
	if h.points = append(h.points, e.point); len(h.points) > h.rule.Alarm.Slots() {
		h.points = h.points[1:]
	}
	h.move(e.End, e.state, "")
	if h.rule.Plan.Window.Kind != plan.Session {
		h.next = h.rule.Plan.Window.EndAfter(h.next)
	}
	h.peak(e.env.Measures)
}

// claim says which kept incidents and which state are the group's.
func (r *liveRule) claim(t *timeline, kept Kept) {
	for _, e := range t.episodes() {
		i := slices.IndexFunc(kept.Incidents, func(k engine.Incident) bool { return k.Key == t.name && !k.Withdrawn && k.Start.Equal(e.Start) })
		if i >= 0 {
			t.incidents = append(t.incidents, shown{e, kept.Incidents[i]})
		}
	}
	for _, a := range kept.Alarms {
		if a.Key == t.name {
			t.saved = a
		}
	}
}

// entry reads a datapoint.
func (r *liveRule) entry(p engine.Datapoint) (entry, error) {
	e := entry{Span: plan.Span{Start: p.Start, End: p.End}, records: p.Records, late: p.Late, state: State(p.State), revision: p.Revision}
	if len(p.Point) != 1 {
		return e, fmt.Errorf("the datapoint of %s is %q", p.End.Format(time.RFC3339), p.Point)
	}
	e.point = Point(p.Point[0])
	if p.Breaching != nil {
		e.breaching = plan.Bool(*p.Breaching)
	}
	var key, values map[string]any
	if err := json.Unmarshal([]byte(p.Key), &key); err != nil {
		return e, err
	}
	if err := json.Unmarshal([]byte(p.Values), &values); err != nil {
		return e, err
	}
	for _, k := range r.rule.Plan.Keys {
		e.env.Keys = append(e.env.Keys, plan.FromJSON(key[k.Name], k.Column.Type()))
	}
	for _, m := range r.rule.Plan.Measures {
		e.env.Measures = append(e.env.Measures, plan.FromJSON(values[m.Name], m.Expr.Type()))
	}
	return e, nil
}

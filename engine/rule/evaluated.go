package rule

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// take gives the windows to their groups and says what came of it.
func (r *liveRule) take(found []foundWindow, open []openSession, s Step, out *engine.Evaluated) error {
	before := r.progress.At
	until := s.Watermark
	if before.After(until) {
		until = before // it never goes back
	}
	if err := r.await(s, before); err != nil {
		return err
	}
	fresh := map[*timeline][]entry{}
	gone := map[*timeline][]plan.Span{}
	for _, f := range found {
		if !before.IsZero() && !f.span.End.After(before) && r.late.closed(f.span.End, before) {
			continue // it takes no more records
		}
		t, err := r.group(f.row.Keys)
		if err != nil {
			return err
		}
		if r.rule.Plan.Window.Kind == plan.Session {
			gone[t] = append(gone[t], t.overlapped(f.span)...)
		}
		env := f.env
		r.finisher.Measure(&env)
		fresh[t] = append(fresh[t], entry{Span: f.span, env: env, records: f.row.Records, late: f.row.Late})
	}
	for _, x := range open {
		t, err := r.group(x.keys)
		if err != nil {
			return err
		}
		gone[t] = append(gone[t], t.overlapped(x.span)...)
		if t.open = true; x.span.Start.Before(r.open) {
			r.open = x.span.Start
		}
	}
	for name, t := range r.groups {
		t.put(fresh[t], gone[t], until)
		r.tell(t, gone[t], s, out)
		open := r.late.OpenSince(until)
		t.freeze(open)
		if t.over(open) {
			delete(r.groups, name)
			out.Forgotten = append(out.Forgotten, engine.AlarmState{Rule: r.rule.Name, Key: t.name})
		}
	}
	r.progress.Seq, r.progress.At = s.UpTo, until
	out.Rules = append(out.Rules, r.progress)
	r.progress.Reset = false
	return nil
}

// await sees to it that the groups that must appear are waited for, from the
// oldest record on.
func (r *liveRule) await(s Step, before time.Time) error {
	if len(r.rule.Expected) == 0 || s.Since.IsZero() {
		return nil
	}
	earlier := !r.progress.Since.IsZero() && s.Since.Before(r.progress.Since)
	if r.progress.Since.IsZero() || earlier {
		r.progress.Since = s.Since
	}
	for _, keys := range r.rule.Expected {
		t, err := r.group(keys)
		if err != nil {
			return err
		}
		if earlier && len(t.base.points) == 0 {
			t.base = newHistory(r.rule, &Report{}, t.key)
			t.base.await(s.Since)
			t.again(before)
		}
	}
	return nil
}

// overlapped are the windows that a session has swallowed.
func (t *timeline) overlapped(span plan.Span) (gone []plan.Span) {
	for _, e := range t.entries {
		if e.Span != span && e.Start.Before(span.End) && span.Start.Before(e.End) {
			gone = append(gone, e.Span)
		}
	}
	return gone
}

func (r *liveRule) group(keys []plan.Value) (*timeline, error) {
	key := r.key[:0]
	for _, v := range keys {
		key = v.AppendKey(key)
	}
	r.key = key
	if t := r.met[string(key)]; t != nil && r.groups[t.name] == t {
		return t, nil
	}
	t, err := r.named(keys)
	if err == nil {
		if r.met == nil || len(r.met) > 2*len(r.groups) { // most are forgotten by now
			r.met = map[string]*timeline{}
		}
		r.met[string(key)] = t
	}
	return t, err
}

// named is group by the name that is kept of one.
func (r *liveRule) named(keys []plan.Value) (*timeline, error) {
	g := r.rule.groupOf(keys)
	name := jsonText(g)
	t := r.groups[name]
	if t == nil {
		if len(r.groups) >= maxGroups {
			return nil, tooMany{}
		}
		t = newTimeline(r.rule, r.finisher, g, name)
		r.groups[name] = t
		if r.rule.Awaits(keys) {
			t.await(r.progress.Since)
		}
	}
	return t, nil
}

// tell writes down what a step has changed of a group.
func (r *liveRule) tell(t *timeline, gone []plan.Span, s Step, out *engine.Evaluated) {
	for _, span := range gone {
		out.Gone = append(out.Gone, engine.Datapoint{Rule: r.rule.Name, Key: t.name, Start: span.Start, End: span.End})
	}
	for i := range t.entries {
		if e := &t.entries[i]; e.dirty {
			out.Points = append(out.Points, r.datapoint(t, e))
			e.dirty = false
		}
	}
	r.tellIncidents(t, s, out)
	if n := len(t.now.report.Transitions); n > 0 || t.saved.State == "" || t.saved.State != string(t.now.state) {
		state := engine.AlarmState{Rule: r.rule.Name, Key: t.name, State: string(t.now.state), Reason: "no datapoints yet", Since: r.progress.At}
		if n > 0 {
			last := t.now.report.Transitions[n-1]
			state.Reason, state.Since = last.Reason, last.At
		}
		if state != t.saved {
			out.Alarms = append(out.Alarms, state)
			t.saved = state
		}
	}
	t.now.report.Transitions = nil
}

func (r *liveRule) datapoint(t *timeline, e *entry) engine.Datapoint {
	d := engine.Datapoint{
		Rule: r.rule.Name, Key: t.name, Start: e.Start, End: e.End, Point: string(rune(e.point)), State: string(e.state),
		Records: e.records, Late: e.late, Revision: e.revision, Values: jsonText(r.values(&e.env)),
	}
	if !e.breaching.IsNull() {
		yes := e.breaching.True()
		d.Breaching = &yes
	}
	return d
}

func (r *liveRule) values(env *plan.Env) map[string]plan.Value {
	out := make(map[string]plan.Value, len(env.Measures)+len(env.Past))
	for i, m := range r.rule.Plan.Measures {
		out[m.Name] = env.Measures[i]
	}
	for i, v := range env.Past {
		out[r.rule.Plan.PastName(i)] = v
	}
	return out
}

// tellIncidents compares the episodes with the incidents that are known.
func (r *liveRule) tellIncidents(t *timeline, s Step, out *engine.Evaluated) {
	episodes := t.episodes()
	var next []shown
	used, taken := make([]bool, len(t.incidents)), map[string]bool{}
	for _, k := range t.incidents {
		taken[k.incident.ID] = true
	}
	for _, e := range episodes {
		i := t.match(e, used)
		if i < 0 {
			k := shown{e, r.incident(t, e, s)}
			k.incident.ID = r.freeID(t, e.Start, taken)
			taken[k.incident.ID] = true
			began := k.incident
			began.End = nil
			out.Changes = append(out.Changes, engine.IncidentChange{Incident: began, Kind: engine.IncidentFired, Text: began.Reason})
			if k.incident.End != nil {
				out.Changes = append(out.Changes, engine.IncidentChange{Incident: k.incident, Kind: engine.IncidentEnded, Text: r.ended(e)})
			}
			next = append(next, k)
			continue
		}
		used[i] = true
		next = append(next, r.compare(t.incidents[i], e, out))
	}
	for i, k := range t.incidents {
		if !used[i] {
			k.incident.Withdrawn = true
			out.Changes = append(out.Changes, engine.IncidentChange{Incident: k.incident, Kind: engine.IncidentWithdrawn, Text: "late records changed its windows: it never was"})
		}
	}
	t.incidents = next
}

// match finds the incident that an episode is: the one that began with it,
// else one that it overlaps.
func (t *timeline) match(e Episode, used []bool) int {
	i := slices.IndexFunc(t.incidents, func(k shown) bool { return k.episode.Start.Equal(e.Start) })
	if i >= 0 && !used[i] {
		return i
	}
	for i, k := range t.incidents {
		if !used[i] && (k.episode.End == nil || e.Start.Before(*k.episode.End)) && (e.End == nil || k.episode.Start.Before(*e.End)) {
			return i
		}
	}
	return -1
}

// compare brings a known incident up to what its episode is now.
func (r *liveRule) compare(k shown, e Episode, out *engine.Evaluated) shown {
	was := k.incident
	k.incident.Peak, k.incident.Start, k.incident.End = jsonText(e.Peak), e.Start, e.End
	k.episode = e
	sameEnd := was.End == nil && e.End == nil || was.End != nil && e.End != nil && was.End.Equal(*e.End)
	switch {
	case was.End == nil && e.End != nil && was.Start.Equal(e.Start):
		out.Changes = append(out.Changes, engine.IncidentChange{Incident: k.incident, Kind: engine.IncidentEnded, Text: r.ended(e)})
	case !sameEnd || !was.Start.Equal(e.Start):
		out.Changes = append(out.Changes, engine.IncidentChange{Incident: k.incident, Kind: engine.IncidentRevised, Text: "late records changed it: it was " + spanText(was.Start, was.End) + ", it is " + spanText(e.Start, e.End)})
	case was.Peak != k.incident.Peak:
		out.Changes = append(out.Changes, engine.IncidentChange{Incident: k.incident})
	}
	return k
}

func spanText(start time.Time, end *time.Time) string {
	if end == nil {
		return start.Format(time.RFC3339) + " until now"
	}
	return start.Format(time.RFC3339) + " to " + end.Format(time.RFC3339)
}

func (r *liveRule) ended(e Episode) string {
	return "it lasted " + engine.FormatDuration(e.End.Sub(e.Start))
}

// incident is a new one.
func (r *liveRule) incident(t *timeline, e Episode, s Step) engine.Incident {
	i := engine.Incident{
		Rule: r.rule.Name, Dataset: r.rule.Plan.Dataset,
		Key: t.name, Peak: jsonText(e.Peak), Start: e.Start, End: e.End, Severity: r.rule.Spec.Severity.Value, Labels: r.rule.Spec.Labels,
		Fired: s.Now, Latency: s.Latency,
	}
	begins := r.progress.At.IsZero() && !s.Fresh
	i.Past = s.Past || begins
	i.Told = !i.Past || begins && e.End != nil // what was over before a rule began is history
	if at := slices.IndexFunc(t.entries, func(x entry) bool { return x.End.Equal(e.Start) }); at >= 0 {
		i.Summary = r.rule.Summary.Render(&t.entries[at].env)
	}
	for _, c := range t.now.report.Transitions {
		if c.At.Equal(e.Start) && c.To == Alarming {
			i.Reason = c.Reason
		}
	}
	return i
}

// freeID is the name of an incident that begins at a moment. Where one has it
// that began then until late records moved it, the next one is taken.
func (r *liveRule) freeID(t *timeline, start time.Time, taken map[string]bool) string {
	parts := []string{r.rule.Name, t.name, fmt.Sprint(start.UnixMicro())}
	for n := 1; ; n++ {
		if id := hashed(parts...)[:10]; !taken[id] {
			return id
		}
		parts = append(parts[:3], fmt.Sprint(n))
	}
}

// hashed is a short name for some texts.
func hashed(parts ...string) string {
	sum := sha256.Sum256([]byte(joined(parts)))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:15]))
}

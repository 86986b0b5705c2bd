package rule

import (
	"maps"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// timeline is the alarm of one group as it is evaluated live. Windows that
// late records may still change are kept; the alarm as it was before them is
// kept too, so that it can be evaluated again from there.
type timeline struct {
	rule *Rule
	key  Group
	name string // the key as JSON
	// base is the alarm before entries, and now after them.
	base, now *history
	entries   []entry
	// past are the windows before entries that entries look back at, and trail
	// is what has been entered of both.
	past     []looked
	trail    *plan.Trail
	finisher *plan.Finisher
	// incidents are those that late records may still change.
	incidents []shown
	// open says that a session is not over.
	open bool
	// saved is the state as it was last kept.
	saved engine.AlarmState
}

// looked is a window that later ones look back at.
type looked struct {
	plan.Span
	measures []plan.Value
}

// entry is a window that was evaluated.
type entry struct {
	plan.Span
	env           plan.Env
	breaching     plan.Value
	records, late int64
	point         Point
	state         State
	revision      int
	dirty         bool // not kept as it is
}

// shown is an incident and the episode that it is.
type shown struct {
	episode  Episode
	incident engine.Incident
}

func newTimeline(r *Rule, f *plan.Finisher, key Group, name string) *timeline {
	t := &timeline{rule: r, finisher: f, trail: r.Plan.NewTrail(), key: key, name: name}
	t.base = newHistory(r, &Report{}, key)
	t.now = newHistory(r, &Report{}, key)
	return t
}

// branch is a copy of a history that goes on by itself, with a report of its
// own.
func (h *history) branch() *history {
	c := *h
	c.report = &Report{}
	c.points = slices.Clone(h.points)
	if h.episode != nil {
		e := *h.episode
		e.Peak = maps.Clone(e.Peak)
		c.episode = &e
	}
	return &c
}

// put adds windows or replaces them, in any order, and removes others; until
// is up to when slots are done. It reports whether history had to be
// evaluated again.
func (t *timeline) put(found []entry, gone []plan.Span, until time.Time) (again bool) {
	for _, span := range gone {
		n := len(t.entries)
		t.entries = slices.DeleteFunc(t.entries, func(e entry) bool { return e.Span == span })
		again = again || len(t.entries) < n
	}
	slices.SortFunc(found, func(a, b entry) int { return a.End.Compare(b.End) })
	for _, e := range found {
		if t.insert(e) {
			again = true
		}
	}
	if again {
		t.again(until)
		return true
	}
	for i := range t.entries {
		if e := &t.entries[i]; e.state == "" {
			t.take(e)
		}
	}
	t.now.pass(until)
	return false
}

// insert adds a window. It reports whether that changed the past.
func (t *timeline) insert(e entry) (past bool) {
	i, _ := slices.BinarySearchFunc(t.entries, e, func(a, b entry) int { return a.End.Compare(b.End) })
	if i < len(t.entries) && t.entries[i].Span == e.Span {
		old := &t.entries[i]
		if same(old.env, e.env) && old.records == e.records {
			return false
		}
		e.revision, e.dirty = old.revision+1, true
		*old = e
		return true
	}
	e.dirty = true
	past = i < len(t.entries) || !t.now.reaches(e.Span)
	t.entries = slices.Insert(t.entries, i, e)
	return past
}

func same(a, b plan.Env) bool {
	return slices.EqualFunc(a.Measures, b.Measures, plan.Value.Equal)
}

// reaches reports whether a window comes after all that was decided. A session
// that was not over yet may have begun before its group was forgotten.
func (h *history) reaches(span plan.Span) bool {
	end := span.End
	if h.rule.Plan.Window.Kind == plan.Session {
		return end.After(h.last) && end.After(h.passed) && (len(h.points) > 0 || h.last.IsZero() || !span.Start.Before(h.last.Add(h.rule.Forget)))
	}
	return end.After(h.passed) && (len(h.points) == 0 && !h.awaited || !end.Before(h.next))
}

// again evaluates all that may still change.
func (t *timeline) again(until time.Time) {
	t.now = t.base.branch()
	t.look()
	for i := range t.entries {
		e := &t.entries[i]
		point, state, past := e.point, e.state, e.env.Past
		t.take(e)
		if point != e.point || state != e.state || !slices.EqualFunc(past, e.env.Past, plan.Value.Equal) {
			e.dirty = true
			if state != "" {
				e.revision++
			}
		}
	}
	t.now.pass(until)
}

// look enters what is looked back at once more.
func (t *timeline) look() {
	if len(t.rule.Plan.Pasts) == 0 {
		return
	}
	t.trail = t.rule.Plan.NewTrail()
	for _, p := range t.past {
		env := plan.Env{Measures: p.measures}
		t.trail.Enter(p.Span, &env)
	}
}

// take evaluates one window and keeps what came of it.
func (t *timeline) take(e *entry) {
	t.trail.Enter(e.Span, &e.env)
	e.breaching = t.finisher.Breaching(&e.env)
	t.now.window(e.Span, e.breaching, &e.env)
	e.point, e.state = t.now.points[len(t.now.points)-1], t.now.state
}

// pass moves on over the slots that end by until.
func (h *history) pass(until time.Time) {
	h.silence(until.Add(time.Microsecond))
	if h.rule.Plan.Window.Kind == plan.Session {
		h.forget(until)
	}
	h.passed = until
}

// freeze moves windows that can no longer change into the past: those that end
// by open.
func (t *timeline) freeze(open time.Time) {
	n := 0
	for n < len(t.entries) && !t.entries[n].End.After(open) {
		e := &t.entries[n]
		t.base.window(e.Span, e.breaching, &e.env)
		t.remember(e)
		n++
	}
	t.entries = slices.Delete(t.entries, 0, n)
	t.base.settle(open)
	t.forgetPast(open)
	over := t.base.report.Episodes
	*t.base.report = Report{}
	t.incidents = slices.DeleteFunc(t.incidents, func(k shown) bool {
		return slices.ContainsFunc(over, func(e Episode) bool { return e.Start.Equal(k.episode.Start) })
	})
	t.now.report.Episodes = slices.DeleteFunc(t.now.report.Episodes, func(e Episode) bool {
		return slices.ContainsFunc(over, func(o Episode) bool { return o.Start.Equal(e.Start) })
	})
}

// remember keeps a window that others look back at.
func (t *timeline) remember(e *entry) {
	if len(t.rule.Plan.Pasts) > 0 {
		t.past = append(t.past, looked{e.Span, e.env.Measures})
	}
}

// maxRemembered bounds the windows of a group that are looked back at; the
// plan looks back over no more.
const maxRemembered = 100_000

// forgetPast lets go of windows that nobody looks back at any more.
func (t *timeline) forgetPast(open time.Time) {
	reach := t.rule.Plan.Reach(open)
	t.past = slices.DeleteFunc(t.past, func(p looked) bool { return !p.End.After(reach) })
	if n := len(t.past); n > maxRemembered {
		t.past = slices.Delete(t.past, 0, n-maxRemembered)
	}
}

// await begins to wait for a group that must appear.
func (t *timeline) await(since time.Time) {
	for _, h := range []*history{t.base, t.now} {
		if len(h.points) == 0 {
			h.await(since)
		}
		h.awaited = true
	}
}

// settle moves on to where nothing changes any more. Whether a group of
// sessions is forgotten shows when the next one is over.
func (h *history) settle(open time.Time) {
	if h.rule.Plan.Window.Kind != plan.Session {
		h.pass(open)
	}
}

// episodes are those that late records may still change, the open one last.
func (t *timeline) episodes() []Episode {
	list := slices.Clone(t.now.report.Episodes)
	if t.now.episode != nil {
		e := *t.now.episode
		e.Peak = maps.Clone(e.Peak)
		list = append(list, e)
	}
	return list
}

// over reports whether nothing is left to be known of the group, where windows
// that end after open may change.
func (t *timeline) over(open time.Time) bool {
	return !t.open && !t.now.awaited && len(t.past) == 0 && len(t.entries) == 0 && len(t.now.points) == 0 && t.now.episode == nil && t.base.forgotBy(open)
}

// forgotBy reports whether the group was forgotten by then, so that no late
// record can show that it was not.
func (h *history) forgotBy(open time.Time) bool {
	if h.rule.Plan.Window.Kind == plan.Session {
		return h.last.IsZero() || !open.Before(h.last.Add(h.rule.Forget))
	}
	return len(h.points) == 0
}

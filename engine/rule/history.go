package rule

import (
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// history is the alarm of one group as its windows come by, in order.
type history struct {
	rule   *Rule
	report *Report
	key    Group
	state  State
	// points are the newest slots, oldest first; next is the end of the slot
	// after them. Slots are in the order of their windows' ends.
	points []Point
	next   time.Time
	// silent counts the missing slots at the end of points, and last is the
	// end of the newest slot with records.
	silent  int
	last    time.Time
	episode *Episode
	// passed is up to when a live evaluation has decided.
	passed time.Time
	// awaited says that the group must appear, and is never forgotten.
	awaited bool
	// untold says that nothing of what it has come to has been told: it is on
	// its run-up, in the slots that end by begins, or has only just left it.
	untold bool
	begins time.Time
}

func newHistory(r *Rule, report *Report, key Group) *history {
	return &history{rule: r, report: report, key: key, state: InsufficientData}
}

// window takes in the datapoint of a window with records.
func (h *history) window(span plan.Span, breaching plan.Value, env *plan.Env) {
	h.silence(span.End)
	if h.rule.Plan.Window.Kind == plan.Session {
		h.forget(span.Start)
	}
	h.last, h.next = span.End, span.End
	h.advance(h.point(breaching, env))
	h.silent = 0
	h.peak(env.Measures)
}

// point is the datapoint of a window: a missing one where when is null. While
// the alarm lasts, a window must meet recover_when, too, to be one that does
// not breach.
func (h *history) point(breaching plan.Value, env *plan.Env) Point {
	switch {
	case breaching.IsNull():
		return Absent
	case breaching.True():
		return Breaching
	case h.state != Alarming || h.rule.recovered == nil:
		return NotBreaching
	}
	switch v := h.rule.recovered(env); {
	case v.IsNull():
		return Absent
	case v.True():
		return NotBreaching
	}
	return Breaching
}

// silence moves on to a slot through slots without records. Once as many of
// them have passed as are looked at, nothing changes until the group is
// forgotten, so the rest is skipped. Sessions have no slots between them.
func (h *history) silence(until time.Time) {
	if h.rule.Plan.Window.Kind == plan.Session || len(h.points) == 0 && !h.awaited || !h.next.Before(until) {
		return
	}
	forgotten := until
	if !h.awaited {
		forgotten = h.forgotten()
	}
	for (len(h.points) > 0 || h.awaited) && h.next.Before(until) {
		switch {
		case !h.next.Before(forgotten):
			h.leave(h.next)
		case h.silent >= h.rule.Alarm.Slots() && !h.untold:
			h.next = until
			if forgotten.Before(until) {
				h.next = forgotten
			}
		default:
			h.advance(h.empty())
			h.silent++
		}
	}
}

// forgotten is the end of the slot in which a silent group is left.
func (h *history) forgotten() time.Time {
	return h.rule.Plan.Window.EndAfter(h.last.Add(max(h.rule.Forget, time.Microsecond) - time.Microsecond))
}

// empty is the datapoint of a slot without records: none at all, or none of
// those that are expected.
func (h *history) empty() Point {
	if h.rule.Spec.Expect != nil {
		return Breaching
	}
	return Absent
}

// forget leaves a group whose last session is too old by then.
func (h *history) forget(by time.Time) {
	if at := h.last.Add(h.rule.Forget); len(h.points) > 0 && !by.Before(at) {
		h.leave(at)
	}
}

func (h *history) leave(at time.Time) {
	h.move(at, InsufficientData, "no records for "+engine.FormatDuration(h.rule.Forget)+": the group is forgotten")
	h.points = h.points[:0]
}

// advance adds the datapoint of the next slot and decides.
func (h *history) advance(p Point) {
	if h.points = append(h.points, p); len(h.points) > h.rule.Alarm.Slots() {
		h.points = h.points[1:]
	}
	state, why := h.rule.Alarm.judge(h.points, h.state)
	if h.untold && h.next.After(h.begins) {
		h.untold, h.state = false, InsufficientData
	}
	if state != h.state {
		h.move(h.next, state, why.String())
	}
	if h.rule.Plan.Window.Kind != plan.Session {
		h.next = h.rule.Plan.Window.EndAfter(h.next)
	}
}

// move changes the state at the end of a slot.
func (h *history) move(at time.Time, to State, reason string) {
	if to == h.state || h.untold {
		h.state = to
		return
	}
	h.report.Transitions = append(h.report.Transitions, Transition{At: at, Key: h.key, From: h.state, To: to, Reason: reason})
	h.state = to
	switch {
	case to == Alarming:
		h.episode = &Episode{Key: h.key, Start: at, Peak: map[string]plan.Value{}}
	case h.episode != nil:
		h.close(&at)
	}
}

func (h *history) close(end *time.Time) {
	h.episode.End = end
	h.report.Episodes = append(h.report.Episodes, *h.episode)
	h.episode = nil
}

// peak keeps the worst values of an episode.
func (h *history) peak(measures []plan.Value) {
	if h.episode == nil {
		return
	}
	for _, w := range h.rule.Watched {
		v, worst := measures[w.Index], h.episode.Peak[w.Name]
		if v.IsNull() {
			continue
		}
		order := plan.Compare(v, worst)
		if w.Lowest {
			order = -order
		}
		if worst.IsNull() || order > 0 {
			h.episode.Peak[w.Name] = v
		}
	}
}

// finish goes through the slots up to end that are left without records and
// closes what is open.
func (h *history) finish(end time.Time) {
	h.silence(end.Add(time.Microsecond))
	if h.rule.Plan.Window.Kind == plan.Session {
		h.forget(end)
	}
	if h.episode != nil {
		h.close(nil)
	}
}

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
	// points are the newest slots, oldest first; next is the slot after them.
	points []Point
	next   int64
	// silent counts the missing slots at the end of points, and last is the
	// newest slot with records.
	silent  int
	last    int64
	episode *Episode
}

func newHistory(r *Rule, report *Report, key Group) *history {
	return &history{rule: r, report: report, key: key, state: InsufficientData}
}

// window takes in the datapoint of a slot with records.
func (h *history) window(slot int64, breaching plan.Value, measures []plan.Value) {
	h.silence(slot)
	point := NotBreaching
	switch {
	case breaching.IsNull():
		point = Absent
	case breaching.True():
		point = Breaching
	}
	h.last, h.next = slot, slot
	h.advance(point)
	h.silent = 0
	h.peak(measures)
}

// silence moves on to a slot through slots without records. Once as many of
// them have passed as are looked at, nothing changes until the group is
// forgotten, so the rest is skipped.
func (h *history) silence(until int64) {
	forgotten := h.forgottenAt()
	for len(h.points) > 0 && h.next < until {
		switch {
		case h.next >= forgotten:
			h.move(h.next, InsufficientData, "no records for "+engine.FormatDuration(h.rule.Forget)+": the group is forgotten")
			h.points = h.points[:0]
		case h.silent >= h.rule.Alarm.Slots():
			h.next = min(until, forgotten)
		default:
			h.advance(Absent)
			h.silent++
		}
	}
}

// forgottenAt is the first slot whose end is as long as forget after the end
// of the last one with records.
func (h *history) forgottenAt() int64 {
	size := h.rule.Plan.Window.Size
	slots := int64((h.rule.Forget + size - 1) / size)
	return h.last + max(1, slots)
}

// advance adds the datapoint of the next slot and decides.
func (h *history) advance(p Point) {
	if h.points = append(h.points, p); len(h.points) > h.rule.Alarm.Slots() {
		h.points = h.points[1:]
	}
	state, reason := h.rule.Alarm.Next(h.points, h.state)
	h.move(h.next, state, reason)
	h.next++
}

// move changes the state at the end of a slot.
func (h *history) move(slot int64, to State, reason string) {
	if to == h.state {
		return
	}
	at := h.rule.Plan.Window.End(slot)
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

// finish goes through the slots that are left without records and closes what
// is open.
func (h *history) finish(end int64) {
	h.silence(end)
	if h.episode != nil {
		h.close(nil)
	}
}

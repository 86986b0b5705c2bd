package rule

import (
	"time"

	"tidemark.dev/tidemark/engine/plan"
)

// leastRunUp is how many slots a run-up has at least, so that windows that are
// kept do for alarms of other lengths.
const leastRunUp = 8

// RunUp is the event time from which records play a part in what the rule says
// at an instant: those of the windows that its alarm looks at, the groups that
// it knows by then, and what these look back at. Zero is the beginning.
func (r *Rule) RunUp(from time.Time) time.Time {
	if !r.warms() {
		return r.Plan.Reach(from)
	}
	if r.Spec.Expect != nil {
		return time.Time{} // who is waited for is known since it first came
	}
	slots := leastRunUp
	for slots < r.Alarm.Slots() {
		slots *= 2
	}
	back := time.Duration(slots) * r.Plan.Window.Slot()
	if r.remembers() {
		back = max(back, r.Forget)
	}
	if r.Plan.Window.Zone != nil {
		back += 48 * time.Hour // of slots that are days
	}
	return r.Plan.Reach(from.Add(-back))
}

// warms reports whether the alarm runs over windows before those that are asked
// for. Sessions have no slots, and groups that are listed are waited for from
// the beginning of what is asked for.
func (r *Rule) warms() bool {
	return r.Plan.Window.Kind != plan.Session && len(r.Expected) == 0
}

// remembers reports whether a state may come from before the slots that are
// looked at.
func (r *Rule) remembers() bool {
	return r.recovered != nil || r.Alarm.Missing == MissingIsBreaching || r.Alarm.Missing == MissingIsIgnored
}

// runUp begins with slots of which nothing is told: those that end by first.
func (h *history) runUp(first time.Time) {
	h.untold, h.begins = h.rule.warms(), first
}

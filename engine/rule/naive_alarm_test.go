package rule

import (
	"fmt"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine/plan"
)

// alarm goes through the slots of a group from its first window on, or, if it
// is waited for, from the first that begins when records could come.
func (r *naiveRule) alarm(out *naiveReport, g *naiveGroup, spans []plan.Span, counted func(plan.Span) bool, since, end time.Time) {
	a := naiveAlarm{rule: r, out: out, group: g, state: InsufficientData}
	if r.cutting.kind == "session" {
		for _, w := range g.windows {
			if counted(w.Span) {
				a.forgetSession(w.Start)
				a.slot(w.End, w)
			}
		}
		a.forgetSession(end)
		a.finish()
		return
	}
	for _, s := range spans {
		i := slices.IndexFunc(g.windows, func(w *naiveWindow) bool { return w.Span == s })
		switch {
		case i >= 0:
			a.slot(s.End, g.windows[i])
		case len(a.points) > 0 || g.awaited && !s.Start.Before(since):
			a.silent(s.End)
		}
	}
	a.finish()
}

// naiveAlarm is the alarm of a group, and what came of it so far.
type naiveAlarm struct {
	rule   *naiveRule
	out    *naiveReport
	group  *naiveGroup
	state  State
	points []Point // all of them
	last   time.Time
	began  time.Time
	peaks  map[string]any
}

// slot takes the datapoint of a window with records.
func (a *naiveAlarm) slot(at time.Time, w *naiveWindow) {
	a.last = at
	a.decide(at, a.pointOf(w))
	if a.state != Alarming {
		return
	}
	for _, m := range a.rule.watched() {
		v, worst := w.values[m.name], a.peaks[m.name]
		if v != nil && (worst == nil || m.lowest && order(v, worst) < 0 || !m.lowest && order(v, worst) > 0) {
			a.peaks[m.name] = v
		}
	}
}

// pointOf is what a window counts as: while the alarm lasts, it must meet
// recover_when to be one that does not breach.
func (a *naiveAlarm) pointOf(w *naiveWindow) Point {
	switch {
	case w.breaching == nil:
		return Absent
	case w.breaching == true:
		return Breaching
	case a.state != Alarming || a.rule.recover == nil || w.recovers == true:
		return NotBreaching
	case w.recovers == nil:
		return Absent
	}
	return Breaching
}

// silent is a slot without records. A group is forgotten when nothing was
// heard of it for long enough.
func (a *naiveAlarm) silent(at time.Time) {
	switch {
	case !a.group.awaited && !at.Before(a.last.Add(a.rule.forget)):
		a.move(at, InsufficientData)
		a.points = nil
	case a.rule.expect:
		a.decide(at, Breaching)
	default:
		a.decide(at, Absent)
	}
}

// forgetSession leaves a group whose last session is too long ago. There are
// no slots between sessions.
func (a *naiveAlarm) forgetSession(by time.Time) {
	if at := a.last.Add(a.rule.forget); len(a.points) > 0 && !by.Before(at) {
		a.move(at, InsufficientData)
		a.points = nil
	}
}

func (a *naiveAlarm) decide(at time.Time, p Point) {
	a.points = append(a.points, p)
	a.move(at, a.judged())
}

// judged is CloudWatch's evaluation over the newest N + 2 slots.
func (a *naiveAlarm) judged() State {
	m, n := a.rule.policy.Datapoints, a.rule.policy.Of
	newest := a.points[max(0, len(a.points)-n-2):]
	var real []Point
	breaching, oldest := 0, 0
	for i, p := range newest {
		if p != Absent {
			real = append(real, p)
		}
		if p == Breaching {
			breaching++
			oldest = max(oldest, len(newest)-i)
		}
	}
	alarmIf := func(yes bool) State {
		if yes {
			return Alarming
		}
		return OK
	}
	if len(real) >= n {
		breaching = 0
		for _, p := range real[len(real)-n:] {
			if p == Breaching {
				breaching++
			}
		}
		return alarmIf(breaching >= m)
	}
	keeps := a.rule.policy.Missing == MissingIsIgnored
	switch {
	case a.rule.policy.Missing == MissingIsBreaching:
		return alarmIf(breaching+n-len(real) >= m)
	case a.rule.policy.Missing == MissingIsNotBreaching:
		return alarmIf(breaching >= m)
	case len(real) == 0 && keeps:
		return a.state
	case len(real) == 0:
		return InsufficientData
	case breaching >= m:
		return Alarming
	case breaching < len(real):
		return OK
	case keeps:
		return a.state
	case oldest >= m:
		return Alarming
	}
	return InsufficientData
}

func (a *naiveAlarm) move(at time.Time, to State) {
	if to == a.state {
		return
	}
	a.out.transitions = append(a.out.transitions, fmt.Sprint(at.UnixMicro(), " ", keyText(a.group.key), " ", a.state, " to ", to))
	if a.state == Alarming {
		a.close(fmt.Sprint(at.UnixMicro()))
	}
	if a.state = to; to == Alarming {
		a.began, a.peaks = at, map[string]any{}
	}
}

func (a *naiveAlarm) finish() {
	if a.state == Alarming {
		a.close("open")
	}
}

func (a *naiveAlarm) close(end string) {
	peaks := map[string]string{}
	for name, v := range a.peaks {
		peaks[name] = valueOf(v).String()
	}
	a.out.episodes = append(a.out.episodes, fmt.Sprint(a.began.UnixMicro(), " ", end, " ", keyText(a.group.key), " ", peaks))
}

type naiveWatched struct {
	name   string
	lowest bool
}

// watched lists the measures in when. The worst of one is its smallest value if
// the first comparison by order that it stands in wants it small.
func (r *naiveRule) watched() (list []naiveWatched) {
	places := map[string][]int{} // -1 where small values are bad, 1 where large ones are
	var names []string
	var visit func(n *node, sign int)
	visit = func(n *node, sign int) {
		if n.measure != "" {
			if places[n.measure] == nil {
				names = append(names, n.measure)
			}
			places[n.measure] = append(places[n.measure], sign)
		}
		for i, x := range n.args {
			turned := sign
			switch {
			case slices.Contains([]string{"is", "in", "==", "!=", "matches", "contains", "startsWith", "endsWith"}, n.op):
				turned = 0
			case n.op == "not" || n.op == "-" && len(n.args) == 1,
				(n.op == "<" || n.op == "<=") && i == 0, slices.Contains([]string{">", ">=", "-", "/"}, n.op) && i == 1:
				turned = -sign
			}
			visit(x, turned)
		}
	}
	visit(r.when, 1)
	for _, name := range names {
		told := slices.DeleteFunc(places[name], func(sign int) bool { return sign == 0 })
		list = append(list, naiveWatched{name, len(told) > 0 && told[0] < 0})
	}
	return list
}

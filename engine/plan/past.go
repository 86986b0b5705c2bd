package plan

import (
	"fmt"
	"time"

	"tidemark.dev/tidemark/engine"
)

// PastFunc names how earlier windows are looked at.
type PastFunc string

// The ways to look back.
const (
	Previous PastFunc = "previous"
	Baseline PastFunc = "baseline"
)

// Pasts lists the names of the ways to look back.
func Pasts() []string { return []string{string(Baseline), string(Previous)} }

// Past is what a measure was in earlier windows of the same group.
//
// Previous is its value Back slots before, or in the window that ended Ago
// before this one; null if that one had no records. Slots are counted by the
// ends of windows, those without records included; sessions are counted as
// they come.
//
// Baseline is its median over the windows that lie whole between Ago before
// this window began and its begin: of an even number of values, the smaller
// one in the middle. With Every only windows count that ended a multiple of
// Every before this one ended; with fewer than Least values it is null.
//
// Where windows have a time zone, whole days of Ago and Every are days on the
// calendar there.
type Past struct {
	Func PastFunc
	// Measure is its index in the plan.
	Measure int
	Back    int
	Ago     time.Duration
	Every   time.Duration
	Least   int
}

// maxPast bounds how many windows one group remembers.
const maxPast = 100_000

// AddPast gives the place of a look back, adding it if the plan does not have
// it yet. The measure must be one of the plan's.
func (p *Plan) AddPast(x Past) (Expr, error) {
	m := p.Measures[x.Measure]
	if problem := p.checkPast(x, m); problem != nil {
		return nil, problem
	}
	i := 0
	for i < len(p.Pasts) && p.Pasts[i] != x {
		i++
	}
	if i == len(p.Pasts) {
		p.Pasts = append(p.Pasts, x)
	}
	return NewRef(PastRef, i, p.PastName(i), m.Expr.Type()), nil
}

func (p *Plan) checkPast(x Past, m Measure) error {
	w := p.Window
	slot := max(w.Slot(), time.Microsecond)
	windows := max(int64(x.Back), int64(x.Ago/slot))
	switch {
	case x.Func == Baseline && !numeric(m.Expr):
		return invalid("baseline wants a number, and %s is %s", m.Name, TypeName(m.Expr.Type())).WithHint("measure a number, or use previous")
	case opaque(m.Expr):
		return invalid("%s is %s, which cannot be looked back at", m.Name, TypeName(m.Expr.Type())).WithHint("measure a single value")
	case windows > maxPast:
		return invalid("%s looks back over %d windows", x.Func, windows).WithHint("look back less far, or write larger windows: %d are remembered", maxPast)
	case x.Func == Baseline && x.Ago < w.Size:
		return invalid("no window of %s lies in the %s before", engine.FormatDuration(w.Size), engine.FormatDuration(x.Ago)).
			WithHint("write a longer time: baseline(%s, 28d)", m.Name)
	case x.Every > x.Ago:
		return invalid("there is nothing every %s in %s", engine.FormatDuration(x.Every), engine.FormatDuration(x.Ago)).
			WithHint("write the longer time first: baseline(%s, 28d, 7d)", m.Name)
	}
	return p.checkSteps(x)
}

// checkSteps refuses distances at which no window can end.
func (p *Plan) checkSteps(x Past) error {
	step := x.Every
	if x.Func == Previous {
		step = x.Ago
	}
	switch w := p.Window; {
	case step == 0:
	case w.Kind == Session:
		return invalid("sessions do not end at regular times").WithHint("count them: previous(x, 1), or leave the interval out: baseline(x, 28d)")
	case step%w.Slot() != 0:
		return invalid("windows end every %s, and %s is no multiple of it", engine.FormatDuration(w.Slot()), engine.FormatDuration(step)).
			WithHint("write a multiple of %s", engine.FormatDuration(w.Slot()))
	}
	return nil
}

// Slot is how far apart the ends of windows are: for sessions, at least.
func (w Window) Slot() time.Duration {
	switch w.Kind {
	case Session:
		return w.Gap
	case Tumbling:
		return w.Size
	}
	return w.Every
}

// PastName is how a look back is written: previous(p95, 1).
func (p *Plan) PastName(i int) string {
	x := p.Pasts[i]
	name := p.Measures[x.Measure].Name
	switch {
	case x.Func == Previous && x.Ago > 0:
		return fmt.Sprintf("previous(%s, %s)", name, engine.FormatDuration(x.Ago))
	case x.Func == Previous:
		return fmt.Sprintf("previous(%s, %d)", name, x.Back)
	}
	s := fmt.Sprintf("baseline(%s, %s", name, engine.FormatDuration(x.Ago))
	if x.Every > 0 {
		s += ", " + engine.FormatDuration(x.Every)
	}
	if x.Least > 1 {
		s += fmt.Sprintf(", %d", x.Least)
	}
	return s + ")"
}

// Reach is the event time from which records play a part in a window that
// holds an instant: earlier than from where the plan looks back. Zero is the
// beginning.
func (p *Plan) Reach(from time.Time) time.Time {
	earliest := from
	for _, x := range p.Pasts {
		if x.Func == Previous && p.Window.Kind == Session {
			return time.Time{}
		}
		back := x.Ago + time.Duration(x.Back)*p.Window.Slot() + p.Window.Size
		if p.Window.Zone != nil {
			back += 48 * time.Hour
		}
		if at := from.Add(-back); at.Before(earliest) {
			earliest = at
		}
	}
	return earliest
}

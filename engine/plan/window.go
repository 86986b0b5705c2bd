package plan

import (
	"time"

	"tidemark.dev/tidemark/engine"
)

// WindowKind says how event time is cut.
type WindowKind uint8

// The kinds of windows.
const (
	// Tumbling windows follow each other.
	Tumbling WindowKind = iota
	// Hopping windows overlap: one of Size begins every Every.
	Hopping
	// Cumulate windows share a start and end every Every until Size is full.
	Cumulate
	// Session windows end when nothing happens for Gap.
	Session
)

// Window says how event time is cut into spans [start, end). Without a zone a
// tumbling window starts Offset after 1970-01-01T00:00Z and every Size from
// there. In a zone it is the clock on the wall that is cut: see grid.
type Window struct {
	Kind WindowKind
	Size time.Duration
	// Every is how often a hopping window begins, and how much a cumulate
	// window grows.
	Every time.Duration
	// Gap ends a session.
	Gap    time.Duration
	Offset time.Duration
	// Zone is where a day begins; nil is UTC.
	Zone *time.Location
}

// Span is a stretch of event time, [Start, End).
type Span struct{ Start, End time.Time }

// Step is the time from the end of a window to that of the next one, where the
// clock on the wall is not set; sessions have none.
func (w Window) Step() time.Duration {
	if w.Kind == Tumbling {
		return w.Size
	}
	return w.Every
}

// Contains reports whether an instant lies in the span.
func (s Span) Contains(t time.Time) bool { return !t.Before(s.Start) && t.Before(s.End) }

// Index is the number of the window that holds an instant, of tumbling
// windows in UTC.
func (w Window) Index(t time.Time) int64 {
	return floorDiv(t.UnixMicro()-w.Offset.Microseconds(), w.Size.Microseconds())
}

// Start is where tumbling window i begins.
func (w Window) Start(i int64) time.Time {
	return time.UnixMicro(i*w.Size.Microseconds() + w.Offset.Microseconds()).UTC()
}

// End is where tumbling window i ends, and the next one begins.
func (w Window) End(i int64) time.Time { return w.Start(i + 1) }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Spans lists the windows that hold an instant, the earliest end first. A
// session is the one that a record there would open by itself.
func (w Window) Spans(t time.Time) []Span {
	t = t.UTC()
	switch w.Kind {
	case Hopping:
		return w.hops(t)
	case Cumulate:
		return w.steps(t)
	case Session:
		return []Span{{t, t.Add(w.Gap)}}
	}
	g := w.grid(w.Size)
	return []Span{{g.floor(t), g.after(t)}}
}

func (w Window) hops(t time.Time) []Span {
	g := w.grid(w.Every)
	var spans []Span
	for start := g.floor(t); ; start = g.floor(start.Add(-time.Microsecond)) {
		end := w.hopEnd(g, start)
		if !end.After(t) {
			break
		}
		spans = append(spans, Span{start, end})
	}
	for i, j := 0, len(spans)-1; i < j; i, j = i+1, j-1 {
		spans[i], spans[j] = spans[j], spans[i]
	}
	return spans
}

// hopEnd is Size after a start; on the wall where there is a zone, for which
// Size is a multiple of Every.
func (w Window) hopEnd(g grid, start time.Time) time.Time {
	if w.Zone == nil {
		return start.Add(w.Size)
	}
	for range w.Size / w.Every {
		start = g.after(start)
	}
	return start
}

func (w Window) steps(t time.Time) []Span {
	whole, step := w.grid(w.Size), w.grid(w.Every)
	start, end := whole.floor(t), whole.after(t)
	var spans []Span
	for at := t; at.Before(end); {
		if at = step.after(at); at.After(end) {
			at = end
		}
		spans = append(spans, Span{start, at})
	}
	return spans
}

// String writes the window: "5m", "10m every 1m", "1h in steps of 10m",
// "sessions with a gap of 10m"; then its time zone.
func (w Window) String() string {
	s := engine.FormatDuration(w.Size)
	switch w.Kind {
	case Hopping:
		s += " every " + engine.FormatDuration(w.Every)
	case Cumulate:
		s += " in steps of " + engine.FormatDuration(w.Every)
	case Session:
		s = "sessions with a gap of " + engine.FormatDuration(w.Gap)
	}
	if w.Zone != nil {
		s += " in " + w.Zone.String()
	}
	return s
}

// EndAfter is the first instant after t at which a window ends. Sessions end
// where their records say.
func (w Window) EndAfter(t time.Time) time.Time {
	switch {
	case w.Kind == Hopping && w.Zone == nil:
		return w.grid(w.Every).after(t.Add(-w.Size)).Add(w.Size)
	case w.Kind == Hopping:
		return w.grid(w.Every).after(t)
	}
	end := w.grid(w.Size).after(t)
	if w.Kind == Cumulate {
		if step := w.grid(w.Every).after(t); step.Before(end) {
			return step
		}
	}
	return end
}

// quarter divides every offset from UTC that is in use, so a span of it never
// lies in two windows of any zone.
const quarter = 15 * time.Minute

// slice is a size that cuts event time so finely that all instants of one
// slice lie in the same windows; zero for sessions.
func (w Window) slice() time.Duration {
	unit := w.Size
	switch w.Kind {
	case Session:
		return 0
	case Hopping:
		unit = gcd(w.Size, w.Every)
	case Cumulate:
		unit = w.Every
	}
	if w.Zone != nil {
		unit = gcd(unit, gcd(quarter, w.Offset))
	}
	return unit
}

func gcd(a, b time.Duration) time.Duration {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// Check says what is wrong with a window, "" if nothing is.
func (w Window) Check() (problem, hint string) {
	const most = 10_000
	switch {
	case w.Kind == Session && w.Gap < time.Millisecond:
		return "a session needs a gap of at least 1ms", "write session: {gap: 10m}"
	case w.Kind == Session && w.Zone != nil:
		return "a session has no time zone", "it begins with its first record; remove time_zone"
	case w.Kind == Session && w.Offset != 0:
		return "a session has no offset", "it begins with its first record; remove offset"
	case w.Kind == Session:
		return "", ""
	case w.Size < time.Millisecond || w.Size%time.Microsecond != 0:
		return "a window needs a size of at least 1ms", w.example()
	case w.Kind != Tumbling && (w.Every < time.Millisecond || w.Every%time.Microsecond != 0):
		return "the windows need a step of at least 1ms", w.example()
	case w.Kind != Tumbling && w.Every > w.Size:
		return "the step is larger than the window", "write a step that is smaller than size"
	case w.Kind != Tumbling && w.Size/w.Every > most:
		return "an event would lie in more than 10000 windows", "write a larger step"
	case w.Kind == Cumulate && w.Size%w.Every != 0:
		return "size is not a multiple of step", "as in cumulate: {size: 1h, step: 10m}"
	}
	return w.checkZone()
}

// example is a hint: what a window of the kind looks like.
func (w Window) example() string {
	switch w.Kind {
	case Hopping:
		return "write hopping: {size: 10m, every: 1m}"
	case Cumulate:
		return "write cumulate: {size: 1h, step: 10m}"
	}
	return "write it with its unit: 1m"
}

func (w Window) checkZone() (problem, hint string) {
	const day = 24 * time.Hour
	switch {
	case w.Zone == nil:
		return "", ""
	case w.Size%day != 0 && day%w.Size != 0:
		return "in a time zone a window is some days, or a part that divides a day", "write 1d, 6h or 15m, or remove time_zone"
	case w.Kind != Tumbling && w.Size%w.Every != 0:
		return "in a time zone size is a multiple of the step", "as in hopping: {size: 1d, every: 1h}"
	case w.Kind != Tumbling && w.Every%day != 0 && day%w.Every != 0:
		return "in a time zone a step is some days, or a part that divides a day", "write 1d, 6h or 15m, or remove time_zone"
	}
	return "", ""
}

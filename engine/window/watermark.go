package window

import (
	"math"
	"slices"
	"time"
)

// Strategy says how a watermark follows the event times of what arrives.
type Strategy struct {
	// Kind is Manual, MaxLateness, Median or Percentile.
	Kind string
	// Lateness is how far the watermark stays behind.
	Lateness time.Duration
	// Idle is after how long without records a shard no longer holds the
	// watermark back; zero is never.
	Idle time.Duration
	// MaxFuture bounds how far an event time may be ahead of its arrival and
	// still move the watermark; zero is no bound.
	MaxFuture time.Duration
	// P is the percentile, between 0 and 1.
	P float64
}

// The kinds of strategies. MaxLateness follows the newest event time; Median
// and Percentile that of a whole batch, which a few clocks in the future do
// not move. Manual moves by Set alone.
const (
	Manual      = "manual"
	MaxLateness = "max_lateness"
	Median      = "median"
	Percentile  = "percentile"
)

// Mark is what is known of one shard; it is what a restart needs to go on.
type Mark struct {
	Shard string
	// At is the shard's own watermark; zero before its first record.
	At time.Time
	// Seen is when the shard last had records, or joined.
	Seen time.Time
}

// Watermark follows the shards of one dataset: its value is the minimum over
// those that are live, and never goes back. It knows logical time only: the
// processing time is told to it. It is used by one goroutine.
type Watermark struct {
	strategy Strategy
	at       time.Time
	now      time.Time
	// wall is what the clock showed last, and ahead is how far now is ahead of
	// it since the clock was put back: it may stand in the past for hours, in
	// which shards have to become idle all the same.
	wall  time.Time
	ahead time.Duration
	// known is the newest moment of the marks that it began with.
	known  time.Time
	shards map[string]*Mark
}

// NewWatermark starts at at, zero for not yet, with the shards it had then.
func NewWatermark(s Strategy, at time.Time, marks []Mark) *Watermark {
	w := &Watermark{strategy: s, at: at, shards: map[string]*Mark{}}
	for _, m := range marks {
		w.shards[m.Shard] = &m
		if m.Seen.After(w.now) {
			w.now, w.known = m.Seen, m.Seen
		}
	}
	return w
}

// At is the watermark; zero before there is one.
func (w *Watermark) At() time.Time { return w.at }

// Marks lists the shards by name.
func (w *Watermark) Marks() []Mark {
	out := make([]Mark, 0, len(w.shards))
	for _, m := range w.shards {
		out = append(out, *m)
	}
	slices.SortFunc(out, func(a, b Mark) int {
		if a.Shard < b.Shard {
			return -1
		}
		return 1
	})
	return out
}

// Join makes a shard known: until it has records or is idle, the watermark
// waits for it. A known shard stays as it is.
func (w *Watermark) Join(shard string, now time.Time) {
	w.pass(w.steady(now))
	w.shard(shard)
	w.advance()
}

// Leave forgets a shard that has come to its end.
func (w *Watermark) Leave(shard string) {
	delete(w.shards, shard)
	w.advance()
}

// Observe takes in the event times of a micro-batch of one shard, which arrived
// at now; zero if that is not known.
func (w *Watermark) Observe(shard string, times []time.Time, now time.Time) {
	w.observe(shard, len(times), func(i int) time.Time { return times[i] }, now)
}

// ObserveMicros is Observe of microseconds since 1970.
func (w *Watermark) ObserveMicros(shard string, times []int64, now time.Time) {
	w.observe(shard, len(times), func(i int) time.Time { return time.UnixMicro(times[i]).UTC() }, now)
}

func (w *Watermark) observe(shard string, n int, times func(int) time.Time, now time.Time) {
	w.pass(now)
	m := w.shard(shard)
	if n > 0 {
		m.Seen = w.now
	}
	if at, ok := w.strategy.estimate(n, times, now); ok && at.After(m.At) {
		m.At = at
	}
	w.advance()
}

// Set moves the mark of a shard by hand; going back is refused.
func (w *Watermark) Set(shard string, at time.Time) bool {
	m := w.shard(shard)
	if at.Before(m.At) {
		return false
	}
	m.At, m.Seen = at, w.now
	w.advance()
	return true
}

// Pass lets processing time pass: shards without records become idle. A clock
// that was put back lets it go on from where it was.
func (w *Watermark) Pass(now time.Time) {
	w.pass(w.steady(now))
	w.advance()
}

// steady is what the clock would show had it never been put back.
func (w *Watermark) steady(now time.Time) time.Time {
	back := w.wall.Sub(now)
	if w.wall.IsZero() { // the first look since a restart
		back = w.known.Sub(now)
	}
	if back > 0 {
		w.ahead += back
	}
	w.wall = now
	return now.Add(w.ahead)
}

func (w *Watermark) pass(now time.Time) {
	if now.After(w.now) {
		w.now = now
	}
}

func (w *Watermark) shard(name string) *Mark {
	m := w.shards[name]
	if m == nil {
		m = &Mark{Shard: name, Seen: w.now}
		w.shards[name] = m
	}
	return m
}

// Idle reports whether a shard no longer holds the watermark back.
func (w *Watermark) Idle(m Mark) bool {
	return w.strategy.Idle > 0 && !m.Seen.IsZero() && w.now.Sub(m.Seen) >= w.strategy.Idle
}

// advance moves to the minimum over live shards. Where all are idle it stays.
func (w *Watermark) advance() {
	var lowest time.Time
	for _, m := range w.shards {
		switch {
		case w.Idle(*m):
		case m.At.IsZero():
			return
		case lowest.IsZero() || m.At.Before(lowest):
			lowest = m.At
		}
	}
	if lowest.After(w.at) {
		w.at = lowest
	}
}

// estimate is the mark that a batch of n times by itself would give.
func (s Strategy) estimate(n int, times func(int) time.Time, now time.Time) (time.Time, bool) {
	if s.Kind == Manual {
		return time.Time{}, false
	}
	var newest time.Time
	var sane []time.Time
	some, sorted := false, s.Kind != MaxLateness
	for i := range n {
		t := times(i)
		if s.MaxFuture != 0 && !now.IsZero() && t.After(now.Add(s.MaxFuture)) {
			continue
		}
		if sorted {
			sane = append(sane, t)
		} else if !some || t.After(newest) {
			newest = t
		}
		some = true
	}
	switch {
	case !some:
		return time.Time{}, false
	case sorted:
		slices.SortFunc(sane, time.Time.Compare)
		newest = sane[s.rank(len(sane))]
	}
	return newest.Add(-s.Lateness), true
}

// rank is the place of the value that stands for n sorted ones: the newest,
// the lower median, or the nearest rank of the percentile.
func (s Strategy) rank(n int) int {
	switch s.Kind {
	case Median:
		return (n - 1) / 2
	case Percentile:
		return min(n-1, max(0, int(math.Ceil(s.P*float64(n)))-1))
	}
	return n - 1
}

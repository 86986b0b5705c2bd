package window

import (
	"time"

	"tidemark.dev/tidemark/engine/plan"
)

// Accumulation is what a later pane of a window shows.
type Accumulation string

// The ways to accumulate.
const (
	// Accumulating panes show all records so far.
	Accumulating Accumulation = "accumulating"
	// Discarding panes show only records that no earlier pane has shown.
	Discarding Accumulation = "discarding"
	// Retracting panes accumulate, and take back what was shown before.
	Retracting Accumulation = "retracting"
)

// Mode is what late records do to windows.
type Mode string

// The modes. Discard and Side both leave late records out of panes; what is
// left out at the side can be read from the table tidemark.late.
const (
	Update  Mode = "update"
	Discard Mode = "discard"
	Side    Mode = "side"
)

// Firing says when panes fire besides on time: so much processing time after
// the first record that no pane has shown, or at the end of a micro-batch
// with at least Count such records. Never holds them back until the window
// closes. The zero Firing is no firing at all.
type Firing struct {
	Every time.Duration
	Count int64
	Never bool
}

// Forever as Config.Allowed keeps windows open until the end of input.
const Forever time.Duration = -1

// Config is what panes are made of.
type Config struct {
	// Plan says what is computed of which windows.
	Plan *plan.Plan
	// Early fires before the watermark passes a window's end, Late after it;
	// a zero Late fires for every batch with late records.
	Early, Late  Firing
	Accumulation Accumulation
	// Allowed is how long after its end a window takes records.
	Allowed time.Duration
	Mode    Mode
	// MaxOpen bounds the windows open at once; zero is DefaultMaxOpen.
	MaxOpen int
}

// DefaultMaxOpen is how many windows may be open at once, over all groups.
const DefaultMaxOpen = 1_000_000

// EndOfInput is the watermark after which nothing comes.
var EndOfInput = time.Date(200000, 1, 1, 0, 0, 0, 0, time.UTC)

// closes is when a window that ends at end takes no more records.
func (c Config) closes(end time.Time) time.Time {
	switch {
	case c.Mode != Update:
		return end
	case c.Allowed == Forever:
		return EndOfInput
	}
	return end.Add(c.Allowed)
}

func (c Config) fill() Config {
	if c.Accumulation == "" {
		c.Accumulation = Accumulating
	}
	if c.Mode == "" {
		c.Mode = Update
	}
	if c.Late == (Firing{}) {
		c.Late.Count = 1
	}
	if c.MaxOpen == 0 {
		c.MaxOpen = DefaultMaxOpen
	}
	return c
}

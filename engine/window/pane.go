package window

import (
	"tidemark.dev/tidemark/engine/plan"
)

// Timing is when a pane fired: before the watermark passed the end of its
// window, when it did, or after.
type Timing string

// The timings.
const (
	Early  Timing = "early"
	OnTime Timing = "on_time"
	Late   Timing = "late"
)

// Pane is what a window shows at one moment.
type Pane struct {
	Window plan.Span
	Timing Timing
	// Index counts the window's panes from 0; a retraction has that of the
	// pane it takes back.
	Index int
	// Final says that the window takes no more records.
	Final bool
	// Retraction takes back what an earlier pane said.
	Retraction bool
	// Row holds the group's keys, the number of records and the measures.
	plan.Row
}

// First reports whether it is the window's first pane.
func (p Pane) First() bool { return p.Index == 0 && !p.Retraction }

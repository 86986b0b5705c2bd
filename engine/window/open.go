package window

import (
	"cmp"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine/plan"
)

// open is a window that may still fire. What is in it is not here.
type open struct {
	group string // plan.KeyText of its keys
	keys  []plan.Value
	span  plan.Span
	// first and last are the event times of a session's records.
	first, last time.Time
	// index is that of the next pane.
	index int
	// onTime says that the on-time pane has fired, or never will.
	onTime bool
	// waiting counts the records that no pane has shown, since when.
	waiting int64
	since   time.Time
	// shown says by event time up to which row panes have shown; what is in no
	// piece has not been shown at all.
	shown []plan.Piece
	// standing are the panes that have not been taken back.
	standing []standing
}

// standing is a pane that a retraction would take back.
type standing struct {
	Span  plan.Span
	Index int
	Cell  plan.Cell
}

func (o *open) compare(b *open) int {
	return cmp.Or(o.span.End.Compare(b.span.End), o.span.Start.Compare(b.span.Start), cmp.Compare(o.group, b.group))
}

// whole is the cell of all of a window's records.
func (o *open) whole(upTo int64) plan.Cell {
	return plan.Cell{Keys: o.keys, Pieces: []plan.Piece{{Span: o.span}}, UpTo: upTo}
}

// fresh is the cell of what no pane has shown.
func (o *open) fresh(upTo int64) plan.Cell {
	c := plan.Cell{Keys: o.keys, UpTo: upTo}
	at := o.span.Start
	add := func(start, end time.Time, after int64) {
		if start.Before(end) {
			c.Pieces = append(c.Pieces, plan.Piece{Span: plan.Span{Start: start, End: end}, After: after})
		}
	}
	slices.SortFunc(o.shown, func(a, b plan.Piece) int { return a.Start.Compare(b.Start) })
	for _, s := range o.shown {
		add(at, s.Start, 0)
		add(s.Start, s.End, s.After)
		at = s.End
	}
	add(at, o.span.End, 0)
	return c
}

// mark writes down that everything up to a row has been shown.
func (o *open) mark(upTo int64, session bool) {
	span := o.span
	if session {
		span = plan.Span{Start: o.first, End: o.last.Add(time.Microsecond)}
	}
	o.shown = []plan.Piece{{Span: span, After: upTo}}
	o.waiting, o.since = 0, time.Time{}
}

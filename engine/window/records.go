package window

import (
	"context"
	"time"

	"tidemark.dev/tidemark/engine/plan"
)

// Records is where windows get their records from. Rows are numbered in the
// order of their commits; numbers may be left out.
type Records interface {
	// Slices says where the rows with after < number <= upTo fall, in no
	// order; rows that the plan's where leaves out, or without an event time,
	// are not counted. All rows of a slice lie in the same windows.
	Slices(ctx context.Context, after, upTo int64) ([]Slice, error)
	// Cells computes panes, in the order of cells. A cell without rows has
	// zero records.
	Cells(ctx context.Context, cells []plan.Cell) ([]plan.Row, error)
}

// Slice is some rows of one group, close in event time.
type Slice struct {
	Keys        []plan.Value
	First, Last time.Time
	Records     int64
}

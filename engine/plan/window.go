package plan

import "time"

// Window says how event time is cut: into [start, end) of one size, one after
// the other, aligned so that a window starts Offset after 1970-01-01T00:00Z.
type Window struct {
	Size   time.Duration
	Offset time.Duration
}

// Index is the number of the window that holds an instant.
func (w Window) Index(t time.Time) int64 {
	size, since := w.Size.Microseconds(), t.UnixMicro()-w.Offset.Microseconds()
	if since < 0 {
		return -((-since + size - 1) / size)
	}
	return since / size
}

// Start is where window i begins.
func (w Window) Start(i int64) time.Time {
	return time.UnixMicro(i*w.Size.Microseconds() + w.Offset.Microseconds()).UTC()
}

// End is where window i ends, and the next one begins.
func (w Window) End(i int64) time.Time { return w.Start(i + 1) }

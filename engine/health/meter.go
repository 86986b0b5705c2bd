package health

import (
	"sync"
	"time"
)

// meterSpan is the time over which rates are told, and bins how many pieces
// it is counted in.
const (
	meterSpan = time.Minute
	bins      = 60
)

// Flow is what happened in a span.
type Flow struct {
	// Records were stored and Errors set aside; Bytes are those of both as they
	// came. Throttles is how often the service asked to be asked less.
	Records, Bytes, Errors, Throttles int64
	// Busy is for how long storing was at work, Worst the longest commit.
	Busy, Worst time.Duration
}

func (f *Flow) add(o Flow) {
	f.Records += o.Records
	f.Bytes += o.Bytes
	f.Errors += o.Errors
	f.Throttles += o.Throttles
	f.Busy += o.Busy
	f.Worst = max(f.Worst, o.Worst)
}

// Meter adds up the flow of the last minute. Its zero value is ready; it may
// be used by several goroutines.
type Meter struct {
	mu    sync.Mutex
	begun time.Time
	bin   [bins]Flow
	of    [bins]int64 // which second a bin counts
}

// Add counts what happened now.
func (m *Meter) Add(now time.Time, f Flow) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.begun.IsZero() {
		m.begun = now
	}
	second := now.Unix()
	i := int(((second % bins) + bins) % bins)
	if m.of[i] != second {
		m.of[i], m.bin[i] = second, Flow{}
	}
	m.bin[i].add(f)
}

// Last is the flow of the last minute and how long of it the meter has run.
func (m *Meter) Last(now time.Time) (Flow, time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var sum Flow
	if m.begun.IsZero() {
		return sum, 0
	}
	for i, second := range m.of {
		if age := now.Unix() - second; age >= 0 && age < bins {
			sum.add(m.bin[i])
		}
	}
	return sum, min(max(now.Sub(m.begun), time.Second), meterSpan)
}

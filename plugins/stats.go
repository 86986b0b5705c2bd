package plugins

import (
	"slices"
	"sync"
	"time"
)

// Stats count what a plugin did since it was loaded.
type Stats struct {
	Calls   int64
	Records int64
	Errors  int64 // records that it rejected or broke at
	// P50 and P99 are percentiles of the time of a call, over the last 1000.
	P50, P99 time.Duration
	// Memory is the most that one instance has had, in bytes.
	Memory int64
}

type stats struct {
	mu    sync.Mutex
	total Stats
	times []time.Duration
}

func (s *stats) add(records, failed int, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total.Calls++
	s.total.Records += int64(records)
	s.total.Errors += int64(failed)
	if len(s.times) == 1000 {
		s.times = append(s.times[:0], s.times[1:]...)
	}
	s.times = append(s.times, took)
}

// grew notes how much memory an instance has.
func (s *stats) grew(bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total.Memory = max(s.total.Memory, bytes)
}

// Stats reads the counters.
func (p *Plugin) Stats() Stats {
	p.stats.mu.Lock()
	defer p.stats.mu.Unlock()
	out := p.stats.total
	if n := len(p.stats.times); n > 0 {
		sorted := slices.Sorted(slices.Values(p.stats.times))
		out.P50 = sorted[n/2]
		out.P99 = sorted[min(n-1, n*99/100)]
	}
	return out
}

// Package clocktest is a clock for tests, which shows what they say.
package clocktest

import (
	"sync"
	"time"
)

// Clock stands still until it is moved. It may be used from several
// goroutines.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// New starts at t.
func New(t time.Time) *Clock { return &Clock{now: t.UTC()} }

// Now is what the clock shows, in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Move puts the clock forward, or back.
func (c *Clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Set puts the clock to a time.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t.UTC()
}

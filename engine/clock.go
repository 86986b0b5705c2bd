package engine

import (
	"context"
	"time"
)

// Clock tells the time. Everything that stamps, expires or waits takes one.
type Clock interface {
	Now() time.Time
}

// SystemClock is the machine's clock in UTC.
type SystemClock struct{}

// Now is the present moment, in UTC.
func (SystemClock) Now() time.Time { return time.Now().UTC() }

// Wait returns nil after d of the machine's time, or the error of ctx when
// that ends first. It is what waits where nobody gives another way to.
func Wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

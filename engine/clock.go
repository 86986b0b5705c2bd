package engine

import "time"

// Clock tells the time. Everything that stamps, expires or waits takes one.
type Clock interface {
	Now() time.Time
}

// SystemClock is the machine's clock in UTC.
type SystemClock struct{}

// Now is the present moment, in UTC.
func (SystemClock) Now() time.Time { return time.Now().UTC() }

package kinesis

import (
	"context"
	"time"
)

// A shard answers 5 calls and 2 MiB a second, to all its readers together.
// A tail is a guest: one call a second at the tip, at most four while it is
// behind, half of that when asked to be polite.
const (
	callEvery       = time.Second
	callEveryBehind = 250 * time.Millisecond
	bytesASecond    = 2 << 20

	firstPause = 250 * time.Millisecond
	maxPause   = 8 * time.Second
)

// pace says when a shard may be asked next.
type pace struct {
	config Config
	next   time.Time
	most   time.Duration // to be waited, whatever the clock shows then
	slower time.Duration // after throttles
	fails  int
}

// wait sleeps until the next call is due. behind readers may call sooner.
func (p *pace) wait(ctx context.Context) error {
	if d := p.next.Sub(p.config.Clock.Now()); d > 0 {
		return p.config.Wait(ctx, min(d, p.most))
	}
	return ctx.Err()
}

// called notes a call that went well and what it brought.
func (p *pace) called(bytes int, behind bool) {
	every := callEvery
	if behind {
		every = callEveryBehind
	}
	if p.config.Polite {
		every *= 2
	}
	every += p.slower
	p.slower /= 2
	p.fails = 0
	paid := time.Duration(float64(bytes) / bytesASecond * float64(time.Second))
	p.after(max(every, paid))
	if !behind && paid < every { // at the tip all shards are asked at the same moments
		p.next = p.config.Clock.Now().Truncate(every).Add(every)
	}
}

// after plans the next call. A clock that is put back meanwhile makes nobody
// wait longer.
func (p *pace) after(d time.Duration) {
	p.most = min(d, maxPause)
	p.next = p.config.Clock.Now().Add(d)
}

// failed pauses longer with each failure in a row: full jitter between
// nothing and the doubled pause (Brooker, "Exponential Backoff And Jitter",
// AWS Architecture Blog, 2015).
func (p *pace) failed(throttle bool) {
	if throttle {
		p.slower = min(max(2*p.slower, callEvery/2), maxPause)
	}
	limit := min(firstPause<<min(p.fails, 10), maxPause)
	p.fails++
	p.after(time.Duration(p.config.Jitter() * float64(limit)))
}

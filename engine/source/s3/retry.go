package s3

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"tidemark.dev/tidemark/engine"
)

// Retry bounds the repetition of what fails for a moment: server errors,
// throttling, timeouts and connections that break. Zero values are defaults.
type Retry struct {
	// Attempts counts the first one too; 5 by default.
	Attempts int
	// Base and Max bound the pause before a repetition, which is random between
	// zero and Base doubled for each repetition so far, up to Max; 200 ms and
	// 10 s by default.
	Base, Max time.Duration
	// Jitter gives numbers in [0, 1); rand.Float64 by default.
	Jitter func() float64
}

func (r Retry) withDefaults() Retry {
	if r.Attempts <= 0 {
		r.Attempts = 5
	}
	if r.Base <= 0 {
		r.Base = 200 * time.Millisecond
	}
	if r.Max <= 0 {
		r.Max = 10 * time.Second
	}
	if r.Jitter == nil {
		r.Jitter = rand.Float64
	}
	return r
}

// pause is how long to wait before repetition n, counted from 0. The jitter is
// full, so that workers which failed together do not return together.
func (r Retry) pause(n int) time.Duration {
	limit := r.Max
	if n < 30 && r.Base < r.Max>>n { // Base<<n itself may overflow
		limit = r.Base << n
	}
	return time.Duration(r.Jitter() * float64(limit))
}

// wait pauses before repetition n, or until ctx ends.
func (r Retry) wait(ctx context.Context, n int) error {
	return engine.Wait(ctx, r.pause(n))
}

// sdk is the same policy for the SDK. Its shared budget of retries is off: the
// attempts are bounded, and one slow prefix should not use up another's.
func (r Retry) sdk() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = r.Attempts
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
			return r.pause(attempt), nil
		})
		o.RateLimiter = ratelimit.None
	})
}

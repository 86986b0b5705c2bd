package plugins

import (
	"context"
	"errors"
	"time"
)

// deadlineKey carries the moment at which the call under way must end.
type deadlineKey struct{}

// within gives the call that gets the context some time from now on.
func within(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, deadlineKey{}, time.Now().Add(d))
}

// errDeadline ends a call that takes too long.
var errDeadline = errors.New("it ran longer than its deadline")

// yield is what a metered module calls now and then.
func yield(ctx context.Context) {
	if err := ctx.Err(); err != nil {
		panic(err)
	}
	if end, ok := ctx.Value(deadlineKey{}).(time.Time); ok && time.Now().After(end) {
		panic(errDeadline)
	}
}

package cage

import (
	"context"
	"errors"
	"time"

	"tidemark.dev/tidemark/engine"
)

// limiter is the time that a query has: until its caller leaves or its own
// time is up.
type limiter struct {
	caller context.Context
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer // nil when there is no limit
}

// errTimeout is why a limiter's context ended by itself.
type errTimeout struct{ after time.Duration }

func (e errTimeout) Error() string { return "it took longer than " + engine.FormatDuration(e.after) }

func limit(ctx context.Context, opt Options) *limiter {
	l := &limiter{caller: ctx}
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	if opt.Timeout > 0 {
		l.timer = time.AfterFunc(opt.Timeout, func() { l.cancel(errTimeout{opt.Timeout}) })
	}
	watch(l)
	return l
}

// inTime says that the query is done: its time can no longer be up.
func (l *limiter) inTime() {
	if l.timer != nil {
		l.timer.Stop()
	}
}

// end gives the context's resources back.
func (l *limiter) end() {
	unwatch(l)
	l.inTime()
	l.cancel(nil)
}

// why tells our own limits from a caller that left, and both from a
// failure of the query.
func (l *limiter) why(err error) error {
	if err == nil || l.ctx.Err() == nil {
		return err
	}
	var late errTimeout
	var large errMemory
	if l.caller.Err() == nil && errors.As(context.Cause(l.ctx), &large) {
		return engine.Errorf(engine.Unavailable, op, "%w", large).WithHint("ask for less at once: fewer rows, or smaller values")
	}
	if l.caller.Err() == nil && errors.As(context.Cause(l.ctx), &late) {
		return engine.Errorf(engine.Unavailable, op, "%w", late).WithHint("ask for less, or give it more time with --timeout")
	}
	return engine.Errorf(engine.Canceled, op, "%w", l.ctx.Err())
}

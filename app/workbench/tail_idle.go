package workbench

import (
	"context"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine"
)

// untilIdle cancels when nothing has come for a time, and nothing is known to
// be on its way.
func untilIdle(ctx context.Context, cancel context.CancelFunc, all []*tailing, idle time.Duration) {
	tick := time.NewTicker(min(idle/4+time.Millisecond, 250*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if !slices.ContainsFunc(all, func(t *tailing) bool { return now.Sub(t.lastCame()) < idle || t.unread() }) {
				cancel()
				return
			}
		}
	}
}

// unread reports whether a tail is known to have more to read. A replay gives
// out its records when their time comes: of it that is not asked.
func (t *tailing) unread() bool {
	return t.source.Type == "kinesis" && unread(t.stream.Shards())
}

// unread reports whether a stream is not read to its newest record, however
// long that takes. Where something is wrong with it that is not waited for: it
// may stay so.
func unread(shards []engine.ShardState) bool {
	waits, wrong := len(shards) == 0, false // none: it has not been listed yet
	for _, sh := range shards {
		switch {
		case sh.State == "finished":
		case sh.State == "reading" && sh.Why == "":
			waits = waits || sh.LastRead.IsZero() || sh.Behind > 0
		case sh.State == "waiting" && sh.Shard != "stream": // for its parent, or its turn
			waits = true
		default:
			wrong = true
		}
	}
	return waits && !wrong
}

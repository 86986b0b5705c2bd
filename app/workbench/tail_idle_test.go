package workbench

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
)

// slowly is a stream whose shards stand as it says.
type slowly struct {
	stands atomic.Pointer[[]engine.ShardState]
}

func (s *slowly) Shards() []engine.ShardState { return *s.stands.Load() }

func (*slowly) Tail(context.Context, []engine.Checkpoint, func(context.Context, engine.Arrivals) error) error {
	return nil
}

// TestIdleIsReadToTheEnd: a tail is not idle while it has something to read,
// however long that takes, unless something is wrong with the stream.
func TestIdleIsReadToTheEnd(t *testing.T) {
	t.Parallel()
	read := time.Date(2026, 1, 9, 14, 0, 0, 0, time.UTC)
	for name, x := range map[string]struct {
		shards []engine.ShardState
		waits  bool
	}{
		"not listed yet":           {nil, true},
		"not asked yet":            {[]engine.ShardState{{Shard: "a", State: "reading"}}, true},
		"behind":                   {[]engine.ShardState{{Shard: "a", State: "reading", LastRead: read, Behind: 1}}, true},
		"a child waits":            {[]engine.ShardState{{Shard: "a", State: "reading", LastRead: read}, {Shard: "b", State: "waiting", Why: "its parent a is being read"}}, true},
		"its turn comes":           {[]engine.ShardState{{Shard: "a", State: "finished"}, {Shard: "b", State: "waiting"}}, true},
		"read to the newest":       {[]engine.ShardState{{Shard: "a", State: "finished"}, {Shard: "b", State: "reading", LastRead: read}}, false},
		"all have ended":           {[]engine.ShardState{{Shard: "a", State: "finished"}}, false},
		"it cannot be reached":     {[]engine.ShardState{{Shard: "a", State: "reading", Why: "connection refused"}}, false},
		"behind, and refused":      {[]engine.ShardState{{Shard: "a", State: "reading", LastRead: read, Behind: 1}, {Shard: "b", State: "failed", Why: "denied"}}, false},
		"the parent cannot be had": {[]engine.ShardState{{Shard: "a", State: "failed", Why: "denied"}, {Shard: "b", State: "waiting", Why: "its parent a is being read"}}, false},
		"deleted":                  {[]engine.ShardState{{Shard: "stream", State: "waiting", Why: "the stream was deleted; it is looked for again"}}, false},
	} {
		if got := unread(x.shards); got != x.waits {
			t.Errorf("%s: %v", name, got)
		}
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			s := &slowly{}
			s.stands.Store(&x.shards)
			time.AfterFunc(time.Minute, func() {
				s.stands.Store(&[]engine.ShardState{{Shard: "a", State: "reading", LastRead: read}})
			})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			untilIdle(ctx, cancel, []*tailing{{stream: s, source: workspace.Source{Type: "kinesis"}, last: began}}, 2*time.Second)
			if took := time.Since(began); x.waits != (took >= time.Minute) || took < 2*time.Second || took > 61*time.Second {
				t.Errorf("%s: it ended after %v", name, took)
			}
		})
	}
}

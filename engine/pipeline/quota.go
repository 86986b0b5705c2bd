package pipeline

import (
	"context"
	"sync"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/schema"
)

// Quota bounds how many records a second each value of a path may bring to a
// live dataset. A value may bring those of a second at once.
type Quota struct {
	// By is a path in the table; none counts all records together. It is looked
	// for in the record as it came, before transforms.
	By        engine.Path
	PerSecond float64
	// Over is what becomes of those over it: drop; sample, which keeps one of
	// ten; or block, which holds the shard back until there is room.
	Over string
}

const (
	// sampleOne of so many records over a quota is kept.
	sampleOne = 10
	// maxQuotaKeys bounds the values that are counted by themselves; others
	// share one quota, as otherKeys.
	maxQuotaKeys = 10_000
	otherKeys    = "(others)"
)

// quotas counts what the shards of a tail bring; they share it.
type quotas struct {
	Quota
	now  func() time.Time
	wait func(context.Context, time.Duration) error

	mu      sync.Mutex
	buckets map[string]*bucket
}

// bucket holds what a value may still bring (a token bucket).
type bucket struct {
	left float64
	at   time.Time
	over int64
}

func newQuotas(q Quota, clock engine.Clock, wait func(context.Context, time.Duration) error) *quotas {
	if wait == nil {
		wait = engine.Wait
	}
	return &quotas{Quota: q, now: clock.Now, wait: wait, buckets: map[string]*bucket{}}
}

// of finds the bucket of a value. q.mu is held.
func (q *quotas) of(key string, now time.Time) (string, *bucket) {
	b := q.buckets[key]
	if b == nil && len(q.buckets) >= maxQuotaKeys {
		key = otherKeys
		b = q.buckets[key]
	}
	if b == nil {
		b = &bucket{left: max(1, q.PerSecond), at: now}
		q.buckets[key] = b
	}
	return key, b
}

// take asks for room for one record: free says that there is, nth is its
// number among those over the quota, and until is how long room takes.
func (q *quotas) take(key string) (name string, free bool, nth int64, until time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	name, b := q.of(key, now)
	passed := max(0, now.Sub(b.at))
	b.left = min(max(1, q.PerSecond), b.left+passed.Seconds()*q.PerSecond)
	b.at = now // and if the clock was put back, it counts from there
	if b.left >= 1 {
		b.left--
		return name, true, 0, 0
	}
	b.over++
	return name, false, b.over, time.Duration((1 - b.left) / q.PerSecond * float64(time.Second))
}

// sift takes out of a piece what is over the quota, and counts it.
func (q *quotas) sift(ctx context.Context, find *schema.Extractor, c *piece) error {
	kept := c.lines[:0]
	for _, l := range c.lines {
		key := ""
		if len(q.By) > 0 && find.Find(l.raw) {
			key = find.Scalar(0)
		}
		keep, err := q.admit(ctx, key, c)
		if err != nil {
			return err
		}
		if keep {
			kept = append(kept, l)
		} else {
			c.dropped++
		}
	}
	c.lines = kept
	return nil
}

func (q *quotas) admit(ctx context.Context, key string, c *piece) (keep bool, err error) {
	name, free, nth, until := q.take(key)
	if free {
		return true, nil
	}
	count := engine.QuotaCount{Over: 1}
	defer func() { c.overQuota(name, count) }()
	switch q.Over {
	case "sample":
		if nth%sampleOne != 0 {
			return false, nil
		}
		count.Kept = 1
		return true, nil
	case "block":
		count.Kept = 1
		for !free {
			count.Waited += until
			if err := q.wait(ctx, until); err != nil {
				return false, err
			}
			_, free, _, until = q.take(key)
		}
		return true, nil
	}
	return false, nil
}

// overQuota counts a record that was over the quota of a value.
func (c *piece) overQuota(key string, n engine.QuotaCount) {
	if c.over == nil {
		c.over = map[string]engine.QuotaCount{}
	}
	c.over[key] = c.over[key].Add(n)
}

package lookup

import (
	"container/list"
	"sync"
	"time"

	"tidemark.dev/tidemark/engine"
)

// cache remembers the answers that were used last, for a while; that nobody
// knows a key is an answer too.
type cache struct {
	mu    sync.Mutex
	most  int
	ttl   time.Duration
	byKey map[string]*list.Element
	order *list.List // the one used last in front
}

type cached struct {
	id    string
	a     answer
	until time.Time
}

func newCache(most int, ttl time.Duration) *cache {
	return &cache{most: most, ttl: ttl, byKey: map[string]*list.Element{}, order: list.New()}
}

func (c *cache) get(id string, now time.Time) (answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byKey[id]
	if e == nil {
		return answer{}, false
	}
	x := e.Value.(cached)
	if now.After(x.until) {
		c.order.Remove(e)
		delete(c.byKey, id)
		return answer{}, false
	}
	c.order.MoveToFront(e)
	return x.a, true
}

func (c *cache) put(id string, a answer, now time.Time) {
	if c.most < 1 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byKey[id]; e != nil {
		c.order.Remove(e)
	}
	c.byKey[id] = c.order.PushFront(cached{id, a, now.Add(c.ttl)})
	for c.order.Len() > c.most {
		last := c.order.Back()
		delete(c.byKey, last.Value.(cached).id)
		c.order.Remove(last)
	}
}

// A source that failed so often in a row is left alone for a while: else an
// outage would hold each record back for as long as all its tries take.
const (
	fuseFailures = 32
	fuseTime     = 5 * time.Second
)

type fuse struct {
	clock engine.Clock
	mu    sync.Mutex
	bad   int
	last  error
	until time.Time
}

// blown says why the source is not asked now, or nil.
func (f *fuse) blown() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.clock.Now().Before(f.until) {
		return f.last
	}
	return nil
}

func (f *fuse) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.bad = 0
		return
	}
	f.last = err
	if f.bad++; f.bad >= fuseFailures {
		f.until = f.clock.Now().Add(fuseTime)
	}
}

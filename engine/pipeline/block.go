package pipeline

import (
	"runtime"
	"slices"
	"sync"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/schema"
)

// slab is memory for one block. It is not the collector's: a batch of it would
// let the heap grow to twice its size before it is looked through.
type slab struct {
	room []byte
	idle time.Time // since when, if it is
}

// slabStep is by what the sizes of slabs differ. What is smaller is the
// collector's: it does not move what it has.
const slabStep = 64 << 10

// slabs are those that are not in use. They are used again, for the pages of
// other memory must be cleared before they can be touched; what nobody used for
// slabIdle goes back to the system.
var slabs struct {
	sync.Mutex
	idle    []*slab // the longest idle first
	watched bool
}

const slabIdle = 10 * time.Second

// newSlab gives memory of at least a size. What it holds is not cleared.
func newSlab(size int) *slab {
	if size < slabStep {
		return &slab{room: make([]byte, max(size, 16))}
	}
	if s := idleSlab(size); s != nil {
		return s
	}
	s := &slab{room: mapped((size + slabStep - 1) / slabStep * slabStep)}
	runtime.AddCleanup(s, unmap, s.room)
	return s
}

// idleSlab takes the smallest slab that is large enough, and not much larger.
func idleSlab(size int) *slab {
	slabs.Lock()
	defer slabs.Unlock()
	best := -1
	for i, s := range slabs.idle {
		if n := len(s.room); n >= size && n <= 2*size && (best < 0 || n <= len(slabs.idle[best].room)) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	s := slabs.idle[best]
	slabs.idle = slices.Delete(slabs.idle, best, best+1)
	return s
}

func (s *slab) free() {
	if len(s.room) < slabStep {
		return
	}
	slabs.Lock()
	defer slabs.Unlock()
	s.idle = time.Now()
	slabs.idle = append(slabs.idle, s)
	if !slabs.watched {
		slabs.watched = true
		afterCollection(forgetSlabs)
	}
}

// forgetSlabs lets go of slabs that nobody used for a while, whose memory goes
// back to the system then.
func forgetSlabs() {
	slabs.Lock()
	defer slabs.Unlock()
	slabs.idle = slices.DeleteFunc(slabs.idle, func(s *slab) bool { return time.Since(s.idle) > slabIdle })
	if slabs.watched = len(slabs.idle) > 0; slabs.watched {
		afterCollection(forgetSlabs)
	}
}

// afterCollection calls do once the collector has run, which it does every two
// minutes at least.
func afterCollection(do func()) {
	type noticed struct{ _ [16]byte }
	runtime.AddCleanup(new(noticed), func(do func()) { do() }, do)
}

// newBlock takes the rows that a conformer has gathered, nil if there are none.
func newBlock(c *schema.Conformer) *engine.Block {
	var room *slab
	b := c.Block(func(size int) []byte {
		room = newSlab(size)
		return room.room
	})
	if b != nil {
		b.Bytes, b.Free = len(room.room), room.free
	}
	return b
}

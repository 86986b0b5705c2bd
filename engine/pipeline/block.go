package pipeline

import (
	"runtime"
	"sync"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/schema"
)

// slab is memory for one block. It is not the collector's: a batch of it would
// let the heap grow to twice its size before it is looked through.
type slab struct{ room []byte }

// slabStep is by what the sizes of slabs differ. What is smaller is the
// collector's: it does not move what it has.
const slabStep = 64 << 10

// slabs are used again: those of a dataset are of about one size. The memory of
// a slab that is forgotten goes back to the system.
var slabs [128]sync.Pool

// newSlab gives memory of at least a size. What it holds is not cleared.
func newSlab(size int) *slab {
	if size < slabStep {
		return &slab{make([]byte, max(size, 16))}
	}
	class := (size + slabStep - 1) / slabStep
	if class < len(slabs) {
		if s, _ := slabs[class].Get().(*slab); s != nil {
			return s
		}
	}
	s := &slab{mapped(class * slabStep)}
	runtime.AddCleanup(s, unmap, s.room)
	return s
}

func (s *slab) free() {
	if class := len(s.room) / slabStep; class > 0 && class < len(slabs) {
		slabs[class].Put(s)
	}
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

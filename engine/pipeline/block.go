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

// slabStep is by what the sizes of slabs differ.
const slabStep = 128 << 10

// slabs are used again: those of a dataset are of about one size. The memory of
// a slab that is forgotten goes back to the system.
var slabs [64]sync.Pool

// newSlab gives memory of at least a size. What it holds is not cleared.
func newSlab(size int) *slab {
	class := (size + slabStep - 1) / slabStep
	if class < len(slabs) {
		if s, _ := slabs[class].Get().(*slab); s != nil {
			return s
		}
	}
	s := &slab{mapped(max(1, class) * slabStep)}
	runtime.AddCleanup(s, unmap, s.room)
	return s
}

func (s *slab) free() {
	if class := len(s.room) / slabStep; class < len(slabs) {
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
		b.Free = room.free
	}
	return b
}

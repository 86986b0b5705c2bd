package plan

import (
	"slices"
	"sort"
)

// ranked keeps values in order, in blocks small enough that putting one in
// moves little.
type ranked struct {
	blocks [][]Value
	n      int
}

const maxBlock = 256

// block is where v belongs.
func (r *ranked) block(v Value) int {
	i := sort.Search(len(r.blocks), func(i int) bool { b := r.blocks[i]; return Compare(b[len(b)-1], v) >= 0 })
	return min(i, len(r.blocks)-1)
}

func (r *ranked) insert(v Value) {
	r.n++
	if len(r.blocks) == 0 {
		r.blocks = [][]Value{{v}}
		return
	}
	i := r.block(v)
	at, _ := slices.BinarySearchFunc(r.blocks[i], v, Compare)
	b := slices.Insert(r.blocks[i], at, v)
	r.blocks[i] = b
	if len(b) > maxBlock {
		half := slices.Clone(b[maxBlock/2:])
		r.blocks[i] = b[:maxBlock/2]
		r.blocks = slices.Insert(r.blocks, i+1, half)
	}
}

// remove takes out a value that is there.
func (r *ranked) remove(v Value) {
	i := r.block(v)
	at, _ := slices.BinarySearchFunc(r.blocks[i], v, Compare)
	r.blocks[i] = slices.Delete(r.blocks[i], at, at+1)
	if len(r.blocks[i]) == 0 {
		r.blocks = slices.Delete(r.blocks, i, i+1)
	}
	r.n--
}

// median is the value in the middle, the smaller of two; null of fewer values
// than least.
func (r *ranked) median(least int) Value {
	if r.n == 0 || r.n < least {
		return Null
	}
	at := (r.n - 1) / 2
	for _, b := range r.blocks {
		if at < len(b) {
			return b[at]
		}
		at -= len(b)
	}
	panic("plan: ranked lost count")
}

package schema

import (
	"unsafe"

	"tidemark.dev/tidemark/engine"
)

// cells is a column that grows; see engine.Cells.
type cells struct {
	width  int // words a value
	n      int
	sparse bool
	rows   []uint32
	values []uint64
	inner  []*cells
	listed bool   // inner has rows of its own
	length uint32 // rows of inner, if listed
}

func newCells(t engine.Type) *cells {
	c := &cells{width: 1}
	switch t.Kind {
	case engine.HugeInt, engine.Decimal, engine.UUID:
		c.width = 2
	case engine.List:
		c.listed, c.inner = true, []*cells{newCells(*t.Elem)}
	case engine.Map:
		c.listed, c.inner = true, []*cells{newCells(engine.Scalar(engine.Varchar)), newCells(*t.Elem)}
	case engine.Struct:
		c.width = 0
		for _, f := range t.Fields {
			if f.Type.Known() {
				c.inner = append(c.inner, newCells(f.Type))
			}
		}
	}
	return c
}

// at gives a row a value, which the caller appends to values.
func (c *cells) at(row uint32) {
	if !c.sparse {
		if int(row) == c.n {
			c.n++
			return
		}
		c.sparse = true
		c.rows = c.rows[:0]
		for i := range c.n {
			c.rows = append(c.rows, uint32(i)) //nolint:gosec // rows of a chunk
		}
	}
	c.rows = append(c.rows, row)
	c.n++
}

func (c *cells) put(row uint32, v uint64) {
	c.at(row)
	c.values = append(c.values, v)
}

// cut takes back the values of a row and those after it.
func (c *cells) cut(row uint32) {
	keep := min(c.n, int(row))
	if c.sparse {
		for keep = c.n; keep > 0 && c.rows[keep-1] >= row; {
			keep--
		}
		c.rows = c.rows[:keep]
	}
	if keep == c.n {
		return
	}
	if c.listed {
		row = uint32(c.values[keep] >> 32) //nolint:gosec // what was put there
		c.length = row
	}
	for _, in := range c.inner {
		in.cut(row)
	}
	c.values, c.n = c.values[:keep*c.width], keep
}

// again empties the column for the next block.
func (c *cells) again() {
	c.n, c.sparse, c.length = 0, false, 0
	c.values, c.rows = c.values[:0], c.rows[:0]
	for _, in := range c.inner {
		in.again()
	}
}

func (c *cells) size() int {
	n := 8*len(c.values) + (4*len(c.rows)+7)&^7
	for _, in := range c.inner {
		n += in.size()
	}
	return n
}

// write copies the column into room and gives what is left of it.
func (c *cells) write(room []byte, to *engine.Cells) []byte {
	to.Count = c.n
	if n := len(c.values); n > 0 {
		to.Values = unsafe.Slice((*uint64)(unsafe.Pointer(&room[0])), n)
		copy(to.Values, c.values)
		room = room[8*n:]
	}
	if n := len(c.rows); n > 0 {
		to.Rows = unsafe.Slice((*uint32)(unsafe.Pointer(&room[0])), n)
		copy(to.Rows, c.rows)
		room = room[(4*n+7)&^7:]
	}
	if len(c.inner) > 0 {
		to.Inner = make([]engine.Cells, len(c.inner))
		for i, in := range c.inner {
			room = in.write(room, &to.Inner[i])
		}
	}
	return room
}

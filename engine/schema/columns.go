package schema

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"unsafe"

	"tidemark.dev/tidemark/engine"
)

// columns gathers conformed rows as the columns of a block. What a line puts
// in is taken back when the line turns out not to be a row.
type columns struct {
	body  engine.Type
	top   []*cells // in the order of engine.BlockColumns
	rows  uint32
	dirty bool // the row being read has put something in
	texts []byte
	mark  int // of texts, where the row being read begins
}

// The places of engine.BlockColumns.
const (
	columnRow = iota
	columnPosition
	columnTime
	columnEnvelope
	columnLabels = columnEnvelope + 5
	columnBody   = columnLabels + 1
	columnRest   = columnLabels + 2
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

// Gather makes the conformer keep rows as columns, for TakeRow and Block. It
// reports whether it can.
func (c *Conformer) Gather(body engine.Type) bool {
	if !engine.InBlocks(body) {
		return false
	}
	k := &columns{body: body}
	for _, name := range engine.BlockColumns {
		k.top = append(k.top, newCells(engine.BlockType(name, body)))
	}
	c.columns = k
	c.root.attach(body, k.top[columnBody])
	return true
}

// attach ties the nodes of a type to its column.
func (n *node) attach(t engine.Type, c *cells) {
	n.cells = c
	switch t.Kind {
	case engine.Struct:
		at := 0
		for i, f := range t.Fields {
			if f.Type.Known() {
				n.kids[i].attach(f.Type, c.inner[at])
				at++
			}
		}
	case engine.List, engine.Map:
		n.elem.attach(*t.Elem, c.inner[len(c.inner)-1])
	}
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

// begin makes ready to read the next row, or the same one once more.
func (k *columns) begin() (row uint32) {
	k.drop()
	k.dirty = true
	k.top[columnBody].at(k.rows)
	return k.rows
}

// drop takes back what a line put in that did not become a row.
func (k *columns) drop() {
	if !k.dirty {
		return
	}
	for _, c := range k.top {
		c.cut(k.rows)
	}
	k.texts, k.dirty = k.texts[:k.mark], false
}

// text keeps the text of a string token.
func (k *columns) text(token []byte, escaped bool) uint64 {
	at := len(k.texts)
	if escaped {
		k.texts = unquote(token, true, k.texts)
	} else {
		k.texts = append(k.texts, token[1:len(token)-1]...)
	}
	return k.place(at)
}

func (k *columns) plain(text []byte) uint64 {
	at := len(k.texts)
	k.texts = append(k.texts, text...)
	return k.place(at)
}

// place is the text from at to the end.
func (k *columns) place(at int) uint64 { return uint64(at)<<32 | uint64(len(k.texts)-at) } //nolint:gosec // below 4 GB

// TakeRow adds the last line to the block, with its number in its object, from
// 1.
func (c *Conformer) TakeRow(number int64) {
	k := c.columns
	row := k.rows
	k.top[columnRow].put(row, uint64(number)) //nolint:gosec // as it is
	if t := c.slots[timeSlot]; t.set {
		k.top[columnTime].put(row, uint64(t.at.micros)) //nolint:gosec // as it is
	}
	for i := range envelopeColumns {
		if s := &c.slots[i]; s.set {
			k.top[columnEnvelope+i].put(row, c.slotText(s))
		}
	}
	c.takeLabels(row)
	if len(c.asides) > 0 || c.raw != nil {
		k.top[columnRest].put(row, k.plain(c.rest()))
	}
	k.rows, k.dirty, k.mark = row+1, false, len(k.texts)
}

// TakeArrival adds the last line as a record of a stream: when it arrived, in
// microseconds since 1970, and its position there.
func (c *Conformer) TakeArrival(at int64, position []byte) {
	c.columns.top[columnPosition].put(c.columns.rows, c.columns.plain(position))
	c.TakeRow(at)
}

func (c *Conformer) slotText(s *slot) uint64 {
	token := c.s.b[s.start:s.end]
	if s.kind == isText {
		return c.columns.text(token, s.escaped)
	}
	return c.columns.plain(token)
}

func (c *Conformer) takeLabels(row uint32) {
	labels := c.columns.top[columnLabels]
	first := labels.length
	for i := range c.labels {
		s := &c.slots[firstLabel+i]
		if !s.set {
			continue
		}
		labels.inner[0].put(labels.length, c.columns.plain(c.labelNames[i]))
		labels.inner[1].put(labels.length, c.slotText(s))
		labels.length++
	}
	if labels.length > first {
		labels.put(row, uint64(first)<<32|uint64(labels.length-first))
	}
}

// beginList makes the elements of a list the rows of its inner column.
func (c *Conformer) beginList(n *node) (row uint32) {
	row = c.row
	if n.cells != nil {
		n.cells.put(row, uint64(n.cells.length)<<32)
		c.row = n.cells.length
	}
	return row
}

func (c *Conformer) endList(n *node, row uint32) {
	if l := n.cells; l != nil {
		l.values[l.n-1] |= uint64(c.row - l.length)
		l.length, c.row = c.row, row
	}
}

// gather puts a scalar that fits its type into its column. What fit found out
// on its way is not read again.
func (c *Conformer) gather(n *node, token []byte, kind shape) {
	into, row := n.cells, c.row
	switch n.typ.Kind {
	case engine.Varchar:
		into.put(row, c.columns.text(token, c.s.escaped))
	case engine.BigInt:
		into.put(row, uint64(wholeOf(token))) //nolint:gosec // as it is
	case engine.Double:
		into.put(row, math.Float64bits(doubleOf(token, kind)))
	case engine.Bool:
		into.put(row, uint64(token[0]>>4&1)) // where t and f differ
	case engine.Timestamp:
		into.put(row, uint64(c.at.micros)) //nolint:gosec // as it is
	case engine.Date:
		into.put(row, uint64(c.at.micros/86400e6)) //nolint:gosec // as it is
	case engine.UUID:
		hi, lo := uuidOf(token)
		into.put(row, hi)
		into.values = append(into.values, lo)
	case engine.HugeInt:
		hi, lo := wideOf(token, 0)
		into.put(row, hi)
		into.values = append(into.values, lo)
	case engine.Decimal:
		if kind == isText {
			token = token[1 : len(token)-1]
		}
		hi, lo := wideOf(token, int(n.typ.Scale))
		into.put(row, hi)
		into.values = append(into.values, lo)
	}
}

// Block gives the rows that were taken since the last one, in memory of alloc,
// which gives as many bytes as it is asked for, at a multiple of eight; nil if
// there are none.
func (c *Conformer) Block(alloc func(size int) []byte) *engine.Block {
	k := c.columns
	k.drop()
	if k.rows == 0 {
		return nil
	}
	size := (len(k.texts) + 7) &^ 7
	for _, col := range k.top {
		size += col.size()
	}
	room := alloc(size)
	b := &engine.Block{Rows: int(k.rows), Body: k.body, Texts: room[:len(k.texts):len(k.texts)]}
	copy(b.Texts, k.texts)
	room = room[(len(k.texts)+7)&^7:]
	b.Columns = make([]engine.Cells, len(k.top))
	for i, col := range k.top {
		room = col.write(room, &b.Columns[i])
		col.again()
	}
	k.rows, k.mark, k.texts = 0, 0, k.texts[:0]
	return b
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

// uuidOf reads a UUID as DuckDB keeps it: as a number whose order is that of
// the text.
func uuidOf(token []byte) (hi, lo uint64) {
	var b [16]byte
	at := 0
	for _, ch := range token[1 : len(token)-1] {
		if ch == '-' {
			continue
		}
		digit := ch - '0'
		if ch >= 'A' {
			digit = ch | 0x20 - 'a' + 10
		}
		b[at/2] = b[at/2]<<4 | digit
		at++
	}
	return binary.BigEndian.Uint64(b[:8]) ^ 1<<63, binary.BigEndian.Uint64(b[8:])
}

// wideOf reads plain digits as an integer of 128 bits, with scale digits after
// the point. Zeros beyond those do not count.
func wideOf(token []byte, scale int) (hi, lo uint64) {
	negative, after := false, -1
	for _, ch := range token {
		switch {
		case ch == '-':
			negative = true
			continue
		case ch == '.':
			after = 0
			continue
		case after >= 0:
			if after == scale {
				continue
			}
			after++
		}
		hi, lo = tenfold(hi, lo, uint64(ch-'0'))
	}
	for range scale - max(after, 0) {
		hi, lo = tenfold(hi, lo, 0)
	}
	if negative {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	return hi, lo
}

func tenfold(hi, lo, add uint64) (uint64, uint64) {
	carry, low := bits.Mul64(lo, 10)
	low, over := bits.Add64(low, add, 0)
	return hi*10 + carry + over, low
}

func namesOf(paths []engine.Path) [][]byte {
	out := make([][]byte, len(paths))
	for i, p := range paths {
		out[i] = []byte(p.String())
	}
	return slices.Clip(out)
}

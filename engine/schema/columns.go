package schema

import (
	"math"
	"slices"

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

func namesOf(paths []engine.Path) [][]byte {
	out := make([][]byte, len(paths))
	for i, p := range paths {
		out[i] = []byte(p.String())
	}
	return slices.Clip(out)
}

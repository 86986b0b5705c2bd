package plugins

import (
	"encoding/binary"
	"math"

	"tidemark.dev/tidemark/engine"
)

// The frame of ABI tm1, little-endian; see sdk/ABI.md.
const (
	frameMagic  = 0x31424D54 // "TMB1"
	headerSize  = 32
	columnSize  = 32
	hasValidity = 1
	isConstant  = 2
)

// Types of columns on the wire.
const (
	wireBool      = 1
	wireI64       = 2
	wireF64       = 3
	wireUTF8      = 4
	wireBytes     = 5
	wireTimestamp = 6
	wireU32       = 7
	wireJSON      = 8
)

var wireTypes = map[string]byte{
	"bool": wireBool, "i64": wireI64, "f64": wireF64, "utf8": wireUTF8, "bytes": wireBytes, "timestamp": wireTimestamp, "json": wireJSON,
}

// kinds is what a wire type is in an engine.Column.
var kinds = map[byte]engine.TypeKind{
	wireBool: engine.Bool, wireI64: engine.BigInt, wireF64: engine.Double, wireUTF8: engine.Varchar, wireBytes: engine.Varchar,
	wireTimestamp: engine.Timestamp, wireJSON: engine.JSON,
}

func align(n int) int { return (n + 7) &^ 7 }

// frameSize is how many bytes rows [from, to) of the columns take.
func frameSize(columns []engine.Column, from, to int) int {
	rows := to - from
	size := headerSize + columnSize*len(columns)
	for i := range columns {
		c := &columns[i]
		if c.Null != nil {
			size += align((rows + 7) / 8)
		}
		switch c.Type {
		case engine.Varchar, engine.JSON:
			size += align(4*(rows+1)) + align(int(c.Offsets[to]-c.Offsets[from]))
		case engine.Bool:
			size += align(rows)
		default:
			size += 8 * rows
		}
	}
	return size
}

// writeFrame writes rows [from, to) into b, which is frameSize long. raw says
// that the first column holds bytes and not text.
func writeFrame(b []byte, columns []engine.Column, from, to int, raw bool) {
	rows := to - from
	le := binary.LittleEndian
	clear(b[:headerSize+columnSize*len(columns)])
	le.PutUint32(b, frameMagic)
	le.PutUint32(b[8:], uint32(rows))
	le.PutUint32(b[12:], uint32(len(columns)))
	le.PutUint32(b[16:], uint32(len(b)))
	at := headerSize + columnSize*len(columns)
	for i := range columns {
		at = writeColumn(b, b[headerSize+columnSize*i:], at, &columns[i], from, to)
	}
	if raw {
		b[headerSize] = wireBytes
	}
}

// writeColumn writes rows of a column into b from at on, and where they are
// into its description d. It gives the end.
func writeColumn(b, d []byte, at int, c *engine.Column, from, to int) int {
	le := binary.LittleEndian
	rows := to - from
	if c.Null != nil {
		at = writeValidity(b, d, at, c.Null[from:to])
	}
	switch c.Type {
	case engine.Varchar, engine.JSON:
		return writeTexts(b, d, at, c, from, to)
	case engine.Double:
		d[0] = wireF64
		for r, v := range c.Floats[from:to] {
			le.PutUint64(b[at+8*r:], math.Float64bits(v))
		}
	case engine.Bool:
		d[0] = wireBool
		for r, v := range c.Ints[from:to] {
			b[at+r] = byte(v)
		}
		le.PutUint32(d[16:], uint32(at))
		le.PutUint32(d[20:], uint32(rows))
		return at + align(rows)
	default:
		d[0] = wireI64
		if c.Type == engine.Timestamp {
			d[0] = wireTimestamp
		}
		for r, v := range c.Ints[from:to] {
			le.PutUint64(b[at+8*r:], uint64(v))
		}
	}
	le.PutUint32(d[16:], uint32(at))
	le.PutUint32(d[20:], uint32(8*rows))
	return at + 8*rows
}

// writeValidity writes a bit for each row, set where it has a value.
func writeValidity(b, d []byte, at int, null []bool) int {
	d[1] = hasValidity
	binary.LittleEndian.PutUint32(d[8:], uint32(at))
	bits := b[at : at+align((len(null)+7)/8)]
	clear(bits)
	nulls := uint32(0)
	for r, isNull := range null {
		if isNull {
			nulls++
		} else {
			bits[r/8] |= 1 << (r % 8)
		}
	}
	binary.LittleEndian.PutUint32(d[4:], nulls)
	return at + len(bits)
}

// writeTexts writes the offsets of texts and then their bytes.
func writeTexts(b, d []byte, at int, c *engine.Column, from, to int) int {
	le := binary.LittleEndian
	d[0] = wireUTF8
	if c.Type == engine.JSON {
		d[0] = wireJSON
	}
	le.PutUint32(d[12:], uint32(at))
	base := c.Offsets[from]
	for r := range to - from + 1 {
		le.PutUint32(b[at+4*r:], c.Offsets[from+r]-base)
	}
	at += align(4 * (to - from + 1))
	n := copy(b[at:], c.Bytes[base:c.Offsets[to]])
	le.PutUint32(d[16:], uint32(at))
	le.PutUint32(d[20:], uint32(n))
	return at + align(n)
}

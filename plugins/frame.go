package plugins

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

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
	"bool": wireBool, "i64": wireI64, "f64": wireF64, "utf8": wireUTF8, "timestamp": wireTimestamp, "json": wireJSON,
}

// kinds is what a wire type is in an engine.Column.
var kinds = map[byte]engine.TypeKind{
	wireBool: engine.Bool, wireI64: engine.BigInt, wireF64: engine.Double, wireUTF8: engine.Varchar,
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

// writeFrame writes rows [from, to) into b, which is frameSize long.
func writeFrame(b []byte, columns []engine.Column, from, to int) {
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
}

func writeColumn(b, d []byte, at int, c *engine.Column, from, to int) int {
	le := binary.LittleEndian
	rows := to - from
	if c.Null != nil {
		d[1] = hasValidity
		le.PutUint32(d[8:], uint32(at))
		bits := b[at : at+align((rows+7)/8)]
		clear(bits)
		nulls := uint32(0)
		for r := range rows {
			if c.Null[from+r] {
				nulls++
			} else {
				bits[r/8] |= 1 << (r % 8)
			}
		}
		le.PutUint32(d[4:], nulls)
		at += len(bits)
	}
	switch c.Type {
	case engine.Varchar, engine.JSON:
		d[0] = wireUTF8
		if c.Type == engine.JSON {
			d[0] = wireJSON
		}
		le.PutUint32(d[12:], uint32(at))
		base := c.Offsets[from]
		for r := range rows + 1 {
			le.PutUint32(b[at+4*r:], c.Offsets[from+r]-base)
		}
		at += align(4 * (rows + 1))
		n := copy(b[at:], c.Bytes[base:c.Offsets[to]])
		le.PutUint32(d[16:], uint32(at))
		le.PutUint32(d[20:], uint32(n))
		return at + align(n)
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

// response is a guest's answer, checked and copied out of its memory.
type response struct {
	src     []uint32
	columns []engine.Column
	errors  *engine.Column // per row, or nil
}

// readFrame checks a guest's answer to a transform of rows input rows whose
// declared outputs are outputs. Nothing in it is trusted.
func readFrame(b []byte, outputs []Field, rows int, limit int) (*response, error) {
	le := binary.LittleEndian
	if len(b) < headerSize || le.Uint32(b) != frameMagic {
		return nil, fmt.Errorf("its answer is not a frame")
	}
	if status := le.Uint32(b[4:]); status != 0 {
		return nil, fmt.Errorf("it refused the batch: %s", frameError(b))
	}
	n, cols := le.Uint32(b[8:]), le.Uint32(b[12:])
	if uint64(n) > uint64(rows)*uint64(limit) {
		return nil, fmt.Errorf("it made %d rows of %d, more than %d of each", n, rows, limit)
	}
	want := len(outputs) + 1
	if int(cols) != want && int(cols) != want+1 || len(b) < headerSize+columnSize*int(cols) {
		return nil, fmt.Errorf("its answer has %d columns instead of %d", cols, want)
	}
	r := &response{}
	src, err := readColumn(b, 0, wireU32, int(n))
	if err != nil {
		return nil, fmt.Errorf("column $src: %w", err)
	}
	last := int64(0)
	for _, v := range src.Ints {
		if v < last || v >= int64(rows) {
			return nil, fmt.Errorf("column $src: row %d is out of order or out of range", v)
		}
		last = v
		r.src = append(r.src, uint32(v))
	}
	for i, f := range outputs {
		c, err := readColumn(b, i+1, wireTypes[f.Type], int(n))
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", f.Field, err)
		}
		c.Name = f.Field
		r.columns = append(r.columns, c)
	}
	if int(cols) > want {
		c, err := readColumn(b, want, wireUTF8, int(n))
		if err != nil {
			return nil, fmt.Errorf("column $error: %w", err)
		}
		r.errors = &c
	}
	return r, nil
}

func frameError(b []byte) string {
	le := binary.LittleEndian
	off, n := uint64(le.Uint32(b[24:])), uint64(le.Uint32(b[28:]))
	if n == 0 || off+n > uint64(len(b)) || !utf8.Valid(b[off:off+n]) {
		return "no reason given"
	}
	return string(b[off : off+min(n, 1000)])
}

// readColumn copies column i out of a frame.
func readColumn(b []byte, i int, want byte, rows int) (engine.Column, error) {
	d := b[headerSize+columnSize*i:]
	le := binary.LittleEndian
	c := engine.Column{Type: kinds[want]}
	if d[0] != want {
		return c, fmt.Errorf("has type %d instead of %d", d[0], want)
	}
	if d[1]&^(hasValidity|isConstant) != 0 {
		return c, fmt.Errorf("has unknown flags")
	}
	stored := rows
	constant := d[1]&isConstant != 0
	if constant {
		stored = min(rows, 1)
	}
	region := func(off uint32, n int, what string) ([]byte, error) {
		if off%8 != 0 || uint64(off)+uint64(n) > uint64(len(b)) || off < headerSize {
			return nil, fmt.Errorf("%s lies outside of the frame", what)
		}
		return b[off : int(off)+n], nil
	}
	if d[1]&hasValidity != 0 {
		bits, err := region(le.Uint32(d[8:]), (stored+7)/8, "validity")
		if err != nil {
			return c, err
		}
		c.Null = make([]bool, rows)
		for r := range rows {
			at := r
			if constant {
				at = 0
			}
			c.Null[r] = bits[at/8]&(1<<(at%8)) == 0
		}
	}
	size := int(le.Uint32(d[20:]))
	data, err := region(le.Uint32(d[16:]), size, "data")
	if err != nil {
		return c, err
	}
	switch want {
	case wireUTF8, wireJSON:
		offsets, err := region(le.Uint32(d[12:]), 4*(stored+1), "offsets")
		if err != nil {
			return c, err
		}
		return c, readText(&c, offsets, data, rows, stored, constant)
	case wireF64:
		return c, readWords(&c, data, rows, stored, constant, 8, func(w []byte) { c.Floats = append(c.Floats, math.Float64frombits(le.Uint64(w))) })
	case wireU32:
		return c, readWords(&c, data, rows, stored, constant, 4, func(w []byte) { c.Ints = append(c.Ints, int64(le.Uint32(w))) })
	case wireBool:
		return c, readWords(&c, data, rows, stored, constant, 1, func(w []byte) { c.Ints = append(c.Ints, int64(w[0]&1)) })
	}
	return c, readWords(&c, data, rows, stored, constant, 8, func(w []byte) { c.Ints = append(c.Ints, int64(le.Uint64(w))) })
}

func readWords(_ *engine.Column, data []byte, rows, stored int, constant bool, width int, take func([]byte)) error {
	if len(data) < width*stored {
		return fmt.Errorf("data is too short for %d rows", stored)
	}
	for r := range rows {
		at := r
		if constant {
			at = 0
		}
		take(data[width*at : width*at+width])
	}
	return nil
}

func readText(c *engine.Column, offsets, data []byte, rows, stored int, constant bool) error {
	le := binary.LittleEndian
	if le.Uint32(offsets) != 0 {
		return fmt.Errorf("offsets do not begin at 0")
	}
	last := uint32(0)
	for r := range stored + 1 {
		o := le.Uint32(offsets[4*r:])
		if o < last || uint64(o) > uint64(len(data)) {
			return fmt.Errorf("offsets go back or beyond the data")
		}
		last = o
	}
	c.Offsets = make([]uint32, 0, rows+1)
	c.Offsets = append(c.Offsets, 0)
	for r := range rows {
		at := r
		if constant {
			at = 0
		}
		text := data[le.Uint32(offsets[4*at:]):le.Uint32(offsets[4*at+4:])]
		if !utf8.Valid(text) {
			return fmt.Errorf("row %d is not valid UTF-8", r)
		}
		c.Bytes = append(c.Bytes, text...)
		c.Offsets = append(c.Offsets, uint32(len(c.Bytes)))
	}
	return nil
}

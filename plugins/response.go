package plugins

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"unicode/utf8"

	"tidemark.dev/tidemark/engine"
)

// response is a guest's answer, checked and copied out of its memory.
type response struct {
	src      []uint32 // nil for a function of SQL: row r is made of row r
	columns  []engine.Column
	errors   *engine.Column // per row, or nil
	consumed int            // bytes of a piece of an object
}

// readFrame checks a guest's answer to a call with rows input rows; rows of a
// decoder that cuts its input itself are the bytes it was given. Nothing in
// the answer is trusted.
func readFrame(b []byte, f Function, rows int) (*response, error) {
	outputs := f.Outputs
	le := binary.LittleEndian
	if len(b) < headerSize || le.Uint32(b) != frameMagic {
		return nil, fmt.Errorf("its answer is not a frame")
	}
	if status := le.Uint32(b[4:]); status != 0 {
		return nil, fmt.Errorf("it refused the batch: %s", frameError(b))
	}
	n, cols := le.Uint32(b[8:]), le.Uint32(b[12:])
	if err := f.checkRows(n, rows); err != nil {
		return nil, err
	}
	scalar, cutting := f.Kind == KindFunction, f.cuts()
	want := len(outputs) + 1
	if scalar {
		want--
	}
	if int(cols) != want && int(cols) != want+1 || len(b) < headerSize+columnSize*int(cols) {
		return nil, fmt.Errorf("its answer has %d columns instead of %d", cols, want)
	}
	if total := le.Uint32(b[16:]); int(total) != len(b) {
		return nil, fmt.Errorf("its answer says that it has %d bytes, and has %d", total, len(b))
	}
	r := &response{}
	in := &frameReader{b: b, columns: int(cols), rows: int(n), left: maxResponse}
	if !scalar {
		var err error
		if r.src, err = in.source(rows); err != nil {
			return nil, err
		}
	}
	if consumed := le.Uint32(b[20:]); cutting && int64(consumed) <= int64(rows) {
		r.consumed = int(consumed)
	} else if consumed != 0 {
		return nil, fmt.Errorf("it says that it took %d bytes of %d", consumed, rows)
	}
	for i, f := range outputs {
		c, err := in.column(want-len(outputs)+i, wireTypes[f.Type])
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", f.Field, err)
		}
		c.Name = f.Field
		r.columns = append(r.columns, c)
	}
	if int(cols) > want {
		c, err := in.column(want, wireUTF8)
		if err != nil {
			return nil, fmt.Errorf("column $error: %w", err)
		}
		r.errors = &c
	}
	return r, nil
}

// cuts reports whether the function is a decoder that cuts its input itself.
func (f Function) cuts() bool { return f.Kind == KindDecoder && f.Framing == FramingNone }

// checkRows refuses an answer of n rows where the function may not make so
// many of its input.
func (f Function) checkRows(n uint32, rows int) error {
	switch {
	case f.Kind == KindFunction:
		if int(n) != rows {
			return fmt.Errorf("it made %d values of %d", n, rows)
		}
	case f.cuts():
		if int(n) > rows {
			return fmt.Errorf("it made %d records of %d bytes", n, rows)
		}
	case uint64(n) > uint64(rows)*maxRowsPerRow:
		return fmt.Errorf("it made %d rows of %d, more than %d of each", n, rows, maxRowsPerRow)
	}
	return nil
}

// source reads $src, which never goes back.
func (f *frameReader) source(rows int) ([]uint32, error) {
	src, err := f.column(0, wireU32)
	if err != nil {
		return nil, fmt.Errorf("column $src: %w", err)
	}
	if src.Null != nil {
		return nil, fmt.Errorf("column $src: has nulls")
	}
	out := make([]uint32, 0, len(src.Ints))
	last := int64(0)
	for _, v := range src.Ints {
		if v < last || v >= int64(rows) {
			return nil, fmt.Errorf("column $src: row %d is out of order or out of range", v)
		}
		last = v
		out = append(out, uint32(v))
	}
	return out, nil
}

func frameError(b []byte) string {
	le := binary.LittleEndian
	off, n := uint64(le.Uint32(b[24:])), uint64(le.Uint32(b[28:]))
	if n == 0 || off+n > uint64(len(b)) || !utf8.Valid(b[off:off+n]) {
		return "no reason given"
	}
	return clean(string(b[off : off+n]))
}

// frameReader copies the columns of a frame.
type frameReader struct {
	b       []byte
	columns int
	rows    int
	left    int // bytes that may still be copied: columns may share regions
}

// region is a part of the frame behind its head.
func (f *frameReader) region(off uint32, n int, what string) ([]byte, error) {
	head := uint32(headerSize + columnSize*f.columns)
	if n > 0 && off < head || off%8 != 0 || uint64(off)+uint64(n) > uint64(len(f.b)) {
		return nil, fmt.Errorf("%s lies outside of the frame", what)
	}
	return f.b[off : int(off)+n], nil
}

func (f *frameReader) take(n int) error {
	if f.left -= n; f.left < 0 {
		return fmt.Errorf("the answer unfolds to more than %d MB", maxResponse>>20)
	}
	return nil
}

// column copies column i, which must have the type want.
func (f *frameReader) column(i int, want byte) (engine.Column, error) {
	le := binary.LittleEndian
	d := f.b[headerSize+columnSize*i:]
	c := engine.Column{Type: kinds[want]}
	if d[0] != want {
		return c, fmt.Errorf("has type %d instead of %d", d[0], want)
	}
	if d[1]&^(hasValidity|isConstant) != 0 {
		return c, fmt.Errorf("has unknown flags")
	}
	stored, at := f.rows, func(row int) int { return row }
	if d[1]&isConstant != 0 {
		stored, at = min(f.rows, 1), func(int) int { return 0 }
	}
	if d[1]&hasValidity != 0 {
		bits, err := f.region(le.Uint32(d[8:]), (stored+7)/8, "validity")
		if err != nil {
			return c, err
		}
		c.Null = make([]bool, f.rows)
		for r := range f.rows {
			c.Null[r] = bits[at(r)/8]&(1<<(at(r)%8)) == 0
		}
	}
	size := le.Uint32(d[20:])
	if uint64(size) > uint64(len(f.b)) {
		return c, fmt.Errorf("data lies outside of the frame")
	}
	data, err := f.region(le.Uint32(d[16:]), int(size), "data")
	if err != nil {
		return c, err
	}
	if want != wireUTF8 && want != wireJSON {
		return c, f.words(&c, want, data, stored, at)
	}
	offsets, err := f.region(le.Uint32(d[12:]), 4*(stored+1), "offsets")
	if err != nil {
		return c, err
	}
	if err := checkOffsets(offsets, len(data)); err != nil {
		return c, err
	}
	return c, f.text(&c, want, offsets, data, at)
}

// words copies values of one width.
func (f *frameReader) words(c *engine.Column, want byte, data []byte, stored int, at func(int) int) error {
	width := 8
	switch want {
	case wireU32:
		width = 4
	case wireBool:
		width = 1
	}
	if len(data) < width*stored {
		return fmt.Errorf("data is too short for %d rows", stored)
	}
	if err := f.take(8 * f.rows); err != nil {
		return err
	}
	le := binary.LittleEndian
	if want == wireF64 {
		c.Floats = make([]float64, f.rows)
	} else {
		c.Ints = make([]int64, f.rows)
	}
	for r := range f.rows {
		w := data[width*at(r):]
		switch want {
		case wireF64:
			c.Floats[r] = math.Float64frombits(le.Uint64(w))
		case wireU32:
			c.Ints[r] = int64(le.Uint32(w))
		case wireBool:
			c.Ints[r] = int64(w[0] & 1)
		default:
			c.Ints[r] = int64(le.Uint64(w))
		}
	}
	return nil
}

func checkOffsets(offsets []byte, size int) error {
	le := binary.LittleEndian
	if le.Uint32(offsets) != 0 {
		return fmt.Errorf("offsets do not begin at 0")
	}
	last := uint32(0)
	for ; len(offsets) > 0; offsets = offsets[4:] {
		o := le.Uint32(offsets)
		if o < last || uint64(o) > uint64(size) {
			return fmt.Errorf("offsets go back or beyond the data")
		}
		last = o
	}
	return nil
}

// whole copies texts in one piece where there is a value in every row.
func (f *frameReader) whole(c *engine.Column, offsets, data []byte) bool {
	le := binary.LittleEndian
	if len(offsets) != 4*(f.rows+1) || c.Null != nil {
		return false
	}
	data = data[:le.Uint32(offsets[4*f.rows:])]
	if len(data) > f.left || !utf8.Valid(data) {
		return false
	}
	c.Offsets = make([]uint32, f.rows+1)
	for r := range c.Offsets {
		o := le.Uint32(offsets[4*r:])
		if int(o) < len(data) && !utf8.RuneStart(data[o]) {
			c.Offsets = nil
			return false // a character is cut in two
		}
		c.Offsets[r] = o
	}
	f.left -= len(data)
	c.Bytes = append([]byte(nil), data...)
	return true
}

// text copies texts; one behind a null is as good as empty.
func (f *frameReader) text(c *engine.Column, want byte, offsets, data []byte, at func(int) int) error {
	if want == wireUTF8 && f.whole(c, offsets, data) {
		return nil
	}
	le := binary.LittleEndian
	c.Offsets = make([]uint32, 1, f.rows+1)
	for r := range f.rows {
		if !c.IsNull(r) {
			text := data[le.Uint32(offsets[4*at(r):]):le.Uint32(offsets[4*at(r)+4:])]
			if err := f.take(len(text)); err != nil {
				return err
			}
			if !utf8.Valid(text) {
				return fmt.Errorf("row %d is not valid UTF-8", r)
			}
			if want == wireJSON && !json.Valid(text) {
				return fmt.Errorf("row %d is not valid JSON", r)
			}
			c.Bytes = append(c.Bytes, text...)
		}
		c.Offsets = append(c.Offsets, uint32(len(c.Bytes)))
	}
	return nil
}

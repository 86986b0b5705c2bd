package tm

import (
	"encoding/binary"
	"math"
)

var le = binary.LittleEndian

const (
	magic  = 0x31424D54
	header = 32 // of a frame, and of a column's description
)

var codes = map[string]byte{"bool": 1, "i64": 2, "f64": 3, "utf8": 4, "timestamp": 6, "json": 8}

// Row is one row of a request. What it gives is valid until the call ends.
type Row struct {
	frame []byte
	row   int
}

func (r Row) word(i, at int) int { return int(le.Uint32(r.frame[header+header*i+at:])) }

// IsNull reports whether an input has no value.
func (r Row) IsNull(i int) bool {
	if r.frame[header+header*i+1]&1 == 0 {
		return false
	}
	return r.frame[r.word(i, 8)+r.row/8]>>(r.row%8)&1 == 0
}

// Bytes is a text, or JSON, or a decoder's line; a null is empty.
func (r Row) Bytes(i int) []byte {
	offsets, data := r.frame[r.word(i, 12)+4*r.row:], r.frame[r.word(i, 16):]
	return data[le.Uint32(offsets):le.Uint32(offsets[4:])]
}

// Text is a copy of a text.
func (r Row) Text(i int) string { return string(r.Bytes(i)) }

// Int is an i64 or a timestamp in microseconds.
func (r Row) Int(i int) int64 { return int64(le.Uint64(r.frame[r.word(i, 16)+8*r.row:])) }

// Float is an f64.
func (r Row) Float(i int) float64 { return math.Float64frombits(uint64(r.Int(i))) }

// Bool is a bool.
func (r Row) Bool(i int) bool { return r.frame[r.word(i, 16)+r.row] != 0 }

type column struct {
	code    byte
	width   int // 0: texts
	valid   []byte
	offsets []byte
	data    []byte
	nulls   uint32
}

func (c *column) reset(code byte) {
	c.code, c.width, c.nulls = code, 8, 0
	switch code {
	case 1:
		c.width = 1
	case 4, 8:
		c.width = 0
	}
	c.valid, c.data = c.valid[:0], c.data[:0]
	c.offsets = append(c.offsets[:0], 0, 0, 0, 0)
}

func (c *column) mark(valid byte) {
	if c.width == 0 {
		c.offsets = le.AppendUint32(c.offsets, uint32(len(c.data)))
	}
	c.valid = append(c.valid, valid)
}

func (c *column) fill(rows int) {
	for len(c.valid) < rows {
		c.data = append(c.data, make([]byte, c.width)...)
		c.mark(0)
		c.nulls++
	}
}

// Out takes what a function gives.
type Out struct {
	columns []column
	error   column
	source  []byte
	row     uint32
	begun   bool // the row has a record
	failed  bool
	answer  []byte
}

// Emit begins a record of a transform or a decoder.
func (o *Out) Emit() {
	o.close()
	o.source = le.AppendUint32(o.source, o.row)
	o.begun = true
}

func (o *Out) rows() int { return len(o.source) / 4 }

func (o *Out) close() {
	for i := range o.columns {
		o.columns[i].fill(o.rows())
	}
	if o.failed {
		o.error.fill(o.rows())
	}
}

// Text gives an output, as all methods named after a type do.
func (o *Out) Text(i int, value string) {
	o.Append(i, func(b []byte) []byte { return append(b, value...) })
}

// Bytes gives a text.
func (o *Out) Bytes(i int, value []byte) {
	c := &o.columns[i]
	c.data = append(c.data, value...)
	c.mark(1)
}

// Append gives a text: the function adds it to its argument.
func (o *Out) Append(i int, add func(b []byte) []byte) {
	c := &o.columns[i]
	c.data = add(c.data)
	c.mark(1)
}

// Int gives an i64 or a timestamp in microseconds.
func (o *Out) Int(i int, value int64) {
	c := &o.columns[i]
	c.data = le.AppendUint64(c.data, uint64(value))
	c.mark(1)
}

// Float gives an f64.
func (o *Out) Float(i int, value float64) { o.Int(i, int64(math.Float64bits(value))) }

// Bool gives a bool.
func (o *Out) Bool(i int, value bool) {
	c := &o.columns[i]
	b := byte(0)
	if value {
		b = 1
	}
	c.data = append(c.data, b)
	c.mark(1)
}

func (o *Out) reject(why string) {
	if !o.begun {
		o.Emit()
	}
	o.failed = true
	o.error.fill(o.rows() - 1)
	o.error.data = append(o.error.data, why...)
	o.error.mark(1)
}

// call runs a function over a request.
func (o *Out) call(f *function, frame []byte) []byte {
	o.columns = append(o.columns, make([]column, max(0, len(f.Outputs)-len(o.columns)))...)[:len(f.Outputs)]
	for i, x := range f.Outputs {
		o.columns[i].reset(codes[x.Type])
	}
	o.error.reset(4)
	o.source, o.failed = o.source[:0], false
	scalar := f.Kind == "function"
	for row := range int(le.Uint32(frame[8:])) {
		o.row, o.begun = uint32(row), false
		if scalar {
			o.Emit()
		}
		if err := f.call(Row{frame, row}, o); err != nil {
			o.reject(err.Error())
		}
	}
	o.close()
	return o.write(scalar)
}

func (o *Out) write(scalar bool) []byte {
	first := 1
	if scalar {
		first = 0
	}
	count := first + len(o.columns)
	if o.failed {
		count++
	}
	o.answer = append(o.answer[:0], make([]byte, header+header*count)...)
	if !scalar {
		o.answer[header] = 7
		at := o.region(o.source)
		o.set(header+16, at)
		o.set(header+20, uint32(len(o.source)))
	}
	for i := range o.columns {
		o.describe(header+header*(first+i), &o.columns[i])
	}
	if o.failed {
		o.describe(header*count, &o.error)
	}
	o.set(0, magic)
	o.set(8, uint32(o.rows()))
	o.set(12, uint32(count))
	o.set(16, uint32(len(o.answer)))
	return o.answer
}

func (o *Out) set(at int, v uint32) { le.PutUint32(o.answer[at:], v) }

func (o *Out) region(b []byte) uint32 {
	at := uint32(len(o.answer))
	o.answer = append(o.answer, b...)
	o.answer = append(o.answer, make([]byte, -len(b)&7)...)
	return at
}

func (o *Out) describe(d int, c *column) {
	o.answer[d] = c.code
	if c.nulls > 0 {
		bits := make([]byte, (len(c.valid)+7)/8)
		for r, v := range c.valid {
			bits[r/8] |= v << (r % 8)
		}
		o.answer[d+1] = 1
		at := o.region(bits)
		o.set(d+4, c.nulls)
		o.set(d+8, at)
	}
	if c.width == 0 {
		at := o.region(c.offsets)
		o.set(d+12, at)
	}
	at := o.region(c.data)
	o.set(d+16, at)
	o.set(d+20, uint32(len(c.data)))
}

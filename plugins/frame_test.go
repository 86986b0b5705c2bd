package plugins

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
)

// wireFields has a field of each type that can be declared.
var wireFields = []Field{{"b", "bool"}, {"i", "i64"}, {"f", "f64"}, {"t", "utf8"}, {"at", "timestamp"}, {"j", "json"}}

// randomColumn draws a column of a field's type.
func randomColumn(t *rapid.T, f Field, rows int) engine.Column {
	c := engine.Column{Name: f.Field, Type: f.Kind()}
	if rapid.Bool().Draw(t, "has nulls") {
		c.Null = rapid.SliceOfN(rapid.Bool(), rows, rows).Draw(t, "nulls")
	}
	switch c.Type {
	case engine.Double:
		c.Floats = rapid.SliceOfN(rapid.Float64(), rows, rows).Draw(t, "floats")
	case engine.Bool:
		c.Ints = rapid.SliceOfN(rapid.Int64Range(0, 1), rows, rows).Draw(t, "bools")
	case engine.Varchar, engine.JSON:
		c.Offsets = []uint32{0}
		for range rows {
			text := rapid.String().Draw(t, "text")
			if c.Type == engine.JSON {
				text = fmt.Sprint(rapid.Int().Draw(t, "json"))
			}
			c.Bytes = append(c.Bytes, text...)
			c.Offsets = append(c.Offsets, uint32(len(c.Bytes)))
		}
	default:
		c.Ints = rapid.SliceOfN(rapid.Int64(), rows, rows).Draw(t, "ints")
	}
	return c
}

// answered makes a request's frame into an answer: $src goes in front.
func answered(request []byte, columns, rows int) []byte {
	le := binary.LittleEndian
	shift := columnSize + align(4*rows)
	head := headerSize + columnSize*columns
	b := make([]byte, 0, len(request)+shift)
	b = append(b, request[:headerSize]...)
	b = append(b, make([]byte, columnSize)...)
	b = append(b, request[headerSize:head]...)
	for r := range rows {
		b = le.AppendUint32(b, uint32(r))
	}
	b = append(b, make([]byte, -len(b)&7)...)
	b = append(b, request[head:]...)
	le.PutUint32(b[12:], uint32(columns+1))
	le.PutUint32(b[16:], uint32(len(b)))
	b[headerSize] = wireU32
	le.PutUint32(b[headerSize+16:], uint32(head+columnSize))
	le.PutUint32(b[headerSize+20:], uint32(4*rows))
	for i := 1; i <= columns; i++ {
		d := b[headerSize+columnSize*i:]
		for _, at := range []int{8, 12, 16} {
			le.PutUint32(d[at:], le.Uint32(d[at:])+uint32(shift))
		}
	}
	return b
}

func sameValue(a, b *engine.Column, i, j int) bool {
	if a.IsNull(i) || b.IsNull(j) {
		return a.IsNull(i) == b.IsNull(j)
	}
	switch a.Type {
	case engine.Double:
		return math.Float64bits(a.Floats[i]) == math.Float64bits(b.Floats[j])
	case engine.Varchar, engine.JSON:
		return bytes.Equal(a.Text(i), b.Text(j))
	}
	return a.Ints[i] == b.Ints[j]
}

func TestFramesComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fields := rapid.SliceOfN(rapid.SampledFrom(wireFields), 1, 8).Draw(t, "fields")
		rows := rapid.IntRange(0, 20).Draw(t, "rows")
		from := rapid.IntRange(0, rows).Draw(t, "from")
		to := rapid.IntRange(from, rows).Draw(t, "to")
		var columns []engine.Column
		for _, f := range fields {
			columns = append(columns, randomColumn(t, f, rows))
		}
		b := bytes.Repeat([]byte{0xaa}, frameSize(columns, from, to)) // what was there before
		writeFrame(b, columns, from, to, false)
		r, err := readFrame(answered(b, len(columns), to-from), Function{Kind: KindTransform, Outputs: fields}, to-from)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.src) != to-from || len(r.columns) != len(columns) {
			t.Fatalf("%d rows, %d columns", len(r.src), len(r.columns))
		}
		for i := range columns {
			for row := range to - from {
				if !sameValue(&columns[i], &r.columns[i], from+row, row) {
					t.Fatalf("column %d of type %s, row %d", i, fields[i].Type, from+row)
				}
			}
		}
	})
}

func TestColumnsCannotUnfoldWithoutEnd(t *testing.T) {
	// A hundred columns of one megabyte of text that share it.
	fields := make([]Field, 100)
	text := engine.Column{Type: engine.Varchar, Offsets: []uint32{0, 1 << 20}, Bytes: bytes.Repeat([]byte("x"), 1<<20)}
	b := make([]byte, frameSize([]engine.Column{text}, 0, 1))
	writeFrame(b, []engine.Column{text}, 0, 1, false)
	shared := b[headerSize : headerSize+columnSize]
	answer := make([]byte, headerSize+columnSize)
	copy(answer, b[:headerSize])
	for i := range fields {
		fields[i] = Field{fmt.Sprint("f", i), "utf8"}
		answer = append(answer, shared...)
	}
	head := len(answer)
	answer = append(answer, make([]byte, 8)...) // $src
	answer = append(answer, b[headerSize+columnSize:]...)
	le := binary.LittleEndian
	le.PutUint32(answer[12:], 101)
	le.PutUint32(answer[16:], uint32(len(answer)))
	answer[headerSize] = wireU32
	le.PutUint32(answer[headerSize+16:], uint32(head))
	le.PutUint32(answer[headerSize+20:], 4)
	for i := range fields {
		d := answer[headerSize+columnSize*(i+1):]
		for _, at := range []int{12, 16} {
			le.PutUint32(d[at:], le.Uint32(d[at:])-headerSize-columnSize+uint32(head)+8)
		}
	}
	if _, err := readFrame(answer, Function{Kind: KindTransform, Outputs: fields}, 1); err == nil || !strings.Contains(err.Error(), "unfolds") {
		t.Fatal(err)
	}
	if _, err := readFrame(answer, Function{Kind: KindTransform, Outputs: fields[:99]}, 1); err == nil {
		t.Fatal("the last column was taken for errors")
	}
}

func TestSrcMayNotGoBack(t *testing.T) {
	column := engine.Column{Type: engine.BigInt, Ints: []int64{5, 6}}
	b := make([]byte, frameSize([]engine.Column{column}, 0, 2))
	writeFrame(b, []engine.Column{column}, 0, 2, false)
	b = answered(b, 1, 2)
	at := headerSize + 2*columnSize
	binary.LittleEndian.PutUint32(b[at:], 1)
	binary.LittleEndian.PutUint32(b[at+4:], 0)
	if _, err := readFrame(b, Function{Kind: KindTransform, Outputs: []Field{{"i", "i64"}}}, 2); err == nil || !strings.Contains(err.Error(), "out of order") {
		t.Fatal(err)
	}
}

func TestARejectedRecordTakesAllItsRows(t *testing.T) {
	errors := engine.Column{Type: engine.Varchar, Null: []bool{true, true, false, true}, Offsets: []uint32{0, 0, 0, 3, 3}, Bytes: []byte("bad")}
	out := &Result{Columns: []engine.Column{{Type: engine.BigInt}}}
	out.take(&response{src: []uint32{0, 1, 1, 3}, columns: []engine.Column{{Type: engine.BigInt, Ints: []int64{10, 11, 12, 13}}}, errors: &errors}, 100, 1)
	if !slices.Equal(out.Src, []uint32{100, 103}) || !slices.Equal(out.Columns[0].Ints, []int64{10, 13}) ||
		!slices.Equal(out.Rejected, []Rejection{{101, "bad"}}) {
		t.Errorf("%+v", out)
	}
}

func TestJSONIsChecked(t *testing.T) {
	column := engine.Column{Type: engine.JSON, Offsets: []uint32{0, 2}, Bytes: []byte("{]")}
	b := make([]byte, frameSize([]engine.Column{column}, 0, 1))
	writeFrame(b, []engine.Column{column}, 0, 1, false)
	if _, err := readFrame(answered(b, 1, 1), Function{Kind: KindTransform, Outputs: []Field{{"j", "json"}}}, 1); err == nil || !strings.Contains(err.Error(), "not valid JSON") {
		t.Fatal(err)
	}
}

// FuzzReadFrame gives readFrame anything at all: it says no, or gives columns
// that hold together.
func FuzzReadFrame(f *testing.F) {
	columns := []engine.Column{
		{Type: engine.Bool, Ints: []int64{1, 0}},
		{Type: engine.BigInt, Ints: []int64{1, 2}, Null: []bool{false, true}},
		{Type: engine.Double, Floats: []float64{1, 2}},
		{Type: engine.Varchar, Offsets: []uint32{0, 1, 3}, Bytes: []byte("abc")},
		{Type: engine.Timestamp, Ints: []int64{1, 2}},
		{Type: engine.JSON, Offsets: []uint32{0, 1, 3}, Bytes: []byte("1{}")},
	}
	b := make([]byte, frameSize(columns, 0, 2))
	writeFrame(b, columns, 0, 2, false)
	f.Add(answered(b, len(columns), 2))
	f.Add([]byte("TMB1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, other := range []Function{{Kind: KindFunction, Outputs: wireFields[3:4]}, {Kind: KindDecoder, Framing: FramingNone, Outputs: wireFields}} {
			if r, err := readFrame(b, other, 3); err == nil && (r.consumed > 3 || len(r.columns) != len(other.Outputs)) {
				t.Fatalf("%s: %v", other.Kind, r)
			}
		}
		r, err := readFrame(b, Function{Kind: KindTransform, Outputs: wireFields}, 3)
		if err != nil {
			if err.Error() == "" || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Fatalf("%q", err)
			}
			return
		}
		out := &Result{Columns: make([]engine.Column, len(wireFields))}
		for i, f := range wireFields {
			c := &r.columns[i]
			if c.Len() != len(r.src) || c.Null != nil && len(c.Null) != len(r.src) {
				t.Fatalf("column %s has %d of %d rows", f.Field, c.Len(), len(r.src))
			}
			out.Columns[i] = engine.Column{Type: f.Kind()}
			if c.Type == engine.Varchar || c.Type == engine.JSON {
				out.Columns[i].Offsets = []uint32{0}
			}
		}
		out.take(r, 0, 1)
	})
}

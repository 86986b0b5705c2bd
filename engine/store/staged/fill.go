package staged

/*
#include "staged.h"
*/
import "C"

import (
	"encoding/binary"
	"unsafe"

	"tidemark.dev/tidemark/engine"
)

// fill puts the part's rows of one column into a vector.
func (p *part) fill(v unsafe.Pointer, c column) {
	switch c.index {
	case fromOrigin:
		for i, words := 0, p.words(v); i < p.rows; i++ {
			words[i] = uint64(p.origin) //nolint:gosec // never below 0
		}
	case fromSeq:
		for i, words := 0, p.words(v); i < p.rows; i++ {
			words[i] = uint64(p.firstSeq) + uint64(i) //nolint:gosec // never below 0
		}
	default:
		w := writer{texts: p.block.Texts}
		w.fill(v, c.typ, &p.block.Columns[c.index], uint32(p.first), p.rows) //nolint:gosec // rows of a chunk
	}
}

func (p *part) words(v unsafe.Pointer) []uint64 {
	return unsafe.Slice((*uint64)(C.duckdb_vector_get_data(v)), p.rows)
}

// writer writes the cells of one block into vectors.
type writer struct {
	texts []byte
}

// fill puts the cells of some rows into a vector, and nulls where there are
// none. The vectors below null structs get nulls too.
func (w *writer) fill(v unsafe.Pointer, t engine.Type, c *engine.Cells, first uint32, rows int) {
	lo, hi := c.Span(first, first+uint32(rows)) //nolint:gosec // rows of a chunk
	at := nulls(v, c, lo, hi, first, rows)
	switch t.Kind {
	case engine.Struct:
		for i, f := range members(t) {
			inner := &engine.Cells{}
			if i < len(c.Inner) {
				inner = &c.Inner[i]
			}
			w.fill(C.duckdb_struct_vector_get_child(v, C.uint64_t(i)), f.Type, inner, first, rows)
		}
	case engine.List, engine.Map:
		w.list(v, t, c, lo, hi, at, first)
	default:
		w.scalars(C.duckdb_vector_get_data(v), t, c, lo, hi, at, first)
	}
}

// places says in which rows of the vector values are: in those of cells, less
// first; or in the first ones.
type places []uint32

func (p places) row(i int, first uint32) int {
	if p == nil {
		return i
	}
	return int(p[i] - first)
}

// nulls marks the rows without a value, and gives the places of the others.
func nulls(v unsafe.Pointer, c *engine.Cells, lo, hi int, first uint32, rows int) places {
	if hi-lo == rows {
		return nil
	}
	C.duckdb_vector_ensure_validity_writable(v)
	words := (rows + 63) / 64
	valid := unsafe.Slice((*uint64)(unsafe.Pointer(C.duckdb_vector_get_validity(v))), words)
	clear(valid)
	if c.Rows == nil {
		for i := range hi - lo {
			valid[i/64] |= 1 << (i % 64)
		}
		return nil
	}
	for _, row := range c.Rows[lo:hi] {
		i := row - first
		valid[i/64] |= 1 << (i % 64)
	}
	return c.Rows[lo:hi]
}

func (w *writer) scalars(data unsafe.Pointer, t engine.Type, c *engine.Cells, lo, hi int, at places, first uint32) {
	switch t.Kind {
	case engine.Varchar:
		for i, place := range c.Values[lo:hi] {
			w.text(unsafe.Add(data, 16*at.row(i, first)), place)
		}
	case engine.Bool:
		for i, v := range c.Values[lo:hi] {
			*(*uint8)(unsafe.Add(data, at.row(i, first))) = uint8(v & 1)
		}
	case engine.Date:
		for i, v := range c.Values[lo:hi] {
			*(*uint32)(unsafe.Add(data, 4*at.row(i, first))) = uint32(v) //nolint:gosec // days
		}
	case engine.HugeInt, engine.UUID, engine.Decimal:
		wide(data, t, c.Values[2*lo:2*hi], at, first)
	default:
		if at == nil {
			copy(unsafe.Slice((*uint64)(data), hi-lo), c.Values[lo:hi])
			return
		}
		for i, v := range c.Values[lo:hi] {
			*(*uint64)(unsafe.Add(data, 8*at.row(i, first))) = v
		}
	}
}

// wide writes integers of two words; a decimal of few digits takes fewer bytes.
func wide(data unsafe.Pointer, t engine.Type, values []uint64, at places, first uint32) {
	for i := range len(values) / 2 {
		hi, lo, row := values[2*i], values[2*i+1], at.row(i, first)
		switch {
		case t.Kind != engine.Decimal || t.Precision > 18:
			*(*[2]uint64)(unsafe.Add(data, 16*row)) = [2]uint64{lo, hi}
		case t.Precision > 9:
			*(*uint64)(unsafe.Add(data, 8*row)) = lo
		case t.Precision > 4:
			*(*uint32)(unsafe.Add(data, 4*row)) = uint32(lo) //nolint:gosec // the lower part
		default:
			*(*uint16)(unsafe.Add(data, 2*row)) = uint16(lo) //nolint:gosec // the lower part
		}
	}
}

// text writes a VARCHAR as DuckDB lays it out: sixteen bytes that begin with
// the length, and hold the text itself up to twelve bytes, else its beginning
// and where it is.
func (w *writer) text(to unsafe.Pointer, place uint64) {
	const inlined = 12
	out := (*[16]byte)(to)
	text := w.texts[place>>32 : place>>32+place&(1<<32-1)]
	binary.NativeEndian.PutUint32(out[:], uint32(len(text))) //nolint:gosec // below 4 GB
	if len(text) <= inlined {
		clear(out[4:])
		copy(out[4:], text)
		return
	}
	copy(out[4:8], text)
	binary.NativeEndian.PutUint64(out[8:], uint64(uintptr(unsafe.Pointer(&text[0]))))
}

// list writes where the elements of each list are, and the elements.
func (w *writer) list(v unsafe.Pointer, t engine.Type, c *engine.Cells, lo, hi int, at places, first uint32) {
	entries, from, n := C.duckdb_vector_get_data(v), uint64(0), 0
	if lo < hi {
		from = c.Values[lo] >> 32
		n = int(c.Values[hi-1]>>32 + c.Values[hi-1]&(1<<32-1) - from)
	}
	for i, place := range c.Values[lo:hi] {
		*(*[2]uint64)(unsafe.Add(entries, 16*at.row(i, first))) = [2]uint64{place>>32 - from, place & (1<<32 - 1)}
	}
	C.duckdb_list_vector_reserve(v, C.uint64_t(n))
	C.duckdb_list_vector_set_size(v, C.uint64_t(n))
	child, begin := C.duckdb_list_vector_get_child(v), uint32(from) //nolint:gosec // rows of a chunk
	if t.Kind == engine.List {
		w.fill(child, *t.Elem, &c.Inner[0], begin, n)
		return
	}
	w.fill(C.duckdb_struct_vector_get_child(child, 0), engine.Scalar(engine.Varchar), &c.Inner[0], begin, n)
	w.fill(C.duckdb_struct_vector_get_child(child, 1), *t.Elem, &c.Inner[1], begin, n)
}

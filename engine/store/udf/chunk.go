package udf

/*
#include "vector.h"
*/
import "C"

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"unsafe"

	"tidemark.dev/tidemark/engine"
)

// scratch is what a call of a function works in; chunks come by the thousand.
type scratch struct {
	columns []engine.Column
	rows    []uint32 // those that are handed over
}

var pool = sync.Pool{New: func() any { return new(scratch) }}

// call computes a chunk of rows. Nothing may leave it but an error: above it
// are frames of C++.
func call(b *bound, chunk, out unsafe.Pointer) (err error) {
	f := b.f
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s broke: %v\n%s", f.Name, r, debug.Stack())
		}
	}()
	s := pool.Get().(*scratch)
	defer pool.Put(s)
	n := int(C.duckdb_data_chunk_get_size(chunk))
	vectors := make([]vector, len(f.Inputs))
	for i := range vectors {
		vectors[i] = open(C.duckdb_data_chunk_get_vector(chunk, C.uint64_t(i)))
	}
	s.pick(vectors, n, f.PassNulls)
	s.read(vectors, f.Inputs)
	result, failed, err := b.call(context.Background(), s.columns, len(s.rows))
	switch {
	case err != nil:
		return err
	case len(failed) > 0:
		for row := range len(s.rows) {
			if why, bad := failed[row]; bad {
				return fmt.Errorf("%s", why)
			}
		}
	case result.Len() != len(s.rows) || result.Type != f.Output:
		return fmt.Errorf("%s gave %d values of type %s for %d rows", f.Name, result.Len(), result.Type, len(s.rows))
	}
	write(out, &result, s.rows, n)
	return nil
}

// vector is a column of a chunk, flat.
type vector struct {
	data  unsafe.Pointer
	valid unsafe.Pointer // nil when there are no nulls
}

func open(v unsafe.Pointer) vector {
	return vector{C.duckdb_vector_get_data(v), unsafe.Pointer(C.duckdb_vector_get_validity(v))}
}

func (v vector) null(row int) bool {
	if v.valid == nil {
		return false
	}
	return *(*uint64)(unsafe.Add(v.valid, 8*(row/64)))>>(row%64)&1 == 0
}

// pick finds the rows to hand over: all, or those without nulls.
func (s *scratch) pick(vectors []vector, n int, nulls bool) {
	s.rows = s.rows[:0]
	for row := range n {
		if nulls || !slices.ContainsFunc(vectors, func(v vector) bool { return v.null(row) }) {
			s.rows = append(s.rows, uint32(row))
		}
	}
}

// read copies the picked rows.
func (s *scratch) read(vectors []vector, types []engine.TypeKind) {
	if len(s.columns) != len(types) {
		s.columns = make([]engine.Column, len(types))
	}
	for i, v := range vectors {
		c := &s.columns[i]
		*c = engine.Column{Type: types[i], Ints: c.Ints[:0], Floats: c.Floats[:0], Offsets: c.Offsets[:0], Bytes: c.Bytes[:0]}
		for at, row := range s.rows {
			if v.null(int(row)) {
				if c.Null == nil {
					c.Null = make([]bool, len(s.rows))
				}
				c.Null[at] = true
			}
		}
		v.read(c, s.rows)
	}
}

func (v vector) read(c *engine.Column, rows []uint32) {
	switch c.Type {
	case engine.Varchar, engine.JSON:
		c.Offsets = append(c.Offsets, 0)
		for at, row := range rows {
			if !c.IsNull(at) {
				c.Bytes = append(c.Bytes, v.text(int(row))...)
			}
			c.Offsets = append(c.Offsets, uint32(len(c.Bytes)))
		}
	case engine.Double:
		for at, row := range rows {
			c.Floats = append(c.Floats, 0)
			if !c.IsNull(at) {
				c.Floats[at] = *(*float64)(unsafe.Add(v.data, 8*int(row)))
			}
		}
	case engine.Bool:
		for at, row := range rows {
			c.Ints = append(c.Ints, 0)
			if !c.IsNull(at) && *(*uint8)(unsafe.Add(v.data, int(row))) != 0 {
				c.Ints[at] = 1
			}
		}
	default:
		for at, row := range rows {
			c.Ints = append(c.Ints, 0)
			if !c.IsNull(at) {
				c.Ints[at] = *(*int64)(unsafe.Add(v.data, 8*int(row)))
			}
		}
	}
}

// text is a VARCHAR as DuckDB lays it out: sixteen bytes that begin with the
// length, and hold the text itself up to twelve bytes, else where it is.
func (v vector) text(row int) []byte {
	const inlined = 12
	at := unsafe.Add(v.data, 16*row)
	n := *(*uint32)(at)
	if n <= inlined {
		return unsafe.Slice((*byte)(unsafe.Add(at, 4)), n)
	}
	return unsafe.Slice(*(**byte)(unsafe.Add(at, 8)), n)
}

// write gives the values to their rows; the other rows become null.
func write(out unsafe.Pointer, c *engine.Column, rows []uint32, n int) {
	data := C.duckdb_vector_get_data(out)
	if c.Null != nil || len(rows) < n {
		C.duckdb_vector_ensure_validity_writable(out)
		setNulls(unsafe.Pointer(C.duckdb_vector_get_validity(out)), c, rows, n)
	}
	if len(rows) == 0 {
		return
	}
	switch c.Type {
	case engine.Varchar, engine.JSON:
		bytes := c.Bytes
		if len(bytes) == 0 {
			bytes = []byte{0}
		}
		C.tidemark_assign_texts(out, (*C.char)(unsafe.Pointer(&bytes[0])), (*C.uint32_t)(&c.Offsets[0]), (*C.uint32_t)(&rows[0]), C.uint64_t(len(rows)))
	case engine.Double:
		for at, row := range rows {
			*(*float64)(unsafe.Add(data, 8*int(row))) = c.Floats[at]
		}
	case engine.Bool:
		for at, row := range rows {
			*(*uint8)(unsafe.Add(data, int(row))) = uint8(c.Ints[at] & 1)
		}
	default:
		for at, row := range rows {
			*(*int64)(unsafe.Add(data, 8*int(row))) = c.Ints[at]
		}
	}
}

func setNulls(valid unsafe.Pointer, c *engine.Column, rows []uint32, n int) {
	for word := range (n + 63) / 64 {
		*(*uint64)(unsafe.Add(valid, 8*word)) = 0
	}
	for at, row := range rows {
		if !c.IsNull(at) {
			*(*uint64)(unsafe.Add(valid, 8*int(row/64))) |= 1 << (row % 64)
		}
	}
}

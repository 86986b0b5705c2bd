// Package staged lets DuckDB read rows that lie in the memory of this program
// as columns: blocks, as schema makes them. A statement names them by a number
// that only their owner knows.
package staged

/*
#include <stdlib.h>
#include "staged.h"
*/
import "C"

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"runtime/cgo"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store/handle"
)

// Function is the table function that gives the rows:
// FROM tidemark_staged(NUMBER).
const Function = "tidemark_staged"

// Registry holds the rows that may be read now. Its methods may be called from
// several goroutines.
type Registry struct {
	mu     sync.Mutex
	tables map[int64]*table
	handle cgo.Handle
}

// NewRegistry makes an empty one. It is never let go of again: an instance
// keeps what is registered in it as long as it likes.
func NewRegistry() *Registry {
	r := &Registry{tables: map[int64]*table{}}
	r.handle = cgo.NewHandle(r)
	return r
}

// Register makes the function known to an instance.
func (r *Registry) Register(ctx context.Context, db *sql.DB) error {
	return handle.With(ctx, db, func(conn unsafe.Pointer) error {
		name := C.CString(Function)
		defer C.free(unsafe.Pointer(name))
		if C.tidemark_register_rows(conn, name, C.uintptr_t(r.handle)) != 0 {
			return engine.Errorf(engine.Internal, "open the database", "DuckDB refuses the function %s", Function)
		}
		return nil
	})
}

// Add lets statements read rows, all of one body type, until remove is called.
// Nothing reads them after it has returned.
func (r *Registry) Add(runs []engine.BlockRun) (number int64, remove func()) {
	t := newTable(runs)
	r.mu.Lock()
	defer r.mu.Unlock()
	for number = rand.Int64(); r.tables[number] != nil; {
		number = rand.Int64()
	}
	r.tables[number] = t
	return number, func() {
		r.mu.Lock()
		delete(r.tables, number)
		r.mu.Unlock()
		t.close()
	}
}

func (r *Registry) find(number int64) (*table, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.tables[number]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("there are no rows of this number")
}

// column is a column of a table, and how DuckDB calls it.
type column struct {
	name  string
	typ   engine.Type
	index int // of engine.BlockColumns; below 0: the run says
}

const (
	fromOrigin = -1
	fromSeq    = -2
)

// table is some rows to be read. It is cut into parts of at most a vector.
type table struct {
	columns []column
	parts   []part
	rows    int64

	using  sync.RWMutex // held for reading while blocks are
	closed bool
}

// part is some rows of one block.
type part struct {
	block       *engine.Block
	first, rows int
	firstSeq    int64
	origin      int
}

// vectorRows is how many rows a vector of DuckDB has.
const vectorRows = 2048

func newTable(runs []engine.BlockRun) *table {
	body := runs[0].Block.Body
	t := &table{columns: []column{{"_o", engine.Scalar(engine.BigInt), fromOrigin}, {"_seq", engine.Scalar(engine.BigInt), fromSeq}}}
	for i, name := range engine.BlockColumns {
		t.columns = append(t.columns, column{name, engine.BlockType(name, body), i})
	}
	for _, r := range runs {
		n := (r.Rows + vectorRows - 1) / vectorRows
		for i := range n { // parts of a size, for a small one costs as much as a large one
			from, to := r.Rows*i/n, r.Rows*(i+1)/n
			t.parts = append(t.parts, part{r.Block, r.First + from, to - from, r.FirstSeq + int64(from), r.Origin})
		}
		t.rows += int64(r.Rows)
	}
	return t
}

func (t *table) close() {
	t.using.Lock()
	defer t.using.Unlock()
	t.closed = true
}

// scan is one reading of a table, by several threads.
type scan struct {
	table *table
	next  atomic.Int64
}

// give fills a chunk with the next part and gives its number of rows; 0 is
// the end.
func (s *scan) give(chunk unsafe.Pointer) (rows int, err error) {
	defer func() { // above are frames of C++
		if r := recover(); r != nil {
			err = fmt.Errorf("staged rows broke: %v\n%s", r, debug.Stack())
		}
	}()
	t := s.table
	t.using.RLock()
	defer t.using.RUnlock()
	i := s.next.Add(1) - 1
	switch {
	case t.closed:
		return 0, fmt.Errorf("the staged rows are gone")
	case i >= int64(len(t.parts)):
		return 0, nil
	}
	p := t.parts[i]
	for i, c := range t.columns {
		p.fill(C.duckdb_data_chunk_get_vector(chunk, C.uint64_t(i)), c)
	}
	return p.rows, nil
}

//export tidemarkRowsBind
func tidemarkRowsBind(info unsafe.Pointer) {
	r := cgo.Handle(uintptr(C.duckdb_bind_get_extra_info(info))).Value().(*Registry)
	value := C.duckdb_bind_get_parameter(info, 0)
	number := int64(C.duckdb_get_int64(value))
	C.duckdb_destroy_value(&value)
	t, err := r.find(number)
	if err != nil {
		text := C.CString(err.Error())
		C.duckdb_bind_set_error(info, text)
		C.free(unsafe.Pointer(text))
		return
	}
	for _, c := range t.columns {
		name, typ := C.CString(c.name), logicalType(c.typ)
		C.duckdb_bind_add_result_column(info, name, typ)
		C.duckdb_destroy_logical_type(&typ)
		C.free(unsafe.Pointer(name))
	}
	C.duckdb_bind_set_cardinality(info, C.uint64_t(t.rows), true)
	C.tidemark_rows_set_bound(info, C.uintptr_t(cgo.NewHandle(t)))
}

//export tidemarkRowsInit
func tidemarkRowsInit(info unsafe.Pointer) {
	t := cgo.Handle(uintptr(C.duckdb_init_get_bind_data(info))).Value().(*table)
	threads := len(t.parts)
	if t.rows < 2*engine.RowGroup {
		threads = 1 // two would bring less than a row group each
	}
	C.duckdb_init_set_max_threads(info, C.uint64_t(threads))
	C.tidemark_rows_set_scan(info, C.uintptr_t(cgo.NewHandle(&scan{table: t})))
}

//export tidemarkRowsFill
func tidemarkRowsFill(info, chunk unsafe.Pointer) {
	s := cgo.Handle(uintptr(C.duckdb_function_get_init_data(info))).Value().(*scan)
	rows, err := s.give(chunk)
	if err != nil {
		text := C.CString(strings.ToValidUTF8(err.Error(), "?"))
		C.duckdb_function_set_error(info, text)
		C.free(unsafe.Pointer(text))
		return
	}
	C.duckdb_data_chunk_set_size(chunk, C.uint64_t(rows))
}

//export tidemarkRowsDelete
func tidemarkRowsDelete(handle unsafe.Pointer) { cgo.Handle(uintptr(handle)).Delete() }

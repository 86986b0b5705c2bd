// Package udf lets DuckDB call functions that come from outside of it. What
// has been registered can never be taken away from an instance again, so what
// is registered are stubs: each finds the function of its name when a query
// that names it begins, and the query keeps that one until it ends.
package udf

/*
#include <stdlib.h>
#include "vector.h"
*/
import "C"

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"runtime/cgo"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store/handle"
)

// typeID is what DuckDB calls a type in its C interface; JSON is a text with
// another name.
var typeID = map[engine.TypeKind]C.int{
	engine.Bool: 1, engine.BigInt: 5, engine.Double: 11, engine.Varchar: 17, engine.JSON: 17, engine.Timestamp: 31,
}

// Set is the functions of one database. Its methods may be called from
// several goroutines.
type Set struct {
	brought func(name string) bool

	mu    sync.Mutex
	slots map[string]*slot // by signature, without the result
	live  map[string]bool  // names
	words map[string]bool  // that SQL keeps for itself, once they were asked for
}

// NewSet makes a set without functions. brought says which names, in lower
// case, DuckDB has given to functions of its own: to ask DuckDB takes 40 ms.
func NewSet(brought func(name string) bool) *Set {
	return &Set{brought: brought, slots: map[string]*slot{}, live: map[string]bool{}}
}

// slot is what a stub in the database stands for.
type slot struct {
	name   string
	inputs []engine.TypeKind
	output engine.TypeKind
	now    atomic.Pointer[engine.ScalarFunction]
	handle cgo.Handle
}

func signature(f *engine.ScalarFunction) string {
	key := f.Name
	for _, k := range f.Inputs {
		key += " " + k.String()
	}
	return key
}

// Has reports whether a function may be called now.
func (s *Set) Has(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live[name]
}

// Replace makes these the functions there are. A query under way keeps those
// that it began with. A function that cannot be had is left out, and the
// errors say which and why, by name.
func (s *Set) Replace(ctx context.Context, db *sql.DB, functions []engine.ScalarFunction) map[string]error {
	s.mu.Lock()
	defer s.mu.Unlock()
	failed := map[string]error{}
	want := map[string]*engine.ScalarFunction{}
	for i := range functions {
		f := &functions[i]
		if err := s.check(ctx, db, f); err != nil {
			failed[f.Name] = err
			continue
		}
		want[signature(f)] = f
	}
	for key, f := range want {
		if s.slots[key] != nil {
			continue
		}
		sl := &slot{name: f.Name, inputs: f.Inputs, output: f.Output}
		sl.handle = cgo.NewHandle(sl)
		if err := register(ctx, db, sl); err != nil {
			failed[f.Name] = err
			delete(want, key)
			continue
		}
		s.slots[key] = sl
	}
	s.live = map[string]bool{}
	for key, sl := range s.slots {
		f := want[key]
		sl.now.Store(f)
		if f != nil {
			s.live[f.Name] = true
		}
	}
	return failed
}

// check refuses what would take a name that DuckDB has, or change what a name
// gave before: DuckDB would then not know which of the two is meant.
func (s *Set) check(ctx context.Context, db *sql.DB, f *engine.ScalarFunction) error {
	refuse := func(format string, args ...any) *engine.Error {
		return engine.Errorf(engine.Conflict, "add the function "+f.Name, format, args...)
	}
	for _, k := range append(slices.Clone(f.Inputs), f.Output) {
		if typeID[k] == 0 {
			return refuse("%s is no type of a function", k)
		}
	}
	if sl := s.slots[signature(f)]; sl != nil {
		if sl.output != f.Output {
			return refuse("it gave %s since Tidemark was started, and would now give %s", sl.output, f.Output).
				WithHint("start Tidemark again, or give the function another name")
		}
		return nil
	}
	for _, sl := range s.slots {
		if sl.name == f.Name {
			return nil // other arguments; the name is ours
		}
	}
	if s.brought(strings.ToLower(f.Name)) {
		return refuse("DuckDB has a function of that name").WithHint("name it after the plugin")
	}
	if err := s.readWords(ctx, db); err != nil {
		return err
	}
	if s.words[f.Name] {
		return refuse("that is a word of SQL").WithHint("name it after the plugin")
	}
	return nil
}

func (s *Set) readWords(ctx context.Context, db *sql.DB) error {
	if s.words != nil {
		return nil
	}
	rows, err := db.QueryContext(ctx, `SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'`)
	if err != nil {
		return err
	}
	defer rows.Close()
	words := map[string]bool{}
	for rows.Next() {
		var word string
		if err := rows.Scan(&word); err != nil {
			return err
		}
		words[word] = true
	}
	if err := rows.Err(); err != nil {
		return err
	}
	s.words = words
	return nil
}

// Again registers everything once more, with a new instance.
func (s *Set) Again(ctx context.Context, db *sql.DB) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(s.slots)) {
		if err := register(ctx, db, s.slots[key]); err != nil {
			return err
		}
	}
	return nil
}

func register(ctx context.Context, db *sql.DB, sl *slot) error {
	return handle.With(ctx, db, sl.register)
}

func (sl *slot) register(conn unsafe.Pointer) error {
	name := C.CString(sl.name)
	defer C.free(unsafe.Pointer(name))
	f := C.tidemark_define(name, C.uintptr_t(sl.handle))
	for _, k := range sl.inputs {
		t := logicalType(k)
		C.duckdb_scalar_function_add_parameter(f, t)
		C.duckdb_destroy_logical_type(&t)
	}
	t := logicalType(sl.output)
	C.duckdb_scalar_function_set_return_type(f, t)
	C.duckdb_destroy_logical_type(&t)
	if C.tidemark_register(conn, f) != 0 {
		return engine.Errorf(engine.Internal, "add the function "+sl.name, "DuckDB refuses it")
	}
	return nil
}

func logicalType(k engine.TypeKind) unsafe.Pointer {
	t := C.duckdb_create_logical_type(typeID[k])
	if k == engine.JSON {
		alias := C.CString("JSON")
		C.duckdb_logical_type_set_alias(t, alias)
		C.free(unsafe.Pointer(alias))
	}
	return t
}

// bound is a function that queries use. DuckDB copies what it holds, and lets
// go of every copy.
type bound struct {
	f       *engine.ScalarFunction
	call    engine.ScalarCall
	users   atomic.Int64
	release func()
}

func (sl *slot) bind() (b *bound, err error) {
	defer func() { // above are frames of C++
		if r := recover(); r != nil {
			err = fmt.Errorf("%s broke: %v", sl.name, r)
		}
	}()
	f := sl.now.Load()
	if f == nil {
		return nil, fmt.Errorf("the plugin that gave the function %s is no longer there", sl.name)
	}
	b = &bound{f: f}
	b.users.Store(1)
	b.call, b.release, err = f.Begin()
	return b, err
}

func (b *bound) drop() {
	if b.users.Add(-1) == 0 {
		b.release()
	}
}

//export tidemarkFunctionBind
func tidemarkFunctionBind(info unsafe.Pointer) {
	sl := cgo.Handle(uintptr(C.duckdb_scalar_function_bind_get_extra_info(info))).Value().(*slot)
	b, err := sl.bind()
	if err != nil {
		text := C.CString(strings.ToValidUTF8(err.Error(), "?"))
		C.duckdb_scalar_function_bind_set_error(info, text)
		C.free(unsafe.Pointer(text))
		return
	}
	C.tidemark_set_bound(info, C.uintptr_t(cgo.NewHandle(b)))
}

//export tidemarkFunctionCopy
func tidemarkFunctionCopy(handle unsafe.Pointer) C.uintptr_t {
	b := cgo.Handle(uintptr(handle)).Value().(*bound)
	b.users.Add(1)
	return C.uintptr_t(cgo.NewHandle(b))
}

//export tidemarkFunctionDelete
func tidemarkFunctionDelete(handle unsafe.Pointer) {
	h := cgo.Handle(uintptr(handle))
	h.Value().(*bound).drop()
	h.Delete()
}

//export tidemarkFunctionCall
func tidemarkFunctionCall(info, chunk, out unsafe.Pointer) {
	b := cgo.Handle(uintptr(C.duckdb_scalar_function_get_bind_data(info))).Value().(*bound)
	if err := call(b, chunk, out); err != nil {
		text := C.CString(strings.ToValidUTF8(err.Error(), "?"))
		C.duckdb_scalar_function_set_error(info, text)
		C.free(unsafe.Pointer(text))
	}
}

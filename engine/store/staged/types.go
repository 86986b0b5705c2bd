package staged

/*
#include <stdlib.h>
#include "staged.h"
*/
import "C"

import (
	"unsafe"

	"tidemark.dev/tidemark/engine"
)

// typeID is what DuckDB calls a type without parameters in its C interface.
var typeID = map[engine.TypeKind]C.int{
	engine.Bool: 1, engine.BigInt: 5, engine.Double: 11, engine.Date: 13, engine.HugeInt: 16, engine.Varchar: 17, engine.UUID: 27, engine.Timestamp: 31,
}

// logicalType makes DuckDB's type of one of ours; whoever asks destroys it.
func logicalType(t engine.Type) unsafe.Pointer {
	switch t.Kind {
	case engine.Decimal:
		return C.duckdb_create_decimal_type(C.uint8_t(t.Precision), C.uint8_t(t.Scale))
	case engine.List:
		elem := logicalType(*t.Elem)
		defer C.duckdb_destroy_logical_type(&elem)
		return C.duckdb_create_list_type(elem)
	case engine.Map:
		key, value := logicalType(engine.Scalar(engine.Varchar)), logicalType(*t.Elem)
		defer C.duckdb_destroy_logical_type(&key)
		defer C.duckdb_destroy_logical_type(&value)
		return C.duckdb_create_map_type(key, value)
	case engine.Struct:
		return structType(members(t))
	}
	return C.duckdb_create_logical_type(typeID[t.Kind])
}

// members are the members of a struct that are stored. One without any has a
// column all the same; see engine.Type.DuckDB.
func members(t engine.Type) (out []engine.Field) {
	for _, f := range t.Fields {
		if f.Type.Known() {
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		out = []engine.Field{{Name: "_", Type: engine.Scalar(engine.Bool)}}
	}
	return out
}

func structType(fields []engine.Field) unsafe.Pointer {
	n := C.size_t(len(fields))
	types := (*unsafe.Pointer)(C.calloc(n, C.size_t(unsafe.Sizeof(uintptr(0)))))
	names := (**C.char)(C.calloc(n, C.size_t(unsafe.Sizeof(uintptr(0)))))
	defer C.free(unsafe.Pointer(types))
	defer C.free(unsafe.Pointer(names))
	typed, named := unsafe.Slice(types, len(fields)), unsafe.Slice(names, len(fields))
	for i, f := range fields {
		typed[i], named[i] = logicalType(f.Type), C.CString(f.Name)
		defer C.duckdb_destroy_logical_type(&typed[i])
		defer C.free(unsafe.Pointer(named[i]))
	}
	return C.duckdb_create_struct_type(types, names, C.uint64_t(len(fields)))
}

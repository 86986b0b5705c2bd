//go:build cgo

package wall

// The linker takes the first definition of a symbol, so wall.c takes the
// place of three functions of the allocator in DuckDB's archive.

// #cgo LDFLAGS: -Wl,--allow-multiple-definition
// #include "wall.h"
import "C"

// Set builds the wall: DuckDB's allocations, over all instances of the
// process, stay below so many bytes. 0 takes it down.
func Set(bytes int64) { C.tm_wall_set(C.int64_t(bytes)) }

// Held is how many bytes DuckDB holds now, small pieces not counted.
func Held() int64 { return int64(C.tm_wall_held()) }

// Stands reports whether there is a wall on this machine.
const Stands = true

// Package wall bounds the memory of the process beyond DuckDB's own
// accounting.
//
// DuckDB's memory_limit covers what its buffer manager holds. A vector of
// large values (`repeat('x', n)` over many rows) is built before the buffer
// manager hears of it, 2,048 values at a time, and the process would grow by
// tens of gigabytes meanwhile. Where DuckDB brings its own allocator (Linux),
// this package stands in front of it: past the wall an allocation fails, which
// DuckDB tells as an error of the query that asked, and lives on. The wall
// looks at what is held, and where that is too much, at what is resident: wide
// chunks are allocated whole and hardly touched. Elsewhere
// there is no wall. What to do with a query when the process has grown all the
// same is left to package cage.
package wall

// slack is the least that DuckDB may hold beyond its memory_limit: vectors
// and buffers of honest queries over wide tables.
const slack = 512 << 20

// Beyond is how many bytes DuckDB may hold in all when the memory_limit of one
// instance is the given one: as much again, which is what an instance that
// decodes foreign files may have beside the main one.
func Beyond(memoryLimit int64) int64 { return memoryLimit + max(memoryLimit, slack) }

// Resident is how many bytes of memory the process takes, without the pages
// of files; 0 when that cannot be told here.
func Resident() int64 { return resident() }

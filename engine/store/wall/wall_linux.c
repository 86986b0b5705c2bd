//go:build cgo

// Stands in front of the jemalloc that DuckDB's archive brings: the same
// functions, which count what is held and refuse what would pass the wall.
// DuckDB's allocator turns a refusal into an out-of-memory error.

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include "wall.h"

// Weak, so that this package links without DuckDB too.
extern void *duckdb_je_mallocx(size_t size, int flags) __attribute__((weak));
extern void *duckdb_je_rallocx(void *ptr, size_t size, int flags) __attribute__((weak));
extern void duckdb_je_dallocx(void *ptr, int flags) __attribute__((weak));
extern size_t duckdb_je_sallocx(const void *ptr, int flags) __attribute__((weak));

// Smaller pieces are not counted: they are many, and short of memory matters
// only in sum with large ones.
enum { SMALLEST = 4096 };

static _Atomic int64_t wall, held;

void tm_wall_set(int64_t bytes) { atomic_store(&wall, bytes); }
int64_t tm_wall_held(void) { return atomic_load(&held); }

static int64_t counted(const void *ptr) {
	int64_t size = (int64_t)duckdb_je_sallocx(ptr, 0);
	return size < SMALLEST ? 0 : size;
}

static int passes(int64_t more) {
	int64_t limit = atomic_load_explicit(&wall, memory_order_relaxed);
	return limit > 0 && more >= SMALLEST && atomic_load_explicit(&held, memory_order_relaxed) + more > limit;
}

static void count(int64_t bytes) {
	if (bytes != 0) {
		atomic_fetch_add_explicit(&held, bytes, memory_order_relaxed);
	}
}

void *duckdb_je_malloc(size_t size) {
	void *ptr = NULL;
	if (size <= PTRDIFF_MAX && !passes((int64_t)size)) {
		ptr = duckdb_je_mallocx(size > 0 ? size : 1, 0);
	}
	if (ptr == NULL) {
		errno = ENOMEM;
	} else if (size >= SMALLEST / 2) {
		count(counted(ptr));
	}
	return ptr;
}

void duckdb_je_free(void *ptr) {
	if (ptr != NULL) {
		count(-counted(ptr));
		duckdb_je_dallocx(ptr, 0);
	}
}

void *duckdb_je_realloc(void *ptr, size_t size) {
	if (ptr == NULL) {
		return duckdb_je_malloc(size);
	}
	if (size == 0) {
		duckdb_je_free(ptr);
		return NULL;
	}
	int64_t before = counted(ptr);
	void *moved = NULL;
	if (size <= PTRDIFF_MAX && !passes((int64_t)size - before)) {
		moved = duckdb_je_rallocx(ptr, size, 0);
	}
	if (moved == NULL) {
		errno = ENOMEM;
	} else {
		count(counted(moved) - before);
	}
	return moved;
}

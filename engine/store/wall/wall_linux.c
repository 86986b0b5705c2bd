//go:build cgo

// Stands in front of the jemalloc that DuckDB's archive brings: the same
// functions, which count what is held and refuse what would pass the wall.
// DuckDB's allocator turns a refusal into an out-of-memory error.

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>
#include "wall.h"

// Weak, so that this package links without DuckDB too.
extern void *duckdb_je_mallocx(size_t size, int flags) __attribute__((weak));
extern void *duckdb_je_rallocx(void *ptr, size_t size, int flags) __attribute__((weak));
extern void duckdb_je_dallocx(void *ptr, int flags) __attribute__((weak));
extern size_t duckdb_je_sallocx(const void *ptr, int flags) __attribute__((weak));

// What is freed is kept for others for so many milliseconds before the system
// gets it back: pages that are new to a process must be cleared first, which took
// an eighth of a busy tail's processor time.
const char *duckdb_je_malloc_conf_2_conf_harder = "dirty_decay_ms:6000,muzzy_decay_ms:0";

// Smaller pieces are not counted: they are many, and short of memory matters
// only in sum with large ones.
enum { SMALLEST = 4096 };

// What is resident is asked again after a part of what was free has been given
// out: asking takes longer than allocating, and wide chunks are allocated by the
// thousand.
enum { PART = 16 };

static _Atomic int64_t wall, held;

// credit is what may be given out before what is resident is asked again.
static _Atomic int64_t credit;

void tm_wall_set(int64_t bytes) {
	atomic_store(&wall, bytes);
	atomic_store(&credit, 0);
}
int64_t tm_wall_held(void) { return atomic_load(&held); }

static int64_t counted(const void *ptr) {
	int64_t size = (int64_t)duckdb_je_sallocx(ptr, 0);
	return size < SMALLEST ? 0 : size;
}

// resident is how much of the process's memory is really in use, without the
// pages of files. What is held says too much: a chunk of thousands of columns
// is allocated whole, and hardly touched. -1 where it cannot be told.
static int64_t resident(void) {
	static _Atomic int file = -2;
	int fd = atomic_load(&file);
	if (fd == -2) {
		fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
		atomic_store(&file, fd);
	}
	char text[128];
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);
	if (n <= 0) {
		return -1;
	}
	text[n] = 0;
	long long pages = 0, shared = 0;
	if (sscanf(text, "%*s %lld %lld", &pages, &shared) != 2) {
		return -1;
	}
	return (pages - shared) * (int64_t)sysconf(_SC_PAGESIZE);
}

// passes reports whether more would go past the wall: by what is held, which
// costs nothing to ask, and then by what is resident, too.
static int passes(int64_t more) {
	int64_t limit = atomic_load_explicit(&wall, memory_order_relaxed);
	if (limit <= 0 || more < SMALLEST || atomic_load_explicit(&held, memory_order_relaxed) + more <= limit) {
		return 0;
	}
	if (atomic_fetch_sub_explicit(&credit, more, memory_order_relaxed) >= more) {
		return 0;
	}
	int64_t used = resident();
	if (used < 0 || used + more > limit) {
		atomic_store_explicit(&credit, 0, memory_order_relaxed);
		return 1;
	}
	atomic_store_explicit(&credit, (limit - used - more) / PART, memory_order_relaxed);
	return 0;
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

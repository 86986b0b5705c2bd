package cage

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"tidemark.dev/tidemark/engine/store/wall"
)

// memoryLimit is far above what DuckDB may hold: most of what counts here lies
// beside it.
var memoryLimit atomic.Int64

// LimitMemory bounds what DuckDB and the queries of people take of the
// process's memory, from the memory_limit of the database in bytes; 0 takes
// the bounds away.
func LimitMemory(database int64) {
	if database <= 0 {
		wall.Set(0)
		memoryLimit.Store(0)
		return
	}
	wall.Set(wall.Beyond(database))
	memoryLimit.Store(wall.Beyond(database) + beside)
}

// beside is what of the process is not DuckDB's: rows on their way out, the
// spool, the page.
const beside = 1 << 30

// MemoryLimit is how many bytes the process may take while queries run: past
// that they are ended. 0 is no limit.
func MemoryLimit() int64 { return memoryLimit.Load() }

// errMemory is why queries are ended when the process has grown too far.
type errMemory struct{ used, limit int64 }

func (e errMemory) Error() string {
	return fmt.Sprintf("the program had come to take %.1f GB of memory, more than %.1f GB", float64(e.used)/1e9, float64(e.limit)/1e9)
}

// watched are the queries that run.
var watched = struct {
	sync.Mutex
	running map[*limiter]bool
}{running: map[*limiter]bool{}}

const (
	watchEvery = 50 * time.Millisecond
	// watchRest is how long memory has to come back after queries were ended.
	watchRest = time.Second
)

// watch takes a query in; the first one starts the watch, which ends with the
// last.
func watch(l *limiter) {
	watched.Lock()
	defer watched.Unlock()
	watched.running[l] = true
	if len(watched.running) == 1 {
		go watchMemory()
	}
}

func unwatch(l *limiter) {
	watched.Lock()
	defer watched.Unlock()
	delete(watched.running, l)
}

func watchMemory() {
	for rest := watchEvery; ; {
		time.Sleep(rest)
		rest = watchEvery
		limit, used := memoryLimit.Load(), wall.Resident()
		watched.Lock()
		if len(watched.running) == 0 {
			watched.Unlock()
			return
		}
		over := limit > 0 && used > limit
		if over {
			for l := range watched.running {
				l.cancel(errMemory{used, limit})
			}
		}
		watched.Unlock()
		if over {
			debug.FreeOSMemory()
			rest = watchRest
		}
	}
}

// Package cache keeps the bytes of objects on disk, so that pulling again,
// replaying and looking closer fetch nothing twice.
//
// It owns a folder and its limit: what is kept, what makes room, and that a
// crash leaves nothing half. It leaves fetching to the source it is put in
// front of. What it holds can always be fetched again; deleting the folder
// while nothing runs is safe. One process uses a folder at a time.
package cache

import (
	"container/list"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"tidemark.dev/tidemark/engine"
)

// Cache is a folder of objects of bounded size. Its methods may be called from
// several goroutines.
type Cache struct {
	dir    string
	max    int64
	clock  engine.Clock
	create func(dir string) (partFile, error)

	mu      sync.Mutex
	entries map[string]*entry
	recent  *list.List // of *entry, the latest used first
	flights map[string]*flight
	// used counts the bytes of the entries, reserved those of the files that
	// are being fetched; together they never exceed max.
	used, reserved int64
	hits, misses   int64
}

// entry is an object that the cache holds.
type entry struct {
	id    string
	size  int64
	open  int // handles; while there are any, the entry stays
	place *list.Element
}

// Stats are the gauges of a cache, sizes in bytes. Bytes includes what is being fetched now;
// a hit is an object opened without fetching it.
type Stats struct {
	Bytes, MaxBytes, Objects, Hits, Misses int64
}

// New opens the cache in a folder, which it makes if need be, and removes what
// a crash left half. It never holds more than maxBytes, not even for a moment;
// with none it passes everything through.
func New(dir string, maxBytes int64) (*Cache, error) {
	c := &Cache{
		dir: dir, max: maxBytes, clock: engine.SystemClock{}, create: createPart,
		entries: map[string]*entry{}, recent: list.New(), flights: map[string]*flight{},
	}
	if err := c.load(); err != nil {
		return nil, c.diskError("open the object cache", err)
	}
	return c, nil
}

// partFile is a file that is being written.
type partFile interface {
	io.WriteCloser
	Name() string
}

// createPart makes a new file in a folder that only this user can read.
func createPart(dir string) (partFile, error) { return os.CreateTemp(dir, "*") }

// Stats reads the gauges.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{
		Bytes: c.used + c.reserved, MaxBytes: c.max, Objects: int64(len(c.entries)),
		Hits: c.hits, Misses: c.misses,
	}
}

// Holds reports whether an object of a place is in the cache.
func (c *Cache) Holds(place string, o engine.Object) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.entries[id(place, o)] != nil
}

// id names the bytes of an object of a place, such as a bucket: the same bytes
// have the same name whatever the source is called.
func id(place string, o engine.Object) string {
	h := sha256.New()
	for _, part := range []string{place, o.Key, o.ETag} {
		sum := sha256.Sum256([]byte(part))
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// path is where the bytes called id lie. The first letters are a folder, so
// that none holds too many files.
func (c *Cache) path(id string) string { return filepath.Join(c.dir, "objects", id[:2], id) }

// partial is the folder of files that are not complete.
func (c *Cache) partial() string { return filepath.Join(c.dir, "partial") }

// lookup finds what the cache holds and keeps it from being evicted. The
// caller holds mu.
func (c *Cache) lookup(id string) *entry {
	e := c.entries[id]
	if e != nil {
		e.open++
		c.recent.MoveToFront(e.place)
	}
	return e
}

// release gives back what lookup gave.
func (c *Cache) release(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.open--
}

// forget drops an entry whose file has been deleted behind the cache's back.
func (c *Cache) forget(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[e.id] == e {
		c.drop(e)
	}
}

// Forget drops an object of a place and removes its bytes, if the cache has it
// and nobody reads it.
func (c *Cache) Forget(place string, o engine.Object) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[id(place, o)]
	if e == nil || e.open > 0 {
		return
	}
	if err := os.Remove(c.path(e.id)); err == nil || errors.Is(err, fs.ErrNotExist) {
		c.drop(e)
	}
}

// add takes in the file called id. The caller holds mu.
func (c *Cache) add(id string, size int64) *entry {
	e := &entry{id: id, size: size}
	e.place = c.recent.PushFront(e)
	c.entries[id] = e
	c.used += size
	return e
}

// drop takes out an entry, not its file. The caller holds mu.
func (c *Cache) drop(e *entry) {
	delete(c.entries, e.id)
	c.recent.Remove(e.place)
	c.used -= e.size
}

// reserve makes room for size bytes by evicting what was used longest ago. If
// what is open or being fetched leaves too little it reports false and evicts
// nothing. The caller holds mu.
func (c *Cache) reserve(size int64) bool {
	free := c.max - c.used - c.reserved
	var victims []*entry
	for at := c.recent.Back(); at != nil && free < size; at = at.Prev() {
		if e := at.Value.(*entry); e.open == 0 {
			victims = append(victims, e)
			free += e.size
		}
	}
	if free < size {
		return false
	}
	for _, e := range victims {
		if err := os.Remove(c.path(e.id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false // its bytes still count
		}
		c.drop(e)
	}
	c.reserved += size
	return true
}

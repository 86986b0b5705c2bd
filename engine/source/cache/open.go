package cache

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"tidemark.dev/tidemark/engine"
)

// Fetch gives the bytes of an object exactly as stored. When several wait for
// them, its context ends once the last has left.
type Fetch func(ctx context.Context) (io.ReadCloser, error)

// File is an object that lies in the cache. It stays there until Close.
type File struct {
	*os.File
	release func()
}

// Path is the name of the file, valid until Close.
func (f *File) Path() string { return f.Name() }

// Close gives the file back. It may be called again.
func (f *File) Close() error {
	err := f.File.Close()
	if f.release != nil {
		f.release()
		f.release = nil
	}
	return err
}

// attempts bounds how often an object is fetched anew because its file has
// gone from under the cache.
const attempts = 3

// Open gives the bytes of an object of a place (what names the bucket or
// folder that keys are unique in), and whether they were in the cache. If not
// it fetches them, once for all who ask at the same time, and they get them
// when they are complete: the reader is then a *File. It is the fetch's own
// reader if the object has no ETag or does not fit: larger than the whole
// cache, or than what is left beside what is open or being fetched.
func (c *Cache) Open(ctx context.Context, place string, o engine.Object, fetch Fetch) (io.ReadCloser, bool, error) {
	op := "read " + o.URL
	if o.ETag == "" || o.Size < 0 || c.max <= 0 {
		return c.pass(ctx, fetch)
	}
	id := id(place, o)
	for range attempts {
		if err := ctx.Err(); err != nil {
			return nil, false, engine.Errorf(engine.Canceled, op, "%w", err)
		}
		e, f, hit := c.enter(ctx, id, o, fetch)
		if f != nil {
			var err error
			if e, err = f.wait(ctx); err != nil {
				return nil, false, err
			}
		}
		if e == nil {
			break
		}
		file, err := c.file(e)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // somebody deleted it; fetch it again
		case err != nil:
			return nil, false, c.diskError(op, err)
		}
		c.count(hit)
		return file, hit, nil
	}
	return c.pass(ctx, fetch)
}

// pass hands out the bytes without keeping them.
func (c *Cache) pass(ctx context.Context, fetch Fetch) (io.ReadCloser, bool, error) {
	c.count(false)
	r, err := fetch(ctx)
	return r, false, err
}

func (c *Cache) count(hit bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if hit {
		c.hits++
	} else {
		c.misses++
	}
}

// enter finds the object in the cache, or joins or starts its fetch. It gives
// nothing if there is no room.
func (c *Cache) enter(ctx context.Context, id string, o engine.Object, fetch Fetch) (*entry, *flight, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.lookup(id); e != nil {
		return e, nil, true
	}
	if f := c.flights[id]; f != nil {
		f.waiting++
		return nil, f, false
	}
	if !c.reserve(o.Size) {
		return nil, nil, false
	}
	f := c.depart(ctx, id, o, fetch)
	return nil, f, false
}

// file opens an entry that is held, and lets go of it if that fails.
func (c *Cache) file(e *entry) (*File, error) {
	path := c.path(e.id)
	f, err := os.Open(path)
	if err == nil {
		var info fs.FileInfo
		if info, err = f.Stat(); err == nil && info.Size() != e.size {
			err = errors.Join(fs.ErrNotExist, os.Remove(path))
		}
		if err != nil {
			f.Close()
		}
	}
	if err != nil {
		c.release(e)
		if errors.Is(err, fs.ErrNotExist) {
			c.forget(e)
		}
		return nil, err
	}
	now := c.clock.Now()
	_ = os.Chtimes(path, now, now) // it only orders evictions after a restart
	return &File{File: f, release: func() { c.release(e) }}, nil
}

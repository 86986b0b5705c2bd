package cache

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"tidemark.dev/tidemark/engine"
)

// flight is the fetch of one object into the cache, for all who wait for it.
type flight struct {
	cache  *Cache
	id     string
	object engine.Object
	cancel context.CancelFunc
	done   chan struct{}

	// waiting counts who still wants the object; the cache's mu guards it.
	waiting int
	// entry and err are the outcome, set before done closes. The entry is held
	// once for each who waits.
	entry *entry
	err   error
}

// depart starts a fetch whose room is reserved. The caller holds mu.
func (c *Cache) depart(ctx context.Context, id string, o engine.Object, fetch Fetch) *flight {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &flight{cache: c, id: id, object: o, cancel: cancel, done: make(chan struct{}), waiting: 1}
	c.flights[id] = f
	go func() {
		defer cancel()
		part, err := f.download(ctx, fetch)
		f.land(part, err)
	}()
	return f
}

// download writes the object into a partial file and gives its name.
func (f *flight) download(ctx context.Context, fetch Fetch) (name string, err error) {
	r, err := fetch(ctx)
	if err != nil {
		return "", err
	}
	defer r.Close()
	part, err := f.cache.create(f.cache.partial())
	if err != nil {
		return "", f.diskError(err)
	}
	w := &partWriter{Writer: part}
	err = copyAll(w, r, f.object.Size)
	if closed := part.Close(); w.err == nil {
		w.err = closed
	}
	switch {
	case w.err != nil:
		err = f.diskError(w.err)
	case errors.Is(err, errSize):
		err = engine.Errorf(engine.Conflict, f.op(), "%w", err).WithHint("pull again")
	}
	return part.Name(), err
}

// errSize is the failure of a source that gives other bytes than it listed.
var errSize = errors.New("it is not as long as it was when it was listed")

// copyAll copies r, which must hold exactly size bytes, to its end.
func copyAll(w io.Writer, r io.Reader, size int64) error {
	n, err := io.Copy(w, io.LimitReader(r, size))
	if err != nil {
		return err
	}
	// The end of a reader is where it may still say that the bytes are wrong.
	switch _, err := io.ReadFull(r, make([]byte, 1)); {
	case err == nil || errors.Is(err, io.EOF) && n < size:
		return errSize
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}

// partWriter tells failures of writing from those of reading.
type partWriter struct {
	io.Writer
	err error
}

func (w *partWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.err = err
	return n, err
}

// land takes what was fetched into the cache, unless nobody waits any more,
// and tells those who do.
func (f *flight) land(part string, err error) {
	c := f.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(f.done)
	c.reserved -= f.object.Size
	wanted := c.flights[f.id] == f
	if wanted {
		delete(c.flights, f.id)
	}
	if err == nil && wanted {
		err = f.keep(part)
	}
	if err != nil || !wanted {
		if part != "" {
			_ = os.Remove(part) // what remains is swept at the next start
		}
		f.err = err
		return
	}
	f.entry = c.add(f.id, f.object.Size)
	f.entry.open = f.waiting
}

// keep moves a complete file to its place.
func (f *flight) keep(part string) error {
	path := f.cache.path(f.id)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return f.diskError(err)
	}
	if err := os.Rename(part, path); err != nil {
		return f.diskError(err)
	}
	return nil
}

// wait gives the entry, held for the caller, when the fetch is over.
func (f *flight) wait(ctx context.Context) (*entry, error) {
	select {
	case <-f.done:
		return f.entry, f.err
	case <-ctx.Done():
		f.leave()
		return nil, engine.Errorf(engine.Canceled, f.op(), "%w", ctx.Err())
	}
}

// leave stops waiting. The fetch ends with the last who waited.
func (f *flight) leave() {
	c := f.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.entry != nil { // it has just come
		f.entry.open--
		return
	}
	if f.waiting--; f.waiting == 0 && c.flights[f.id] == f {
		delete(c.flights, f.id)
		f.cancel()
	}
}

func (f *flight) op() string { return "read " + f.object.URL }

func (f *flight) diskError(err error) error { return f.cache.diskError(f.op(), err) }

package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
)

func newCache(t testing.TB, dir string, max int64) *Cache {
	t.Helper()
	c, err := New(dir, max)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// object makes an object of a test; its bytes are size letters.
func object(key string, size int64) engine.Object {
	return engine.Object{Key: key, URL: "s3://b/" + key, ETag: "v1", Size: size}
}

func bytesOf(o engine.Object) string { return strings.Repeat(o.Key[:1], int(o.Size)) }

// fetchOf is a fetch that counts its calls.
func fetchOf(o engine.Object, calls *atomic.Int64) Fetch {
	return func(context.Context) (io.ReadCloser, error) {
		calls.Add(1)
		return io.NopCloser(strings.NewReader(bytesOf(o))), nil
	}
}

// open reads an object through the cache and gives whether it was there.
func open(t testing.TB, c *Cache, o engine.Object) (hit bool) {
	t.Helper()
	r, hit, err := c.Open(t.Context(), "bucket", o, fetchOf(o, new(atomic.Int64)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if text, err := io.ReadAll(r); err != nil || string(text) != bytesOf(o) {
		t.Fatalf("%s holds %q, %v", o.Key, text, err)
	}
	return hit
}

// onDisk adds up the files below a folder.
func onDisk(t testing.TB, dir string) (bytes int64, files int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			bytes, files = bytes+info.Size(), files+1
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes, files
}

func TestHitAndEviction(t *testing.T) {
	c := newCache(t, t.TempDir(), 10)
	a, b, d := object("a", 4), object("b", 4), object("d", 4)
	for _, step := range []struct {
		object engine.Object
		hit    bool
	}{
		{a, false}, {a, true}, {b, false}, {a, true}, // b was used longest ago
		{d, false}, {a, true}, {b, false}, {d, false},
	} {
		if hit := open(t, c, step.object); hit != step.hit {
			t.Errorf("%s: hit %v", step.object.Key, hit)
		}
	}
	if got, want := c.Stats(), (Stats{Bytes: 8, MaxBytes: 10, Objects: 2, Hits: 3, Misses: 5}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	changed := a
	changed.ETag = "v2"
	if open(t, c, changed) {
		t.Error("other bytes were a hit")
	}
}

func TestPlacesAreApart(t *testing.T) {
	c := newCache(t, t.TempDir(), 100)
	a := object("a", 4)
	open(t, c, a)
	var calls atomic.Int64
	r, hit, err := c.Open(t.Context(), "other bucket", a, fetchOf(a, &calls))
	if err != nil || hit || calls.Load() != 1 {
		t.Fatalf("hit %v, %d fetches, %v", hit, calls.Load(), err)
	}
	r.Close()
}

func TestWhatDoesNotFitPasses(t *testing.T) {
	dir := t.TempDir()
	c := newCache(t, dir, 10)
	big, plain := object("big", 11), object("n", 3)
	plain.ETag = ""
	for _, o := range []engine.Object{big, big, plain, plain} {
		if open(t, c, o) {
			t.Errorf("%s was a hit", o.Key)
		}
	}
	// What is open stays, so there is no room for another.
	a := object("a", 8)
	r, _, err := c.Open(t.Context(), "bucket", a, fetchOf(a, new(atomic.Int64)))
	if err != nil {
		t.Fatal(err)
	}
	open(t, c, object("b", 8))
	if !open(t, c, a) {
		t.Error("an open object was evicted")
	}
	if file, ok := r.(*File); !ok || file.Path() == "" {
		t.Error("a cached object has no path")
	}
	r.Close()
	r.Close()
	open(t, c, object("b", 8))
	if open(t, c, a) {
		t.Error("a closed object was not evicted")
	}
	off := newCache(t, t.TempDir(), 0)
	open(t, off, object("e", 0))
	if s := off.Stats(); s.Objects != 0 || s.Misses != 1 {
		t.Errorf("a cache of no bytes: %+v", s)
	}
}

func TestRestart(t *testing.T) {
	dir := t.TempDir()
	c := newCache(t, dir, 100)
	c.clock = &tick{}
	a, b, d := object("a", 4), object("b", 4), object("d", 4)
	for _, o := range []engine.Object{a, b, d, a} {
		open(t, c, o)
	}
	// What a crash may leave, and what was never ours.
	for name, text := range map[string]string{"partial/123": "half", "objects/ab/what": "?", "objects/stray": "?"} {
		at := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	c = newCache(t, dir, 9) // room for the two that were used last
	if bytes, files := onDisk(t, dir); bytes != 8 || files != 2 || c.Stats().Bytes != 8 {
		t.Errorf("%d bytes in %d files, %+v", bytes, files, c.Stats())
	}
	if !open(t, c, a) || !open(t, c, d) || open(t, c, b) {
		t.Error("the wrong objects survived")
	}
}

// tick is a clock that goes on a second with each look.
type tick struct{ n int64 }

func (c *tick) Now() time.Time { c.n++; return time.Unix(1e9+c.n, 0) }

func TestFilesGoneOrCut(t *testing.T) {
	dir := t.TempDir()
	c := newCache(t, dir, 100)
	a := object("a", 4)
	path := c.path(id("bucket", a))
	for name, harm := range map[string]func() error{
		"removed":   func() error { return os.Remove(path) },
		"truncated": func() error { return os.Truncate(path, 2) },
	} {
		open(t, c, a)
		if err := harm(); err != nil {
			t.Fatal(err)
		}
		if open(t, c, a) {
			t.Errorf("%s: a hit", name)
		}
		if !open(t, c, a) {
			t.Errorf("%s: it was not fetched anew", name)
		}
	}
	if s := c.Stats(); s.Bytes != 4 || s.Objects != 1 {
		t.Errorf("%+v", s)
	}
}

func TestOnlyThisUserReads(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "cache")
	open(t, newCache(t, dir, 100), object("a", 4))
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// fullDisk fails as a disk without space does.
type fullDisk struct{ partFile }

func (fullDisk) Write([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Err: syscall.ENOSPC}
}

func TestFailures(t *testing.T) {
	broken := errors.New("broken off")
	for _, c := range []struct {
		name   string
		full   bool
		fetch  io.Reader
		kind   engine.Kind
		hinted string
	}{
		{"disk full", true, strings.NewReader("aaaa"), engine.Unavailable, "free space on the disk"},
		{"too long", false, strings.NewReader("aaaaa"), engine.Conflict, "pull again"},
		{"too short", false, strings.NewReader("aaa"), engine.Conflict, "pull again"},
		{"cut", false, io.MultiReader(strings.NewReader("aa"), failing{broken}), engine.Internal, ""},
		{"wrong at its end", false, io.MultiReader(strings.NewReader("aaaa"), failing{broken}), engine.Internal, ""},
	} {
		dir := t.TempDir()
		cache := newCache(t, dir, 100)
		if c.full {
			cache.create = func(dir string) (partFile, error) {
				f, err := createPart(dir)
				return fullDisk{f}, err
			}
		}
		a := object("a", 4)
		_, _, err := cache.Open(t.Context(), "bucket", a, func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(c.fetch), nil
		})
		var e *engine.Error
		if engine.KindOf(err) != c.kind || c.kind == engine.Internal && !errors.Is(err, broken) ||
			c.hinted != "" && (!errors.As(err, &e) || !strings.Contains(e.Hint, c.hinted)) {
			t.Errorf("%s: %v", c.name, err)
		}
		if bytes, files := onDisk(t, dir); files != 0 || cache.Stats().Bytes != 0 {
			t.Errorf("%s: left %d bytes in %d files, %+v", c.name, bytes, files, cache.Stats())
		}
		cache.create = createPart
		open(t, cache, a)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(file, 1); engine.KindOf(err) != engine.Unavailable {
		t.Errorf("a file in place of the folder: %v", err)
	}
}

type failing struct{ error }

func (f failing) Read([]byte) (int, error) { return 0, f.error }

func TestOneFetchForAll(t *testing.T) {
	c := newCache(t, t.TempDir(), 100)
	a := object("a", 4)
	var calls atomic.Int64
	start := make(chan struct{})
	fetch := func(ctx context.Context) (io.ReadCloser, error) {
		<-start
		return fetchOf(a, &calls)(ctx)
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			r, _, err := c.Open(t.Context(), "bucket", a, fetch)
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()
			if text, err := io.ReadAll(r); err != nil || string(text) != "aaaa" {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
	for { // until all wait
		c.mu.Lock()
		f := c.flights[id("bucket", a)]
		waiting := f != nil && f.waiting == 20
		c.mu.Unlock()
		if waiting {
			break
		}
		time.Sleep(time.Millisecond)
	}
	close(start)
	all.Wait()
	if calls.Load() != 1 {
		t.Errorf("%d fetches", calls.Load())
	}
	if !c.reserveAll() {
		t.Error("something is still held")
	}
}

// reserveAll tries to make room for as much as the cache can hold.
func (c *Cache) reserveAll() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reserve(c.max)
}

func TestCancel(t *testing.T) {
	dir := t.TempDir()
	c := newCache(t, dir, 100)
	a := object("a", 4)
	started, ended := make(chan struct{}), make(chan struct{})
	stuck := func(ctx context.Context) (io.ReadCloser, error) {
		close(started)
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	}
	first, leaveFirst := context.WithCancel(t.Context())
	second, leaveSecond := context.WithCancel(t.Context())
	results := make(chan error, 2)
	go func() { _, _, err := c.Open(first, "bucket", a, stuck); results <- err }()
	<-started
	joining := c.flights[id("bucket", a)]
	go func() { _, _, err := c.Open(second, "bucket", a, stuck); results <- err }()
	for {
		c.mu.Lock()
		waiting := joining.waiting
		c.mu.Unlock()
		if waiting == 2 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	leaveFirst()
	if err := <-results; engine.KindOf(err) != engine.Canceled {
		t.Error(err)
	}
	select {
	case <-ended:
		t.Error("the fetch ended though somebody waits")
	case <-time.After(20 * time.Millisecond):
	}
	leaveSecond()
	if err := <-results; engine.KindOf(err) != engine.Canceled {
		t.Error(err)
	}
	<-ended
	<-joining.done
	if open(t, c, a) || !open(t, c, a) {
		t.Error("a fetch that was left is in the way")
	}
}

// A fetch that succeeds after everybody has left keeps nothing.
func TestTooLate(t *testing.T) {
	dir := t.TempDir()
	c := newCache(t, dir, 100)
	a := object("a", 4)
	ctx, leave := context.WithCancel(t.Context())
	_, _, err := c.Open(ctx, "bucket", a, func(context.Context) (io.ReadCloser, error) {
		leave()
		for c.flying() > 0 {
			time.Sleep(time.Millisecond)
		}
		return io.NopCloser(strings.NewReader("aaaa")), nil
	})
	if engine.KindOf(err) != engine.Canceled {
		t.Error(err)
	}
	for c.Stats().Bytes > 0 {
		time.Sleep(time.Millisecond)
	}
	if bytes, files := onDisk(t, dir); files != 0 || c.Stats().Objects != 0 {
		t.Errorf("%d bytes in %d files, %+v", bytes, files, c.Stats())
	}
}

// flying counts the fetches that somebody waits for.
func (c *Cache) flying() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.flights)
}

// Whatever is opened, in whatever order and however many at once, readers get
// their own bytes and the folder never holds more than the limit.
func TestBounded(t *testing.T) {
	dir := t.TempDir()
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		at := filepath.Join(dir, fmt.Sprint(run))
		limit := rapid.Int64Range(0, 40).Draw(t, "limit")
		c, err := New(at, limit)
		if err != nil {
			t.Fatal(err)
		}
		wanted := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) engine.Object {
			key := rapid.StringMatching(`[a-e]`).Draw(t, "key")
			return object(key, int64(key[0]-'a')*7)
		}), 1, 40).Draw(t, "objects")
		tooMuch := atomic.Int64{}
		work := make(chan engine.Object)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for o := range work {
					r, _, err := c.Open(context.Background(), "bucket", o, fetchOf(o, new(atomic.Int64)))
					if err != nil {
						t.Errorf("%s: %v", o.Key, err)
						continue
					}
					if s := c.Stats(); s.Bytes > limit {
						tooMuch.Store(s.Bytes)
					}
					if text, err := io.ReadAll(r); err != nil || string(text) != bytesOf(o) {
						t.Errorf("%s holds %q, %v", o.Key, text, err)
					}
					r.Close()
				}
			})
		}
		for _, o := range wanted {
			work <- o
		}
		close(work)
		all.Wait()
		var bytes int64
		filepath.WalkDir(at, func(_ string, d fs.DirEntry, _ error) error {
			if info, err := d.Info(); err == nil && !d.IsDir() {
				bytes += info.Size()
			}
			return nil
		})
		s := c.Stats()
		if tooMuch.Load() > 0 || bytes > limit || bytes != s.Bytes || s.Hits+s.Misses != int64(len(wanted)) {
			t.Fatalf("%d bytes on disk, %d at once, %+v", bytes, tooMuch.Load(), s)
		}
		if limit > 0 && !c.reserveAll() {
			t.Fatal("something is still held")
		}
	})
}

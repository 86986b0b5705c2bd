// Package workbench is an open workspace: the database, the sources, the
// plugins and the rules of one folder, wired together. The command line and
// the server are thin layers over it.
//
// It owns the wiring and nothing else: what a pull, a query or a backtest
// does is the engine's business.
package workbench

import (
	"context"
	"errors"
	"hash/fnv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/schema"
	"tidemark.dev/tidemark/engine/source/cache"
	"tidemark.dev/tidemark/engine/store"
	"tidemark.dev/tidemark/engine/store/cage"
)

// cacheLimit bounds the object cache of a workspace.
const cacheLimit = 10 << 30

// Options are what a workbench takes from its surroundings.
type Options struct {
	Clock engine.Clock
	// Staging overrides where rows lie on their way in; tests use it.
	Staging string
}

// Workbench is an open workspace. Its methods may be called from several
// goroutines; pulls of one dataset wait for each other.
type Workbench struct {
	// Workspace is the workspace as it was when it was opened; its folders
	// never change. What its files say now is Current.
	Workspace *workspace.Workspace
	Store     *store.Store

	current atomic.Pointer[workspace.Workspace]
	news    news
	clock   engine.Clock
	staging string
	// inMemory: staging is no folder of a disk, or the caller's choice.
	inMemory bool
	cache    *cache.Cache

	asking   asking
	attached attached
	counting sync.WaitGroup // of what queries need not wait for

	pulls      turn
	plugins    pluginHost
	lookups    lookups
	memo       memo
	backtests  memo
	keptAlarms keptAlarms
	series     memo
	tails      tails
	models     modelRuns
	watches    watches
	outbox     outbox
	runbooks   runbooks
}

// Open opens the workspace's database; the caller holds the workspace's lock.
func Open(ctx context.Context, w *workspace.Workspace, opt Options) (*Workbench, error) {
	if opt.Clock == nil {
		opt.Clock = engine.SystemClock{}
	}
	b := &Workbench{Workspace: w, clock: opt.Clock, staging: opt.Staging, pulls: newTurn(), backtests: memo{limit: memoBacktests}, series: memo{limit: memoSeries}}
	b.current.Store(w)
	b.inMemory = b.staging != ""
	if b.staging == "" {
		dir, err := makeStaging(w)
		if err != nil {
			return nil, err
		}
		b.staging, b.inMemory = dir, strings.HasPrefix(dir, shm+"/")
	}
	if err := emptyFolder(w.TempDir()); err != nil {
		return nil, err
	}
	var err error
	if b.cache, err = cache.New(w.CacheDir(), cacheLimit); err != nil {
		return nil, err
	}
	limits := w.Config.Limits
	cage.LimitMemory(int64(limits.Memory))
	b.Store, err = store.Open(ctx, store.Options{
		Path: w.DatabasePath(), Staging: b.staging, Readable: []string{w.TempDir()},
		Temp: filepath.Join(w.TempDir(), "spill"), TempLimit: int64(limits.Temp),
		Memory: int64(limits.Memory), Threads: limits.Threads, Clock: opt.Clock,
		Settle: schema.NewSettler, Reread: schema.NewRereader,
	})
	if err == nil && w.Trusted {
		if err = b.clearLocal(ctx); err != nil {
			b.Store.Close()
		}
	}
	if err != nil {
		os.RemoveAll(b.staging)
		return nil, err
	}
	b.Store.SetLender(lender{b})
	b.offerFunctions(ctx)
	return b, nil
}

// Current is what the files of the workspace say now: it is read once where
// several of its parts must fit.
func (b *Workbench) Current() *workspace.Workspace { return b.current.Load() }

// Reload takes the workspace's files as they were read again. What runs goes
// on with what it began with, but tails, which never end, take plugins that were
// replaced. Limits hold from the next start on. plugins says that they or their
// settings may have changed: they are loaded anew then.
func (b *Workbench) Reload(w *workspace.Workspace, plugins bool) {
	b.current.Store(w)
	if plugins {
		b.find()
		b.offerFunctions(context.Background())
		b.renewTails(context.Background())
	}
}

// news tells who listens that rows changed.
type news struct {
	mu   sync.Mutex
	next int
	fns  map[int]func(dataset string)
}

// OnData calls fn whenever rows of a dataset were added, changed or removed.
// It is called from several goroutines and must not take long. The function
// that OnData gives ends that.
func (b *Workbench) OnData(fn func(dataset string)) (stop func()) {
	n := &b.news
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fns == nil {
		n.fns = map[int]func(string){}
	}
	id := n.next
	n.next++
	n.fns[id] = fn
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.fns, id)
	}
}

func (b *Workbench) changed(dataset string) {
	b.news.mu.Lock()
	defer b.news.mu.Unlock()
	for _, fn := range b.news.fns {
		fn(dataset)
	}
}

// CacheSize is how full the object cache is, and how large it may get.
func (b *Workbench) CacheSize() (bytes, limit int64) { return b.cache.Stats().Bytes, cacheLimit }

// DatabaseBytes is how large the database and its log are on disk.
func (b *Workbench) DatabaseBytes() (size int64) {
	for _, suffix := range []string{"", ".wal"} {
		if info, err := os.Stat(b.Workspace.DatabasePath() + suffix); err == nil {
			size += info.Size()
		}
	}
	return size
}

// Close writes everything to disk and lets the workspace go.
func (b *Workbench) Close() error {
	b.counting.Wait()
	err := errors.Join(b.Store.Close(), b.plugins.close())
	return errors.Join(err, os.RemoveAll(b.staging))
}

// shm is memory-backed on Linux; elsewhere the folder for temporary files
// has to do.
const shm = "/dev/shm"

// minStaging is how much space staging needs there.
const minStaging = 1 << 30

// makeStaging makes a folder for rows on their way in, and removes the ones
// that a killed process left behind. The workspace's lock is held, so every
// other folder of it is stale.
func makeStaging(w *workspace.Workspace) (string, error) {
	base := w.TempDir()
	if free, err := freeSpace(shm); err == nil && free >= minStaging {
		base = shm
	}
	prefix := "tidemark-" + fingerprint(w.Root) + "-"
	entries, err := os.ReadDir(base)
	if err == nil {
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), prefix) {
				os.RemoveAll(filepath.Join(base, e.Name()))
			}
		}
	}
	if err := os.MkdirAll(base, 0o700); err != nil {
		return "", engine.Errorf(engine.Unavailable, "make room for staging", "%w", err)
	}
	dir, err := os.MkdirTemp(base, prefix)
	if err != nil {
		return "", engine.Errorf(engine.Unavailable, "make room for staging", "%w", err)
	}
	return dir, nil
}

// emptyFolder removes what an earlier process left in a folder of ours.
func emptyFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return engine.Errorf(engine.Unavailable, "clean "+dir, "%w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "tidemark-") {
			continue
		}
		os.RemoveAll(filepath.Join(dir, e.Name()))
	}
	if err := os.MkdirAll(filepath.Join(dir, "spill"), 0o700); err != nil {
		return engine.Errorf(engine.Unavailable, "clean "+dir, "%w", err)
	}
	return nil
}

// fingerprint tells workspaces apart in a shared folder.
func fingerprint(root string) string {
	h := fnv.New64a()
	h.Write([]byte(root))
	return strconv.FormatUint(h.Sum64(), 36)
}

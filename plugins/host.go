// Package plugins runs WebAssembly modules over records. It owns the sandbox:
// what a module may import, how much memory and time it gets, and that nothing
// it does harms more than the record it was given. What the bytes on the
// border mean is written in sdk/ABI.md.
//
// A plugin has no files, no network, no clock and no environment. Functions
// must be pure for a row: the host batches, repeats and spreads them as it
// likes.
package plugins

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/tetratelabs/wazero"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/plugins/meter"
)

// Limits that a plugin gets when nobody says otherwise, and those that nobody
// can raise.
const (
	DefaultMemory   = 64 << 20
	maxMemory       = 512 << 20
	DefaultDeadline = 2 * time.Second
	DefaultStart    = 5 * time.Second
	maxModule       = 32 << 20
	maxResponse     = 16 << 20
	maxRowsPerRow   = 8
	batchRows       = 1024
	chunkRows       = 2048 // of DuckDB, in a request to a function
	batchBytes      = 1 << 20
	pageSize        = 65536
	maxFields       = 256 // inputs and outputs of a function
	maxFunctions    = 64
	worthKeeping    = 256 << 10 // a module whose rewriting is kept on disk
)

// Options are what a host takes from its surroundings.
type Options struct {
	// CacheDir keeps compiled modules; empty keeps them in memory only.
	CacheDir string
	Logger   *slog.Logger
	// MaxInstances bounds the instances of one plugin; 0 is one a core.
	MaxInstances int
	// Start bounds each step of starting an instance; 0 is DefaultStart.
	Start time.Duration
}

// Host loads plugins. Its methods may be called from several goroutines.
type Host struct {
	opt   Options
	cache wazero.CompilationCache
}

// NewHost prepares a host.
func NewHost(_ context.Context, opt Options) (*Host, error) {
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.MaxInstances <= 0 {
		opt.MaxInstances = runtime.GOMAXPROCS(0)
	}
	if opt.Start <= 0 {
		opt.Start = DefaultStart
	}
	h := &Host{opt: opt, cache: wazero.NewCompilationCache()}
	if opt.CacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(opt.CacheDir)
		if err != nil {
			return nil, engine.Errorf(engine.Unavailable, "keep compiled plugins", "%w", err)
		}
		h.cache = cache
	}
	return h, nil
}

// Close frees what compiled code holds; plugins must be closed before.
func (h *Host) Close(ctx context.Context) error { return h.cache.Close(ctx) }

// Settings are what the user grants and wants of a plugin.
type Settings struct {
	// Config is handed to the plugin when an instance starts.
	Config map[string]any
	// Memory bounds each instance, in bytes; 0 is DefaultMemory.
	Memory int64
	// Deadline bounds one batch; 0 is DefaultDeadline.
	Deadline time.Duration
	// Fields are the table paths that a field-wise function is bound to,
	// instead of the one it declares.
	Fields []string
	// OnFailure is what happens to records while the plugin is suspended;
	// empty is OnFailureStop.
	OnFailure string
}

// Load checks, compiles and tries out a module. name is what messages call it.
func (h *Host) Load(ctx context.Context, name string, wasm []byte, s Settings) (*Plugin, error) {
	refuse := func(err error) error {
		if ctx.Err() != nil {
			return engine.Errorf(engine.Canceled, "load plugin "+name, "%w", ctx.Err())
		}
		return engine.Errorf(engine.Invalid, "load plugin "+name, "%w", err).WithHint("the file must be a WebAssembly module for Tidemark's plugin ABI 1; see docs/plugins.md")
	}
	if len(wasm) > maxModule {
		return nil, refuse(fmt.Errorf("it is larger than %d MiB", maxModule>>20))
	}
	if s.Memory <= 0 {
		s.Memory = DefaultMemory
	}
	if s.Memory > maxMemory {
		return nil, engine.Errorf(engine.Invalid, "load plugin "+name, "no plugin may have more than %d MB of memory", maxMemory>>20)
	}
	if s.Deadline <= 0 {
		s.Deadline = DefaultDeadline
	}
	sum := sha256.Sum256(wasm)
	metered, err := h.metered(wasm, hex.EncodeToString(sum[:]))
	if err != nil {
		return nil, refuse(err)
	}
	p := &Plugin{name: name, sha256: hex.EncodeToString(sum[:]), host: h, settings: s, idle: make(chan *instance, h.opt.MaxInstances), spare: make(chan *instance, 1), running: make(chan struct{}, h.opt.MaxInstances)}
	if err = p.start(ctx, metered); err == nil {
		err = p.manifest.checkCarried(wasm)
	}
	if err != nil {
		p.Close(context.WithoutCancel(ctx))
		return nil, refuse(err)
	}
	return p, nil
}

// metered gives the rewritten module, from the cache if it is there: of a large
// one the rewriting takes longer than reading it.
func (h *Host) metered(wasm []byte, sum string) ([]byte, error) {
	if h.opt.CacheDir == "" || len(wasm) < worthKeeping {
		return meter.Rewrite(wasm)
	}
	dir := filepath.Join(h.opt.CacheDir, fmt.Sprintf("metered-%d", meter.Version))
	file := filepath.Join(dir, sum+".wasm")
	if kept, err := os.ReadFile(file); err == nil && bytes.HasPrefix(kept, wasm[:8]) {
		return kept, nil
	}
	out, err := meter.Rewrite(wasm)
	if err == nil && os.MkdirAll(dir, 0o700) == nil {
		// Whole or not at all; without it the next start takes longer.
		if temp := file + fmt.Sprintf(".%d", os.Getpid()); os.WriteFile(temp, out, 0o600) == nil && os.Rename(temp, file) != nil {
			_ = os.Remove(temp)
		}
	}
	return out, err
}

// start compiles the module and makes the first instance.
func (p *Plugin) start(ctx context.Context, metered []byte) (err error) {
	defer func() { // a compiler that is given anything at all may have a bug
		if r := recover(); r != nil {
			err = fmt.Errorf("it does not compile: %v", r)
		}
	}()
	config := wazero.NewRuntimeConfig().WithCompilationCache(p.host.cache).
		WithMemoryLimitPages(uint32((p.settings.Memory + pageSize - 1) / pageSize)).WithDebugInfoEnabled(false)
	p.runtime = wazero.NewRuntimeWithConfig(ctx, config)
	compiled, err := p.runtime.CompileModule(ctx, metered)
	if err != nil {
		return fmt.Errorf("it does not compile: %s", clean(firstLine(err)))
	}
	p.compiled = compiled
	if err := checkImports(compiled); err != nil {
		return err
	}
	if err := checkExports(compiled); err != nil {
		return err
	}
	if err := p.provide(ctx); err != nil {
		return err
	}
	in, err := p.newInstance(ctx)
	if err != nil {
		return err
	}
	if p.manifest, err = in.manifest(ctx); err == nil {
		err = errors.Join(p.manifest.checkNatives(p.compiled), p.manifest.checkConfig(p.config()))
	}
	if err == nil {
		if err = in.configure(ctx, p.config()); err == nil {
			p.ready = true
			err = p.tryOut(ctx, in)
		}
	}
	if err != nil {
		in.discard(ctx)
		return err
	}
	if t := p.manifest.index(KindTransform); len(p.settings.Fields) > 0 && (t < 0 || !p.manifest.Functions[t].fieldWise()) {
		in.discard(ctx)
		return errors.New("fields are given, but its function does not turn one text into one text")
	}
	p.give(ctx, in)
	return nil
}

// tryOut calls every function without records.
func (p *Plugin) tryOut(ctx context.Context, in *instance) error {
	for n, f := range p.manifest.Functions {
		if _, err := in.call(ctx, p.settings.Deadline, emptyColumns(f.inputs()), 0, 0, n, f); err != nil {
			return fmt.Errorf("its function %s fails without records: %w", f.Name, err)
		}
	}
	return nil
}

func (p *Plugin) config() []byte {
	if len(p.settings.Config) == 0 {
		return []byte("{}")
	}
	text, err := json.Marshal(p.settings.Config)
	if err != nil {
		return []byte("{}") // YAML values marshal; a map with odd keys does not
	}
	return text
}

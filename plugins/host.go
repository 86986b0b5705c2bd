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
	"runtime"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/plugins/meter"
)

// Limits that a plugin gets when nobody says otherwise, and those that nobody
// can raise.
const (
	DefaultMemory   = 64 << 20
	maxMemory       = 512 << 20
	DefaultDeadline = 2 * time.Second
	loadDeadline    = 5 * time.Second
	maxModule       = 32 << 20
	maxResponse     = 16 << 20
	maxRowsPerRow   = 8
	batchRows       = 1024
	batchBytes      = 1 << 20
	pageSize        = 65536
)

// Options are what a host takes from its surroundings.
type Options struct {
	// CacheDir keeps compiled modules; empty keeps them in memory only.
	CacheDir string
	Logger   *slog.Logger
	// MaxInstances bounds the instances of one plugin; 0 is one a core.
	MaxInstances int
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
}

// Load checks, compiles and tries out a module. name is what messages call it.
func (h *Host) Load(ctx context.Context, name string, wasm []byte, s Settings) (*Plugin, error) {
	refuse := func(err error) error {
		if ctx.Err() != nil {
			return engine.Errorf(engine.Canceled, "load plugin "+name, "%w", ctx.Err())
		}
		return engine.Errorf(engine.Invalid, "load plugin "+name, "%w", err).WithHint("the file must be a WebAssembly module for Tidemark's plugin ABI 1.0; see docs/plugins.md")
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
	metered, err := meter.Rewrite(wasm)
	if err != nil {
		return nil, refuse(err)
	}
	sum := sha256.Sum256(wasm)
	p := &Plugin{name: name, sha256: hex.EncodeToString(sum[:]), host: h, settings: s, idle: make(chan *instance, h.opt.MaxInstances)}
	if err := p.start(ctx, metered); err != nil {
		p.Close(context.WithoutCancel(ctx))
		return nil, refuse(err)
	}
	return p, nil
}

// start compiles the module and makes the first instance.
func (p *Plugin) start(ctx context.Context, metered []byte) error {
	config := wazero.NewRuntimeConfig().WithCompilationCache(p.host.cache).
		WithMemoryLimitPages(uint32(p.settings.Memory / pageSize)).WithDebugInfoEnabled(false)
	p.runtime = wazero.NewRuntimeWithConfig(ctx, config)
	compiled, err := p.runtime.CompileModule(ctx, metered)
	if err != nil {
		return fmt.Errorf("it does not compile: %s", firstLine(err))
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
		if err = in.configure(ctx, p.config()); err == nil {
			p.ready = true
			_, err = in.call(ctx, p.settings.Deadline, p.emptyColumns(), 0, 0, p.function())
		}
	}
	if err != nil {
		in.discard(ctx)
		return err
	}
	if len(p.settings.Fields) > 0 && !p.function().fieldWise() {
		in.discard(ctx)
		return errors.New("fields are given, but its function does not turn one text into one text")
	}
	p.give(ctx, in)
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

// provide gives the module what it may import.
func (p *Plugin) provide(ctx context.Context) error {
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, p.runtime); err != nil {
		return err
	}
	_, err := p.runtime.NewHostModuleBuilder(meter.Module).
		NewFunctionBuilder().WithFunc(yield).Export(meter.Name).
		NewFunctionBuilder().WithFunc(p.log).Export("log").
		Instantiate(ctx)
	if err != nil {
		return err
	}
	_, err = p.runtime.NewHostModuleBuilder("env").
		NewFunctionBuilder().WithFunc(abort).Export("abort").
		Instantiate(ctx)
	return err
}

// deadlineKey carries the moment at which the call under way must end.
type deadlineKey struct{}

// errDeadline ends a call that takes too long.
var errDeadline = errors.New("it ran longer than its deadline")

// yield is what a metered module calls now and then.
func yield(ctx context.Context) {
	if err := ctx.Err(); err != nil {
		panic(err)
	}
	if end, ok := ctx.Value(deadlineKey{}).(time.Time); ok && time.Now().After(end) {
		panic(errDeadline)
	}
}

// maxLogLine bounds what a plugin may log at once.
const maxLogLine = 1024

func (p *Plugin) log(_ context.Context, m api.Module, level, ptr, n uint32) {
	if text, ok := m.Memory().Read(ptr, min(n, maxLogLine)); ok && p.logged.Add(1) <= 1000 {
		p.host.opt.Logger.Log(context.Background(), slog.Level(int(level)*4-4), string(bytes.ToValidUTF8(text, []byte("?"))), "plugin", p.name)
	}
}

// abort is what AssemblyScript calls when an assertion fails; its text is
// UTF-16 with the length in front.
func abort(_ context.Context, m api.Module, message, _, line, _ uint32) {
	text := "no reason given"
	if message != 0 {
		if n, ok := m.Memory().ReadUint32Le(message - 4); ok {
			if raw, ok := m.Memory().Read(message, min(n, 2*maxLogLine)); ok {
				text = fromUTF16(raw)
			}
		}
	}
	panic(fmt.Errorf("it aborted at line %d: %s", line, text))
}

func fromUTF16(b []byte) string {
	r := make([]rune, 0, len(b)/2)
	for i := 0; i+1 < len(b); i += 2 {
		r = append(r, rune(b[i])|rune(b[i+1])<<8)
	}
	return string(r)
}

func checkImports(c wazero.CompiledModule) error {
	for _, f := range c.ImportedFunctions() {
		module, name, _ := f.Import()
		switch {
		case module == "wasi_snapshot_preview1", module == meter.Module && (name == meter.Name || name == "log"), module == "env" && name == "abort":
		default:
			return fmt.Errorf("it imports %s.%s, which plugins are not given", module, name)
		}
	}
	if len(c.ImportedMemories()) > 0 {
		return errors.New("it imports a memory instead of exporting its own")
	}
	return nil
}

func checkExports(c wazero.CompiledModule) error {
	exports := c.ExportedFunctions()
	i32, i64 := api.ValueTypeI32, api.ValueTypeI64
	if exports["tm_abi_1"] == nil {
		for name := range exports {
			if len(name) > 7 && name[:7] == "tm_abi_" {
				return fmt.Errorf("it is made for ABI version %s, this host has 1", name[7:])
			}
		}
		return errors.New("it does not export tm_abi_1, so it is no Tidemark plugin")
	}
	for _, want := range []struct {
		name            string
		params, results []api.ValueType
	}{
		{"tm_abi_1", nil, []api.ValueType{i32}},
		{"tm_manifest", nil, []api.ValueType{i64}},
		{"tm_alloc", []api.ValueType{i32}, []api.ValueType{i32}},
		{"tm_call", []api.ValueType{i32, i32, i32}, []api.ValueType{i64}},
	} {
		f := exports[want.name]
		if f == nil {
			return fmt.Errorf("it does not export %s", want.name)
		}
		if !bytes.Equal(f.ParamTypes(), want.params) || !bytes.Equal(f.ResultTypes(), want.results) {
			return fmt.Errorf("its export %s has another signature than the ABI", want.name)
		}
	}
	if len(c.ExportedMemories()) != 1 || c.ExportedMemories()["memory"] == nil {
		return errors.New("it does not export its memory as memory")
	}
	return nil
}

func firstLine(err error) string {
	text := err.Error()
	if i := bytes.IndexByte([]byte(text), '\n'); i >= 0 {
		text = text[:i]
	}
	return text
}

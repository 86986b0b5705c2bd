package workbench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"sync"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/app/workspace/atomicfile"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
	"tidemark.dev/tidemark/plugins"
	"tidemark.dev/tidemark/plugins/bundled"
)

// pluginHost knows the plugins there are, and loads one when it is first
// needed. Most verbs need none, and then pay nothing.
type pluginHost struct {
	mu     sync.Mutex
	host   *plugins.Host
	known  map[string]*module
	closed bool
	// refused says which functions SQL cannot have, and why, by name.
	refused map[string]error
	// offered are the functions of SQL as people are shown them, by name.
	offered map[string]store.Function
}

// shown is how a function of a plugin is shown; DuckDB knows no names of its
// arguments.
func (h *pluginHost) shown(f store.Function) store.Function {
	h.mu.Lock()
	defer h.mu.Unlock()
	if own, ok := h.offered[f.Name]; ok {
		return own
	}
	return f
}

// module is a plugin's file and settings as they were read; a change of either
// makes another one of it.
type module struct {
	name     string
	sha256   string
	settings workspace.PluginSettings
	err      error // why it cannot be had

	mu     sync.Mutex
	wasm   []byte // nil: it is a bundled one that nobody has needed yet
	about  *plugins.Info
	plugin *plugins.Plugin
	// retired modules are not the ones that their names mean any more.
	retired bool
}

// same reports whether two modules would do the same.
func (m *module) same(o *module) bool {
	return m.err == nil && o.err == nil && m.sha256 == o.sha256 && reflect.DeepEqual(m.settings.Config, o.settings.Config) &&
		m.settings.Memory == o.settings.Memory && m.settings.Deadline == o.settings.Deadline && m.settings.OnFailure == o.settings.OnFailure && reflect.DeepEqual(m.settings.Fields, o.settings.Fields)
}

// retire lets the plugin go when the last who uses it is done.
func (m *module) retire() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.retired = true
	if m.plugin != nil {
		m.plugin.Retire()
		m.plugin = nil
	}
}

// find looks at the plugins' files and settings again. What did not change
// stays as it is.
func (b *Workbench) find() {
	h := &b.plugins
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	before := h.known
	h.known = map[string]*module{}
	for _, name := range b.pluginNames() {
		if h.known[name] != nil {
			continue
		}
		m := b.readModule(name)
		if old := before[name]; old != nil && old.same(m) {
			m = old
			delete(before, name)
		}
		h.known[name] = m
	}
	for _, old := range before {
		old.retire()
	}
}

func (b *Workbench) readModule(name string) *module {
	m := &module{name: name}
	if p, own := b.Current().Plugin(name); !own || p.File == "" && p.Settings.Enabled {
		if m.about = bundledAbout(name); m.about != nil {
			m.settings, m.sha256 = p.Settings, m.about.SHA256
			return m
		}
	}
	m.wasm, m.settings, m.err = b.pluginFile(name)
	if m.err != nil {
		return m
	}
	sum := sha256.Sum256(m.wasm)
	m.sha256 = hex.EncodeToString(sum[:])
	m.err = b.mayRun(m)
	return m
}

// code is the module itself.
func (m *module) code() []byte {
	if m.wasm == nil {
		wasm, _ := bundled.Lookup(m.name)
		return wasm
	}
	return m.wasm
}

// bundledAbout is what a bundled plugin says of itself: with it, its megabytes
// need be neither read nor hashed before it is used.
func bundledAbout(name string) *plugins.Info {
	var about plugins.Info
	if json.Unmarshal(bundled.About(name), &about) != nil || about.SHA256 == "" {
		return nil
	}
	return &about
}

// module finds a plugin by name.
func (b *Workbench) module(name string) (*module, error) {
	if !b.Current().Trusted {
		return nil, workspace.ErrUntrusted(b.Current().Root, "run plugins")
	}
	h := &b.plugins
	h.mu.Lock()
	known := h.known
	h.mu.Unlock()
	if known == nil {
		b.find()
		h.mu.Lock()
		known = h.known
		h.mu.Unlock()
	}
	if m := known[name]; m != nil {
		return m, nil
	}
	_, _, err := b.pluginFile(name)
	if err == nil {
		err = engine.Errorf(engine.NotFound, "load plugin "+name, "there is no plugin of that name")
	}
	return nil, err
}

// plugin loads a plugin by name: one of the workspace's own, else a bundled
// one with the settings file that the workspace has for it.
func (b *Workbench) plugin(ctx context.Context, name string) (*plugins.Plugin, error) {
	m, err := b.module(name)
	if err != nil {
		return nil, err
	}
	return b.load(ctx, m)
}

func (b *Workbench) load(ctx context.Context, m *module) (*plugins.Plugin, error) {
	p, release, err := b.use(ctx, m)
	if err != nil {
		return nil, err
	}
	release()
	return p, nil
}

// use loads a module and keeps it until release is called, even when it is
// replaced meanwhile.
func (b *Workbench) use(ctx context.Context, m *module) (p *plugins.Plugin, release func(), err error) {
	host, err := b.host(ctx)
	if err != nil {
		return nil, nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if p, err = b.loaded(ctx, host, m); err != nil {
		return nil, nil, err
	}
	release = p.Hold()
	if m.retired {
		p.Retire()
		m.plugin = nil
	}
	return p, release, nil
}

// loaded loads a module unless it is; its lock is held.
func (b *Workbench) loaded(ctx context.Context, host *plugins.Host, m *module) (*plugins.Plugin, error) {
	if m.plugin != nil {
		return m.plugin, nil
	}
	if m.err != nil {
		return nil, m.err
	}
	p, err := host.Load(ctx, m.name, m.code(), pluginSettings(m.settings))
	if err != nil {
		if ctx.Err() == nil {
			m.err = err
		}
		return nil, err
	}
	m.plugin = p
	about := p.Info()
	m.about = &about
	b.remember(about)
	b.keep(m)
	return p, nil
}

func pluginSettings(s workspace.PluginSettings) plugins.Settings {
	return plugins.Settings{Config: s.Config, Memory: int64(s.Memory), Deadline: s.Deadline, Fields: s.Fields, OnFailure: s.OnFailure}
}

func (b *Workbench) host(ctx context.Context) (*plugins.Host, error) {
	h := &b.plugins
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, engine.Errorf(engine.Canceled, "load plugins", "the workspace is being closed")
	}
	if h.host == nil {
		host, err := plugins.NewHost(ctx, plugins.Options{CacheDir: pluginCache()})
		if err != nil {
			return nil, err
		}
		h.host = host
	}
	return h.host, nil
}

func (h *pluginHost) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	var problems []error
	for _, m := range h.known {
		m.mu.Lock()
		if m.plugin != nil {
			problems = append(problems, m.plugin.Close(context.Background()))
			m.plugin = nil
		}
		m.mu.Unlock()
	}
	if h.host != nil {
		problems = append(problems, h.host.Close(context.Background()))
	}
	h.host, h.known = nil, nil
	return errors.Join(problems...)
}

// describe tells what a plugin says of itself. It is loaded for that only when
// nobody has asked before.
func (b *Workbench) describe(ctx context.Context, m *module) (plugins.Info, error) {
	m.mu.Lock()
	err := m.err
	if err == nil && m.about == nil {
		m.about = b.recall(m)
	}
	about := m.about
	m.mu.Unlock()
	if err != nil {
		return plugins.Info{}, err
	}
	if about != nil {
		return *about, nil
	}
	p, err := b.load(ctx, m)
	if err != nil {
		return plugins.Info{}, err
	}
	return p.Info(), nil
}

// pluginCache is the user's own folder of compiled modules, by their hash. It
// lies in no workspace: one that somebody sent could bring machine code along,
// or a false word of what a module is. Without such a folder nothing is kept.
func pluginCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	dir = filepath.Join(dir, "tidemark", "plugins")
	if os.MkdirAll(dir, 0o700) != nil {
		return ""
	}
	return dir
}

// aboutFile keeps what a plugin said of itself, beside its compiled form.
func aboutFile(sha256 string) string {
	return filepath.Join(pluginCache(), sha256+".json")
}

func (b *Workbench) recall(m *module) *plugins.Info {
	text, err := os.ReadFile(aboutFile(m.sha256))
	if err != nil {
		text = bundled.About(m.name)
	}
	var about plugins.Info
	if json.Unmarshal(text, &about) != nil || about.SHA256 != m.sha256 {
		return nil
	}
	return &about
}

func (b *Workbench) remember(about plugins.Info) {
	if text, err := json.Marshal(about); err == nil && pluginCache() != "" {
		_ = atomicfile.Write(aboutFile(about.SHA256), text, 0o600) // it is asked again otherwise
	}
}

func (b *Workbench) pluginFile(name string) ([]byte, workspace.PluginSettings, error) {
	wasm, settings, err := moduleOf(b.Current(), name)
	if near := engine.Nearest(name, append(b.pluginNames(), b.lookupNames()...)); engine.KindOf(err) == engine.NotFound && near != "" {
		return nil, settings, engine.Errorf(engine.NotFound, "load plugin "+name, "there is no plugin of that name").WithHint("did you mean %s?", near)
	}
	return wasm, settings, err
}

func (b *Workbench) bundledPlugin(name string) bool {
	_, has := bundled.Lookup(name)
	return has
}

func (b *Workbench) pluginNames() []string {
	names := bundled.Names()
	for _, p := range b.Current().Plugins {
		if p.File != "" {
			names = append(names, p.Name)
		}
	}
	return names
}

package workbench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/plugins"
	"tidemark.dev/tidemark/plugins/bundled"
)

// pluginHost loads plugins when they are first needed. Most verbs need none,
// and then pay nothing.
type pluginHost struct {
	mu     sync.Mutex
	host   *plugins.Host
	loaded map[string]*plugins.Plugin
	// retired ones may still be at work for a pull.
	retired []*plugins.Plugin
}

// retire makes the next use of a plugin load it anew.
func (h *pluginHost) retire() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, p := range h.loaded {
		h.retired = append(h.retired, p)
		delete(h.loaded, name)
	}
}

// dropRetired closes them; no pull runs.
func (h *pluginHost) dropRetired() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.retired {
		_ = p.Close(context.Background()) // nothing of it is used any more
	}
	h.retired = nil
}

func (h *pluginHost) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.host == nil {
		return nil
	}
	var problems []error
	for _, p := range h.retired {
		problems = append(problems, p.Close(context.Background()))
	}
	for _, p := range h.loaded {
		problems = append(problems, p.Close(context.Background()))
	}
	problems = append(problems, h.host.Close(context.Background()))
	h.host, h.loaded, h.retired = nil, nil, nil
	return errors.Join(problems...)
}

// plugin loads a plugin by name: one of the workspace's own, else a bundled
// one with the settings file that the workspace has for it.
func (b *Workbench) plugin(ctx context.Context, name string) (*plugins.Plugin, error) {
	if !b.Current().Trusted {
		return nil, workspace.ErrUntrusted(b.Current().Root, "run plugins")
	}
	h := &b.plugins
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.loaded[name]; p != nil {
		return p, nil
	}
	wasm, settings, err := b.pluginFile(name)
	if err != nil {
		return nil, err
	}
	if h.host == nil {
		h.host, err = plugins.NewHost(ctx, plugins.Options{CacheDir: filepath.Join(b.Current().StateDir(), "plugins")})
		if err != nil {
			return nil, err
		}
		h.loaded = map[string]*plugins.Plugin{}
	}
	p, err := h.host.Load(ctx, name, wasm, plugins.Settings{
		Config: settings.Config, Memory: int64(settings.Memory), Deadline: settings.Deadline, Fields: settings.Fields,
	})
	if err != nil {
		return nil, err
	}
	h.loaded[name] = p
	return p, nil
}

func (b *Workbench) pluginFile(name string) ([]byte, workspace.PluginSettings, error) {
	p, own := b.Current().Plugin(name)
	if own && p.File != "" {
		if !p.Settings.Enabled {
			return nil, p.Settings, engine.Errorf(engine.Invalid, "load plugin "+name, "%s switches it off", p.SettingsFile)
		}
		wasm, err := os.ReadFile(b.Current().Path(p.File))
		if err != nil {
			return nil, p.Settings, engine.Errorf(engine.Unavailable, "load plugin "+name, "%w", err)
		}
		return wasm, p.Settings, nil
	}
	if wasm, ok := bundled.Lookup(name); ok {
		return wasm, p.Settings, nil
	}
	e := engine.Errorf(engine.NotFound, "load plugin "+name, "there is no plugin of that name")
	if near := engine.Nearest(name, b.pluginNames()); near != "" {
		return nil, p.Settings, e.WithHint("did you mean %s?", near)
	}
	return nil, p.Settings, e.WithHint("put %s.wasm into plugins/", name)
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

// PluginInfo is one plugin that the workspace can use; its JSON is part of
// the contract.
type PluginInfo struct {
	Name    string  `json:"name"`
	Kind    string  `json:"kind"`
	Version string  `json:"version"`
	ABI     string  `json:"abi"`
	Path    string  `json:"path"` // bundled, or the file
	SHA256  string  `json:"sha256"`
	State   string  `json:"state"` // ready, used, off, broken or untrusted
	Calls   int64   `json:"calls"`
	Records int64   `json:"records"`
	Errors  int64   `json:"errors"`
	P99MS   float64 `json:"p99_ms"`
	Problem string  `json:"problem,omitempty"`
}

// PluginCount counts the plugins there are, without loading them.
func (b *Workbench) PluginCount() int {
	names := b.pluginNames()
	slices.Sort(names)
	return len(slices.Compact(names))
}

// Plugins lists the plugins there are, and whether each would run.
func (b *Workbench) Plugins(ctx context.Context) []PluginInfo {
	used := map[string]bool{}
	for _, d := range b.Current().Config.Datasets {
		for _, t := range d.Value.Transforms {
			used[t] = true
		}
	}
	out := []PluginInfo{}
	seen := map[string]bool{}
	for _, name := range b.pluginNames() {
		if seen[name] {
			continue
		}
		seen[name] = true
		out = append(out, b.pluginInfo(ctx, name, used[name]))
	}
	return out
}

func (b *Workbench) pluginInfo(ctx context.Context, name string, used bool) PluginInfo {
	info := PluginInfo{Name: name, Path: "bundled", State: "ready"}
	own, has := b.Current().Plugin(name)
	if has && own.File != "" {
		info.Path = own.File
	}
	switch {
	case !b.Current().Trusted:
		info.State = "untrusted"
		return info
	case has && !own.Settings.Enabled:
		info.State = "off"
		return info
	}
	p, err := b.plugin(ctx, name)
	if err != nil {
		info.State, info.Problem = "broken", err.Error()
		return info
	}
	if used {
		info.State = "used"
	}
	about, stats := p.Info(), p.Stats()
	info.Version, info.ABI, info.SHA256, info.Kind = about.Version, about.ABI, about.SHA256, about.Functions[0].Kind
	info.Calls, info.Records, info.Errors, info.P99MS = stats.Calls, stats.Records, stats.Errors, float64(stats.P99.Microseconds())/1000
	return info
}

// stages loads the transforms of a dataset, in order.
func (b *Workbench) stages(ctx context.Context, d workspace.Dataset) ([]pipeline.Stage, error) {
	var out []pipeline.Stage
	for _, name := range d.Transforms {
		p, err := b.plugin(ctx, name)
		if err != nil {
			return nil, err
		}
		s := &stage{plugin: p}
		if s.in, err = stageFields(name, p.Inputs()); err != nil {
			return nil, err
		}
		if s.out, err = stageFields(name, p.Outputs()); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// stage fits a plugin into the pipeline.
type stage struct {
	plugin  *plugins.Plugin
	in, out []pipeline.StageField
}

func stageFields(plugin string, fields []plugins.Field) ([]pipeline.StageField, error) {
	var out []pipeline.StageField
	for _, f := range fields {
		path, err := engine.ParsePath(f.Field)
		if err != nil {
			return nil, engine.Errorf(engine.Invalid, "load plugin "+plugin, "%w", err)
		}
		known := path[0] == "body" && len(path) > 1 || path[0] == "labels" && len(path) == 2
		for _, c := range engine.Envelope {
			known = known || len(path) == 1 && c.Name == path[0]
		}
		if !known { // a bare name is body.NAME
			path = append(engine.Path{"body"}, path...)
		}
		out = append(out, pipeline.StageField{Path: path, Type: f.Kind()})
	}
	return out, nil
}

// Name identifies the plugin in quarantine reasons.
func (s *stage) Name() string {
	about := s.plugin.Info()
	return about.Name + "@" + about.Version + " (" + about.SHA256[:12] + ")"
}

func (s *stage) Inputs() []pipeline.StageField { return s.in }

func (s *stage) Outputs() []pipeline.StageField { return s.out }

func (s *stage) Run(ctx context.Context, in []engine.Column, rows int) (pipeline.StageResult, error) {
	r, err := s.plugin.Transform(ctx, in, rows)
	if err != nil {
		return pipeline.StageResult{}, err
	}
	out := pipeline.StageResult{Src: r.Src, Columns: r.Columns}
	for _, x := range r.Rejected {
		out.Rejected = append(out.Rejected, pipeline.Rejected{Row: x.Row, Reason: x.Reason})
	}
	return out, nil
}

// InspectPlugin loads a module by itself, in the sandbox, and tells what it
// says of itself.
func InspectPlugin(ctx context.Context, file string) (PluginInfo, error) {
	wasm, err := os.ReadFile(file)
	if err != nil {
		return PluginInfo{}, engine.Errorf(engine.NotFound, "open "+file, "%w", err)
	}
	host, err := plugins.NewHost(ctx, plugins.Options{})
	if err != nil {
		return PluginInfo{}, err
	}
	defer host.Close(ctx)
	p, err := host.Load(ctx, filepath.Base(file), wasm, plugins.Settings{})
	if err != nil {
		return PluginInfo{}, err
	}
	defer p.Close(ctx)
	about := p.Info()
	return PluginInfo{Name: about.Name, Kind: about.Functions[0].Kind, Version: about.Version, ABI: about.ABI, Path: file, SHA256: about.SHA256, State: "ready"}, nil
}

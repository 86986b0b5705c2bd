package workbench

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/plugins"
)

// PluginInfo is one plugin that the workspace can use; its JSON is part of
// the contract.
type PluginInfo struct {
	Name    string  `json:"name"`
	Kind    string  `json:"kind"`
	Version string  `json:"version"`
	ABI     string  `json:"abi"`
	Path    string  `json:"path"` // bundled, or the file
	SHA256  string  `json:"sha256"`
	State   string  `json:"state"` // ready, used, suspended, off, broken or untrusted
	Calls   int64   `json:"calls"`
	Records int64   `json:"records"`
	Errors  int64   `json:"errors"`
	P50MS   float64 `json:"p50_ms"`
	P99MS   float64 `json:"p99_ms"`
	// MemoryBytes is the most that one instance has had.
	MemoryBytes int64            `json:"memory_bytes"`
	Functions   []PluginFunction `json:"functions"`
	// Config is the JSON Schema of its settings.
	Config  map[string]any `json:"config,omitempty"`
	Problem string         `json:"problem,omitempty"`
	Hint    string         `json:"hint,omitempty"`
}

// PluginFunction is one of a plugin's functions.
type PluginFunction struct {
	Name      string `json:"name"`
	Kind      string `json:"kind"`
	Signature string `json:"signature"`
	Doc       string `json:"doc,omitempty"`
	Problem   string `json:"problem,omitempty"`
}

// kindsOf says what a plugin has: "function, decoder".
func kindsOf(i plugins.Info) string {
	var kinds []string
	for _, f := range i.Functions {
		if !slices.Contains(kinds, f.Kind) {
			kinds = append(kinds, f.Kind)
		}
	}
	return strings.Join(kinds, ", ")
}

func signatureOf(f plugins.Function) string {
	fields := func(of []plugins.Field) string {
		var out []string
		for _, x := range of {
			out = append(out, x.Field+" "+x.Type)
		}
		return strings.Join(out, ", ")
	}
	switch f.Kind {
	case plugins.KindFunction:
		return f.Name + "(" + fields(f.Inputs) + ") → " + f.Outputs[0].Type
	case plugins.KindDecoder:
		return f.Framing + " → " + fields(f.Outputs)
	}
	return fields(f.Inputs) + " → " + fields(f.Outputs)
}

// tell fills in what the plugin says of itself.
func (i *PluginInfo) tell(about plugins.Info, refused map[string]error) {
	i.Version, i.ABI, i.SHA256, i.Kind = about.Version, about.ABI, about.SHA256, kindsOf(about)
	for _, f := range about.Functions {
		x := PluginFunction{Name: f.Name, Kind: f.Kind, Signature: signatureOf(f), Doc: f.Doc}
		if err := refused[f.Name]; err != nil && f.Kind == plugins.KindFunction {
			x.Problem = err.Error()
		}
		i.Functions = append(i.Functions, x)
	}
	_ = json.Unmarshal(about.Config, &i.Config) // none is none
}

// PluginCount counts the plugins there are, without loading them.
func (b *Workbench) PluginCount() int {
	names := b.pluginNames()
	slices.Sort(names)
	return len(slices.Compact(names))
}

// Plugins lists the plugins there are, and whether each would run.
func (b *Workbench) Plugins(ctx context.Context) []PluginInfo {
	used := b.usedPlugins()
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
	info := PluginInfo{Name: name, Path: "bundled", State: "ready", Functions: []PluginFunction{}}
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
		info.State, info.Problem, info.Hint = "broken", err.Error(), hintOf(err)
		if errors.Is(err, errNotAllowed) {
			info.State = "untrusted"
		}
		return info
	}
	if used {
		info.State = "used"
	}
	if why := p.Suspended(); why != "" {
		info.State, info.Problem = "suspended", why
	}
	b.plugins.mu.Lock()
	refused := b.plugins.refused
	b.plugins.mu.Unlock()
	info.tell(p.Info(), refused)
	info.count(p.Stats())
	return info
}

func (i *PluginInfo) count(s plugins.Stats) {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	i.Calls, i.Records, i.Errors, i.P50MS, i.P99MS, i.MemoryBytes = s.Calls, s.Records, s.Errors, ms(s.P50), ms(s.P99), s.Memory
}

// InspectPlugin loads a module by itself, in the sandbox, and tells what it
// says of itself.
func InspectPlugin(ctx context.Context, file string) (PluginInfo, error) {
	wasm, err := os.ReadFile(file)
	if err != nil {
		return PluginInfo{}, engine.Errorf(engine.NotFound, "open "+file, "%w", err)
	}
	return inspect(ctx, file, wasm)
}

func inspect(ctx context.Context, file string, wasm []byte) (PluginInfo, error) {
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
	info := PluginInfo{Name: p.Info().Name, Path: file, State: "ready", Functions: []PluginFunction{}}
	info.tell(p.Info(), nil)
	return info, nil
}

func hintOf(err error) string {
	var e *engine.Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}

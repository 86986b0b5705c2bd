package workbench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/plugins"
	"tidemark.dev/tidemark/plugins/bundled"
)

// PluginDetail is all there is to know of a plugin before letting it run.
type PluginDetail struct {
	PluginInfo
	// Now is the file as it is, looked at without running it, and Before the one
	// that ran last under the name, if that was another.
	Now    PluginGlance  `json:"now"`
	Before *PluginGlance `json:"before"`
	// Changed says in words what is different: "version 1.0.0 → 1.1.0".
	Changed []string `json:"changed"`
	// SettingsFile is the YAML with its settings, whether it exists or not.
	SettingsFile string `json:"settings_file"`
}

// PluginGlance is what a module shows from outside.
type PluginGlance struct {
	SHA256  string   `json:"sha256"`
	Bytes   int64    `json:"bytes"`
	ABI     string   `json:"abi"`
	Imports []string `json:"imports"`
	// Version and Functions are what it says of itself; both are empty where it
	// does not carry that in a section, and has not run.
	Name      string           `json:"name"`
	Version   string           `json:"version"`
	Functions []PluginFunction `json:"functions"`
	Config    map[string]any   `json:"config,omitempty"`
	Problem   string           `json:"problem,omitempty"`
}

// ShowPlugin tells what a plugin is and what changed. It runs nothing that may
// not run.
func (b *Workbench) ShowPlugin(ctx context.Context, name string) (PluginDetail, error) {
	wasm, err := b.pluginBytes(name)
	if err != nil {
		return PluginDetail{}, err
	}
	used := b.usedPlugins()[name]
	d := PluginDetail{
		PluginInfo: b.pluginInfo(ctx, name, used), Now: b.glance(plugins.Look(wasm)), Changed: []string{},
		SettingsFile: "plugins/" + name + ".yaml",
	}
	if d.Config == nil {
		d.Config = d.Now.Config
	}
	if d.SHA256 == "" {
		d.SHA256, d.Version, d.ABI = d.Now.SHA256, d.Now.Version, d.Now.ABI
	}
	if old, err := b.before(name, d.Now.SHA256); err == nil {
		g := b.glance(plugins.Look(old))
		d.Before, d.Changed = &g, differences(g, d.Now)
	}
	return d, nil
}

// pluginBytes reads a plugin's module, switched off or not.
func (b *Workbench) pluginBytes(name string) ([]byte, error) {
	if own, has := b.Current().Plugin(name); has && own.File != "" {
		wasm, err := os.ReadFile(b.Current().Path(own.File))
		if err != nil {
			return nil, engine.Errorf(engine.Unavailable, "read plugin "+name, "%w", err)
		}
		return wasm, nil
	}
	if wasm, ok := bundled.Lookup(name); ok {
		return wasm, nil
	}
	_, _, err := b.pluginFile(name)
	return nil, err
}

// glance adds to what a module carries what it said when it ran here.
func (b *Workbench) glance(g plugins.Glance) PluginGlance {
	out := PluginGlance{SHA256: g.SHA256, Bytes: g.Bytes, ABI: g.ABI, Imports: g.Imports, Problem: g.Problem, Functions: []PluginFunction{}}
	about := g.About
	if about == nil {
		about = b.recall(&module{sha256: g.SHA256})
	}
	if about == nil {
		return out
	}
	var i PluginInfo
	i.tell(*about, nil)
	out.Name, out.Version, out.ABI, out.Functions, out.Config = about.Name, about.Version, about.ABI, i.Functions, i.Config
	return out
}

// differences says what a person should know of a new module.
func differences(before, now PluginGlance) []string {
	out := []string{}
	add := func(what, a, b string) {
		if a != b {
			out = append(out, what+" "+orNone(a)+" → "+orNone(b))
		}
	}
	add("name", before.Name, now.Name)
	add("version", before.Version, now.Version)
	add("ABI", before.ABI, now.ABI)
	had, has := functionsByName(before), functionsByName(now)
	for _, f := range before.Functions {
		if _, still := has[f.Kind+" "+f.Name]; !still {
			out = append(out, "no "+f.Kind+" "+f.Name+" any more")
		}
	}
	for _, f := range now.Functions {
		key := f.Kind + " " + f.Name
		old, was := had[key]
		switch {
		case !was:
			out = append(out, "new: "+key+": "+f.Signature)
		case old != f.Signature:
			out = append(out, key+": "+old+" → "+f.Signature)
		}
	}
	if before.Bytes == now.Bytes && len(out) == 0 {
		out = append(out, "only its code")
	}
	return append(out, newImports(before, now)...)
}

func orNone(s string) string {
	if s == "" {
		return "(not said)"
	}
	return s
}

func functionsByName(g PluginGlance) map[string]string {
	out := map[string]string{}
	for _, f := range g.Functions {
		out[f.Kind+" "+f.Name] = f.Signature
	}
	return out
}

func newImports(before, now PluginGlance) []string {
	had := map[string]bool{}
	for _, i := range before.Imports {
		had[i] = true
	}
	var out []string
	for _, i := range now.Imports {
		if !had[i] {
			out = append(out, "it imports "+i+" now")
		}
	}
	return out
}

// AllowPlugin lets the plugin's file run that has the hash: what a person saw,
// and not what may have taken its place meanwhile. allow remembers the hash.
func (b *Workbench) AllowPlugin(name, sum string, allow func(sha256 string) error) error {
	op := "allow plugin " + name
	own, has := b.Current().Plugin(name)
	if !has || own.File == "" {
		return engine.Errorf(engine.NotFound, op, "the workspace has no plugin of that name").WithHint("tidemark plugin list shows what there is")
	}
	wasm, err := os.ReadFile(b.Current().Path(own.File))
	if err != nil {
		return engine.Errorf(engine.Unavailable, op, "%w", err)
	}
	now := sha256.Sum256(wasm)
	if text := hex.EncodeToString(now[:]); text != sum {
		return engine.Errorf(engine.Conflict, op, "its file is another one by now: %s", text[:12]).WithHint("look at it again: tidemark plugin show %s", name)
	}
	return allow(sum)
}

// CheckPluginConfig says what of a configuration the plugin's schema does not
// allow; "" is nothing.
func (b *Workbench) CheckPluginConfig(ctx context.Context, name string, config map[string]any) (string, error) {
	d, err := b.ShowPlugin(ctx, name)
	if err != nil || d.Config == nil {
		return "", err
	}
	schema, err := json.Marshal(d.Config)
	if err != nil {
		return "", err
	}
	if err := plugins.CheckConfig(schema, config); err != nil {
		var e *engine.Error
		if errors.As(err, &e) {
			return e.Err.Error(), nil
		}
		return err.Error(), nil
	}
	return "", nil
}

// usedPlugins are the names that datasets and sources speak of.
func (b *Workbench) usedPlugins() map[string]bool {
	used := map[string]bool{}
	for _, d := range b.Current().Config.Datasets {
		for _, t := range d.Value.Transforms {
			used[t] = true
		}
	}
	for _, s := range b.Current().Config.Sources {
		used[s.Value.Format] = true
	}
	return used
}

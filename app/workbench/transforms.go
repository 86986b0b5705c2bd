package workbench

import (
	"context"
	"os"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/plugins"
	"tidemark.dev/tidemark/plugins/bundled"
)

// Transforms loads the plugins of a dataset, in order, with the settings that
// the workspace has for them, and without opening its database. The host
// belongs to the caller.
func Transforms(ctx context.Context, host *plugins.Host, w *workspace.Workspace, dataset string) ([]pipeline.Stage, engine.Mapping, error) {
	d := w.Config.Dataset(dataset)
	mapping, _, err := mappingOf(d)
	if err != nil {
		return nil, mapping, err
	}
	var stages []pipeline.Stage
	for _, name := range d.Transforms {
		if _, is := w.Config.Lookup(name); is {
			return nil, mapping, engine.Errorf(engine.Inexpressible, "load plugin "+name, "it is a lookup, and those are done by Tidemark alone").WithHint("look records up before, or leave %s out of transforms", name)
		}
		wasm, settings, err := moduleOf(w, name)
		if err != nil {
			return nil, mapping, err
		}
		loaded, err := host.Load(ctx, name, wasm, pluginSettings(settings))
		if err != nil {
			return nil, mapping, err
		}
		s, err := newStage(name, loaded)
		if err != nil {
			return nil, mapping, err
		}
		stages = append(stages, s)
	}
	return stages, mapping, nil
}

// moduleOf is a plugin's module with its settings: one of the workspace's own, or
// one that comes with the program.
func moduleOf(w *workspace.Workspace, name string) ([]byte, workspace.PluginSettings, error) {
	p, own := w.Plugin(name)
	if own && !p.Settings.Enabled {
		return nil, p.Settings, engine.Errorf(engine.Invalid, "load plugin "+name, "%s switches it off", p.SettingsFile)
	}
	if own && p.File != "" {
		wasm, err := os.ReadFile(w.Path(p.File))
		if err != nil {
			return nil, p.Settings, engine.Errorf(engine.Unavailable, "load plugin "+name, "%w", err)
		}
		return wasm, p.Settings, nil
	}
	if wasm, ok := bundled.Lookup(name); ok {
		return wasm, p.Settings, nil
	}
	return nil, p.Settings, engine.Errorf(engine.NotFound, "load plugin "+name, "there is no plugin of that name").WithHint("put %s.wasm into plugins/", name)
}

package workbench

import (
	"context"
	"os"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/plugins"
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
		p, ok := w.Plugin(name)
		if !ok || p.File == "" {
			return nil, mapping, engine.Errorf(engine.NotFound, "load plugin "+name, "the workspace has no plugin of this name").WithHint("put plugins/%s.wasm into it", name)
		}
		wasm, err := os.ReadFile(w.Path(p.File))
		if err != nil {
			return nil, mapping, engine.Errorf(engine.NotFound, "load plugin "+name, "%w", err)
		}
		loaded, err := host.Load(ctx, name, wasm, pluginSettings(p.Settings))
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

package server

import (
	"context"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
)

type pluginName struct {
	Name string `path:"name"`
}

func (s *Server) pluginsAPI() {
	handle(s, "GET", "/plugins", "listPlugins", "Plugins that the workspace can use", func(ctx context.Context, _ *struct{}) ([]workbench.PluginInfo, error) {
		return s.bench.Plugins(ctx), nil
	})
	handle(s, "DELETE", "/plugins/{name}", "removePlugin", "Move a plugin to the trash in .tidemark", func(_ context.Context, in *pluginName) (Nothing, error) {
		return Nothing{}, s.removePlugin(in.Name)
	})
}

func (s *Server) removePlugin(name string) error {
	p, own := s.bench.Current().Plugin(name)
	if !own || p.File == "" {
		return engine.Errorf(engine.NotFound, "remove plugin "+name, "the workspace has no plugin of that name").
			WithHint("a bundled plugin runs only where a dataset names it in transforms")
	}
	if err := s.files.TrashPlugin(p); err != nil {
		return err
	}
	return s.folder.reload(true)
}

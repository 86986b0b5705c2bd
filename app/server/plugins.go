package server

import (
	"context"
	"io"

	"github.com/danielgtaylor/huma/v2"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
)

type pluginName struct {
	Name string `path:"name"`
}

// AllowInput names the file that may run by its hash.
type AllowInput struct {
	SHA256 string `json:"sha256" minLength:"64" maxLength:"64" doc:"Of the file as it was shown."`
}

// PluginConfigInput is a configuration to be checked.
type PluginConfigInput struct {
	Config map[string]any `json:"config"`
}

// PluginConfigCheck says what is wrong with it.
type PluginConfigCheck struct {
	Problem string `json:"problem" doc:"Empty when it is as the plugin's schema wants it."`
}

type allowPluginInput struct {
	Name string `path:"name"`
	Body AllowInput
}

type checkPluginInput struct {
	Name string `path:"name"`
	Body PluginConfigInput
}

// maxModule bounds a module, in bytes, as the host does.
const maxModule = 32 << 20

type pluginModule struct {
	Name string `path:"name"`
	wasm []byte
}

// Resolve reads the body.
func (m *pluginModule) Resolve(ctx huma.Context) (problems []error) {
	m.wasm, problems = readModule(ctx)
	return problems
}

type pluginDiffInput struct {
	Name    string `path:"name"`
	Dataset string `query:"dataset" doc:"On whose records; needed where several datasets use the plugin."`
	Last    int    `query:"last" minimum:"0" maximum:"10000" doc:"How many of the last records; 1000 when it is not given."`
	SHA256  string `query:"sha256" doc:"Runs a file this once that is not allowed yet: the one with this hash."`
	wasm    []byte
}

// Resolve reads the body, which may be empty.
func (d *pluginDiffInput) Resolve(ctx huma.Context) (problems []error) {
	d.wasm, problems = readModule(ctx)
	return problems
}

func readModule(ctx huma.Context) ([]byte, []error) {
	wasm, err := io.ReadAll(io.LimitReader(ctx.BodyReader(), maxModule+1))
	if err == nil && len(wasm) > maxModule {
		err = engine.Errorf(engine.Invalid, "read the module", "it is larger than 32 MB")
	}
	if err != nil {
		return nil, []error{err}
	}
	return wasm, nil
}

var moduleRequest = &huma.RequestBody{Content: map[string]*huma.MediaType{
	"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
}}

func (s *Server) pluginsAPI() {
	handle(s, "GET", "/plugins", "listPlugins", "Plugins that the workspace can use", func(ctx context.Context, _ *struct{}) ([]workbench.PluginInfo, error) {
		return s.bench.Plugins(ctx), nil
	})
	handle(s, "GET", "/plugins/{name}", "getPlugin", "What a plugin is, and what changed since it last ran", func(ctx context.Context, in *pluginName) (workbench.PluginDetail, error) {
		return s.bench.ShowPlugin(ctx, in.Name)
	})
	handle(s, "DELETE", "/plugins/{name}", "removePlugin", "Move a plugin to the trash in .tidemark", func(_ context.Context, in *pluginName) (Nothing, error) {
		return Nothing{}, s.removePlugin(in.Name)
	})
	handle(s, "POST", "/plugins/{name}/allow", "allowPlugin", "Let a plugin run that is new or changed in a workspace from somebody else", func(ctx context.Context, in *allowPluginInput) (workbench.PluginDetail, error) {
		return s.allowPlugin(ctx, in.Name, in.Body.SHA256)
	})
	handle(s, "POST", "/plugins/{name}/config", "checkPluginConfig", "Check a configuration against the plugin's schema", func(ctx context.Context, in *checkPluginInput) (PluginConfigCheck, error) {
		problem, err := s.bench.CheckPluginConfig(ctx, in.Name, in.Body.Config)
		return PluginConfigCheck{problem}, err
	})
	handle(s, "POST", "/lens", "lens", "Records before and after each transform of a dataset", func(ctx context.Context, in *struct{ Body workbench.LensInput }) (workbench.Lens, error) {
		return s.bench.Lens(ctx, in.Body)
	})
	huma.Register(s.api, huma.Operation{
		OperationID: "diffPlugin", Method: "POST", Path: "/api/v1/plugins/{name}/diff", Summary: "Run another version of a plugin beside the one in use, over the last records",
		Description: "The body is the new module; without one it is the file that is there, beside the one that ran before it.",
		Errors:      []int{400, 404, 409, 500, 503}, RequestBody: moduleRequest,
	}, func(ctx context.Context, in *pluginDiffInput) (*reply[workbench.PluginDiff], error) {
		d := workbench.DiffInput{Plugin: in.Name, Dataset: in.Dataset, Last: in.Last, SHA256: in.SHA256}
		if len(in.wasm) > 0 {
			d.Wasm = in.wasm
		}
		out, err := s.bench.DiffPlugin(ctx, d)
		if err != nil {
			return nil, failure(err)
		}
		return &reply[workbench.PluginDiff]{out}, nil
	})
	huma.Register(s.api, huma.Operation{
		OperationID: "replacePlugin", Method: "PUT", Path: "/api/v1/plugins/{name}", Summary: "Put a new version of a plugin in the place of the old one",
		Errors: []int{400, 404, 409, 500, 503}, RequestBody: moduleRequest,
	}, func(ctx context.Context, in *pluginModule) (*reply[workbench.PluginInfo], error) {
		out, err := s.bench.ReplacePlugin(ctx, in.Name, in.wasm, s.allowHash)
		if err == nil {
			err = s.folder.reload(true)
		}
		if err != nil {
			return nil, failure(err)
		}
		return &reply[workbench.PluginInfo]{out}, nil
	})
}

// allowHash remembers that a plugin's file may run.
func (s *Server) allowHash(sha256 string) error {
	if s.opt.Allow == nil {
		return engine.Errorf(engine.Unavailable, "allow a plugin", "this server cannot remember that").WithHint("run tidemark plugin allow")
	}
	return s.opt.Allow(sha256)
}

func (s *Server) allowPlugin(ctx context.Context, name, sha256 string) (workbench.PluginDetail, error) {
	if w := s.bench.Current(); !w.Trusted {
		return workbench.PluginDetail{}, workspace.ErrUntrusted(w.Root, "allow plugin "+name)
	}
	if err := s.bench.AllowPlugin(name, sha256, s.allowHash); err != nil {
		return workbench.PluginDetail{}, err
	}
	if err := s.folder.reload(true); err != nil {
		return workbench.PluginDetail{}, err
	}
	return s.bench.ShowPlugin(ctx, name)
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

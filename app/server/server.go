// Package server is the workbench over HTTP, for the page that a browser or
// the desktop window shows and for programs. It is a thin layer: a handler
// reads its input, calls app/workbench, and gives back what that says.
//
// One file holds one feature: its shapes, its handlers, and a function that
// registers them. The registrations are the API's only description: the OpenAPI
// document, and from it the page's client, are made from them.
package server

import (
	"context"
	"encoding/json"
	"net/http"
	"path"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
)

// Options are what a server takes from its surroundings.
type Options struct {
	Bench *workbench.Workbench
	// Token is what a request must bear.
	Token string
	// Host is the address that it listens on, "127.0.0.1:41234".
	Host    string
	Version string
	// Metrics switches on what Prometheus reads; MetricsToken opens that and
	// nothing else, "" is none.
	Metrics      bool
	MetricsToken string
	// Page serves everything that is not the API.
	Page http.Handler
	// Reload reads the workspace's files again.
	Reload func() (*workspace.Workspace, error)
	// Trust remembers that the user trusts the workspace.
	Trust func() error
	// Allow remembers that a plugin's file of that SHA-256 may run.
	Allow func(sha256 string) error
	// ConfigDir is the user's configuration folder; "" keeps nothing there.
	ConfigDir string
	// Context ends what the server does by itself, such as a pull; Close does
	// too.
	Context context.Context
	// Ready is told when a page is shown; it may be nil.
	Ready func(Ready)
	// Native does what only a desktop window can; nil in a browser.
	Native Native
}

// Native is what the window can do for the page.
type Native interface {
	// Open asks the user for a file ("file"), a folder ("folder") or a plugin
	// ("plugin"), and gives "" when they change their mind.
	Open(ctx context.Context, what string) (string, error)
}

// Server answers requests. It may be used by several goroutines.
type Server struct {
	opt     Options
	bench   *workbench.Workbench
	api     huma.API
	mux     *http.ServeMux
	started time.Time

	ctx     context.Context // ends when the server does
	cancel  context.CancelFunc
	events  *events
	queries *queries
	pulls   *pulls
	tails   *tails
	sample  sample
	files   *workspace.Files
	folder  *folder
	adding  sync.Mutex // held from reading the sources to writing them
	after   []func()   // what Close calls, once everything has stopped
}

// New makes a server. Close must be called.
func New(opt Options) *Server {
	if opt.Context == nil {
		opt.Context = context.Background()
	}
	s := &Server{opt: opt, bench: opt.Bench, mux: http.NewServeMux(), started: time.Now()}
	s.ctx, s.cancel = context.WithCancel(opt.Context)
	s.events = newEvents()
	s.queries = newQueries(s.ctx, s.bench, s.events)
	s.pulls = &pulls{bench: s.bench, ctx: s.ctx, events: s.events}
	s.tails = &tails{bench: s.bench, ctx: s.ctx, events: s.events, all: map[string]*tail{}}
	config := huma.DefaultConfig("Tidemark", "1")
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	config.OpenAPIPath, config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", "", nil
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
	config.Security = []map[string][]string{{"token": {}}}
	s.api = humago.New(s.mux, config)
	if s.bench != nil {
		s.files = workspace.NewFiles(s.bench.Workspace.Root)
	}
	s.folder = &folder{s: s}
	s.register()
	if s.bench != nil {
		s.begin()
	}
	return s
}

// begin starts what the server does by itself.
func (s *Server) begin() {
	go s.sweep()
	if s.opt.Host != "" {
		s.bench.SetAddress("http://" + s.opt.Host)
	}
	sending := make(chan struct{})
	go func() { defer close(sending); s.bench.RunOutbox(s.ctx) }()
	running := make(chan struct{})
	go func() { defer close(running); s.bench.RunRunbooks(s.ctx) }()
	s.after = append(s.after, func() { <-sending; <-running })
	go s.runDueModels()
	s.folder.watch()
	s.after = append(s.after, s.bench.OnData(func(dataset string) {
		s.events.publish("data:"+dataset, Event{Type: "data", Dataset: dataset})
	}))
	if s.opt.ConfigDir != "" {
		w := s.bench.Current()
		// It is a convenience: without it nothing is missing but a list.
		_ = workspace.NewRecentStore(s.opt.ConfigDir).Add(workspace.Recent{Name: w.Config.Name, Dir: w.Root, OpenedAt: s.started.UTC()})
	}
}

// sweep frees the results of pages that are gone.
func (s *Server) sweep() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-time.After(unwatched / 4):
		}
		if before := time.Now().Add(-unwatched); s.events.unheard(before) {
			s.queries.sweep(before)
		}
	}
}

// schemaName names a type in the API's description: by its own name, and one
// of the engine by its package too, for there a Column is several things.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	switch pkg := path.Base(t.PkgPath()); pkg {
	case ".", "server", "workbench":
		return name
	default:
		return strings.ToUpper(pkg[:1]) + pkg[1:] + name
	}
}

// register lists the features, one file each.
func (s *Server) register() {
	s.workspaceAPI()
	s.eventsAPI()
	s.queriesAPI()
	s.filesAPI()
	s.catalogAPI()
	s.quarantineAPI()
	s.exploreAPI()
	s.rulesAPI()
	s.incidentsAPI()
	s.notifyAPI()
	s.dashboardsAPI()
	s.notebooksAPI()
	s.sourcesAPI()
	s.pullsAPI()
	s.tailsAPI()
	s.uploadAPI()
	s.pluginsAPI()
	s.lookupsAPI()
	s.sampleAPI()
	s.testsAPI()
	s.modelsAPI()
	s.healthAPI()
	s.mux.HandleFunc("GET /api/openapi.json", s.serveOpenAPI)
	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
}

// Handler is the whole server behind its guard.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/", s.routed)
	mux.HandleFunc("/healthz", s.routed)
	if s.opt.Metrics {
		mux.Handle("GET "+metricsPath, s.metrics())
	} else {
		mux.HandleFunc(metricsPath, s.routed)
	}
	if s.opt.Page != nil {
		mux.Handle("/", s.opt.Page)
	}
	return s.guard(mux)
}

// Close stops what is still running.
func (s *Server) Close() error {
	s.cancel()
	s.queries.close()
	s.sample.run.Wait()
	s.pulls.run.Wait()
	s.tails.run.Wait()
	for _, f := range s.after {
		f()
	}
	return nil
}

// OpenAPI describes the API as OpenAPI 3.1 in JSON.
func OpenAPI() ([]byte, error) {
	return json.MarshalIndent(New(Options{}).api.OpenAPI(), "", "  ")
}

func (s *Server) serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.api.OpenAPI())
}

// Nothing is the answer of an operation that has nothing to tell.
type Nothing struct{}

// reply is an answer in JSON.
type reply[T any] struct{ Body T }

// handle registers an operation: id names it in the client, in is a struct of
// path, query and Body fields. The answer is JSON.
func handle[I, O any](s *Server, method, path, id, summary string, fn func(ctx context.Context, in *I) (O, error)) {
	// A deadline for the body would end what the request waits for, too.
	huma.Register(s.api, huma.Operation{
		OperationID: id, Method: method, Path: "/api/v1" + path, Summary: summary,
		MaxBodyBytes: maxBody, BodyReadTimeout: -1, Errors: []int{400, 404, 409, 500, 503},
	}, func(ctx context.Context, in *I) (*reply[O], error) {
		out, err := fn(ctx, in)
		if err != nil {
			return nil, failure(err)
		}
		return &reply[O]{out}, nil
	})
}

// sayable makes a handler fail whose answer JSON cannot say, which the input
// brought about: a year of five digits, a number that is none.
func sayable[I, O any](fn func(context.Context, *I) (O, error)) func(context.Context, *I) (O, error) {
	return func(ctx context.Context, in *I) (O, error) {
		out, err := fn(ctx, in)
		if err != nil {
			return out, err
		}
		if _, err := json.Marshal(out); err != nil {
			return out, engine.Errorf(engine.Invalid, "answer", "%w", err).WithHint("check the times and the numbers that were given")
		}
		return out, nil
	}
}

// maxBody bounds what a request may carry, in bytes; uploads say their own.
const maxBody = 16 << 20

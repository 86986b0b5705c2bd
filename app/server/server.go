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
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
)

// Options are what a server takes from its surroundings.
type Options struct {
	Bench *workbench.Workbench
	// Token is what a request must bear.
	Token string
	// Host is the address that it listens on, "127.0.0.1:41234".
	Host    string
	Version string
	// Page serves everything that is not the API.
	Page http.Handler
	// Reload reads the workspace's files again.
	Reload func() (*workspace.Workspace, error)
	// Trust remembers that the user trusts the workspace.
	Trust func() error
	// ConfigDir is the user's configuration folder; "" keeps nothing there.
	ConfigDir string
	// Context ends what the server does by itself, such as a pull; Close does
	// too.
	Context context.Context
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
	config := huma.DefaultConfig("Tidemark", "1")
	config.OpenAPIPath, config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", "", nil
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
	config.Security = []map[string][]string{{"token": {}}}
	s.api = humago.New(s.mux, config)
	s.register()
	if s.bench != nil {
		go s.sweep()
	}
	return s
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

// register lists the features, one file each.
func (s *Server) register() {
	s.workspaceAPI()
	s.eventsAPI()
	s.queriesAPI()
	s.analyticsAPI()
	s.mux.HandleFunc("GET /api/openapi.json", s.serveOpenAPI)
	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
}

// Handler is the whole server behind its guard.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/", s.mux)
	mux.Handle("/healthz", s.mux)
	if s.opt.Page != nil {
		mux.Handle("/", s.opt.Page)
	}
	return s.guard(mux)
}

// Close stops what is still running.
func (s *Server) Close() error {
	s.cancel()
	s.queries.close()
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

// reply is an answer in JSON.
type reply[T any] struct{ Body T }

// handle registers an operation: id names it in the client, in is a struct of
// path, query and Body fields. The answer is JSON.
func handle[I, O any](s *Server, method, path, id, summary string, fn func(ctx context.Context, in *I) (O, error)) {
	huma.Register(s.api, huma.Operation{
		OperationID: id, Method: method, Path: "/api/v1" + path, Summary: summary,
		MaxBodyBytes: maxBody, Errors: []int{400, 404, 409, 500, 503},
	}, func(ctx context.Context, in *I) (*reply[O], error) {
		out, err := fn(ctx, in)
		if err != nil {
			return nil, failure(err)
		}
		return &reply[O]{out}, nil
	})
}

// maxBody bounds what a request may carry, in bytes; uploads say their own.
const maxBody = 16 << 20

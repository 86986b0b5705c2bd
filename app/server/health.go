package server

import (
	"context"
	"log/slog"
	"runtime"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store/cage"
)

// Status is what the server uses and does.
type Status struct {
	MemoryBytes    int64   `json:"memory_bytes"`
	MemoryLimit    int64   `json:"memory_limit" doc:"Past it the queries that run are ended; 0 is none."`
	DatabaseBytes  int64   `json:"database_bytes"`
	CacheBytes     int64   `json:"cache_bytes"`
	CacheLimit     int64   `json:"cache_limit"`
	UptimeSeconds  float64 `json:"uptime_seconds"`
	QueriesRunning int     `json:"queries_running"`
	QueriesWaiting int     `json:"queries_waiting"`
	PullsRunning   int     `json:"pulls_running"`
	Goroutines     int     `json:"goroutines"`
}

// NativeInput says what the user is to choose.
type NativeInput struct {
	What string `json:"what" enum:"file,folder,plugin,workspace"`
}

// Chosen is what the user has chosen: nothing when they changed their mind.
type Chosen struct {
	Path string `json:"path"`
}

// Ready is what a page says when it is shown.
type Ready struct {
	_         struct{} `json:"-" additionalProperties:"true"`
	Title     string   `json:"title,omitempty" maxLength:"1000"`
	Heading   string   `json:"heading,omitempty" maxLength:"1000"`
	UserAgent string   `json:"user_agent,omitempty" maxLength:"1000"`
}

// ClientError is something that went wrong in the page.
type ClientError struct {
	Message string `json:"message" maxLength:"10000"`
	Stack   string `json:"stack,omitempty" maxLength:"100000"`
	Where   string `json:"where,omitempty" maxLength:"10000"`
}

func (s *Server) healthAPI() {
	handle(s, "GET", "/health/datasets", "healthDatasets", "How the datasets and sources are", func(ctx context.Context, _ *struct{}) (workbench.Health, error) {
		return s.bench.Health(ctx)
	})
	handle(s, "POST", "/health/act", "actOnHealth", "Do what a finding says helps", s.actOnHealth)
	handle(s, "GET", "/status", "status", "What the server uses and does", func(context.Context, *struct{}) (Status, error) {
		return s.status(), nil
	})
	handle(s, "POST", "/native/open", "openDialog", "Let the user choose, in the desktop window", s.openDialog)
	handle(s, "POST", "/ready", "ready", "The page is shown", func(_ context.Context, in *struct{ Body Ready }) (Nothing, error) {
		if s.opt.Ready != nil {
			s.opt.Ready(in.Body)
		}
		return Nothing{}, nil
	})
	handle(s, "POST", "/client-error", "clientError", "Something went wrong in the page", func(_ context.Context, in *struct{ Body ClientError }) (Nothing, error) {
		slog.Error("the page failed", "message", in.Body.Message, "where", in.Body.Where, "stack", in.Body.Stack)
		return Nothing{}, nil
	})
}

func (s *Server) status() Status {
	out := Status{
		MemoryBytes: workbench.MemoryUsed(), MemoryLimit: cage.MemoryLimit(), UptimeSeconds: time.Since(s.started).Seconds(),
		PullsRunning: s.pulls.running(), Goroutines: runtime.NumGoroutine(),
	}
	out.DatabaseBytes = s.bench.DatabaseBytes()
	out.CacheBytes, out.CacheLimit = s.bench.CacheSize()
	out.QueriesRunning, out.QueriesWaiting = s.queries.load()
	return out
}

func (s *Server) openDialog(ctx context.Context, in *struct{ Body NativeInput }) (Chosen, error) {
	if s.opt.Native == nil {
		return Chosen{}, engine.Errorf(engine.NotFound, "open a dialog", "there is no window").WithHint("type the path, or upload the file")
	}
	path, err := s.opt.Native.Open(ctx, in.Body.What)
	return Chosen{path}, err
}

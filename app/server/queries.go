package server

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine/store/result"
	"tidemark.dev/tidemark/engine/store/spool"
)

const (
	// maxRunning queries run at once, and maxWaiting may wait for their turn.
	maxRunning = 4
	maxWaiting = 32
	// maxRows and maxBytes bound what is kept of a result; maxResults is how
	// many are.
	maxRows    = 5_000_000
	maxBytes   = 1 << 30
	maxResults = 24
	// A result stays in memory up to spoolMemory, all together up to
	// spoolShared; what is more lies in files.
	spoolMemory = 64 << 20
	spoolShared = 256 << 20
	// maxWindow is how many rows one request gets.
	maxWindow = 50_000
	// unwatched results are freed after this time.
	unwatched = 2 * time.Minute
)

// Column is a column of a result.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type" doc:"As DuckDB writes it. What Arrow cannot carry without loss arrives as text."`
}

// QueryState is how far a query is.
type QueryState struct {
	ID        string      `json:"id"`
	State     spool.State `json:"state" enum:"running,done,canceled,failed,stopped"`
	Columns   []Column    `json:"columns"`
	Rows      int64       `json:"rows" doc:"So far."`
	Complete  bool        `json:"complete" doc:"No more rows will come."`
	Truncated bool        `json:"truncated" doc:"The query has more rows than are kept."`
	Limit     int64       `json:"limit" doc:"How many rows are kept at most."`
	Seconds   float64     `json:"seconds"`
	Bytes     int64       `json:"bytes"`
	Error     *Problem    `json:"error,omitempty"`
	// Attached is what it cost of attached datasets.
	Attached []workbench.Use `json:"attached,omitempty" doc:"What was fetched of attached datasets."`
}

// QueryInput is a query to run.
type QueryInput struct {
	SQL    string         `json:"sql" doc:"One SELECT, EXPLAIN, SHOW, DESCRIBE or SUMMARIZE."`
	Params map[string]any `json:"params,omitempty" doc:"Values for $name: text, numbers, booleans or null."`
	Limit  int64          `json:"limit,omitempty" minimum:"0" doc:"How many rows are kept at most."`
}

// QueryRows is the result of a query in one piece.
type QueryRows struct {
	Columns   []Column `json:"columns"`
	Rows      [][]any  `json:"rows"`
	Truncated bool     `json:"truncated"`
	Seconds   float64  `json:"seconds"`
	// Attached is what it cost of attached datasets.
	Attached []workbench.Use `json:"attached,omitempty"`
}

type queryID struct {
	ID string `path:"id"`
}

func (s *Server) queriesAPI() {
	handle(s, "POST", "/queries", "createQuery", "Run a query and keep its result", func(ctx context.Context, in *struct{ Body QueryInput }) (QueryState, error) {
		return s.queries.create(ctx, in.Body)
	})
	handle(s, "POST", "/queries/estimate", "estimateQuery", "What a query would fetch of attached datasets and cost", func(ctx context.Context, in *struct{ Body QueryInput }) ([]workbench.Use, error) {
		args, err := arguments(in.Body.Params)
		if err != nil {
			return nil, err
		}
		return s.bench.Estimate(ctx, in.Body.SQL, args)
	})
	handle(s, "GET", "/queries/{id}", "getQuery", "How far a query is", s.getQuery)
	handle(s, "DELETE", "/queries/{id}", "deleteQuery", "End a query and free its result", func(_ context.Context, in *queryID) (Nothing, error) {
		s.queries.remove(in.ID)
		return Nothing{}, nil
	})
	handle(s, "POST", "/queries/{id}/cancel", "cancelQuery", "End a query and keep the rows that came", s.cancelQuery)
	handleStream(s, huma.Operation{Method: "GET", Path: "/queries/{id}/rows", OperationID: "getRows", Summary: "A window of the rows of a query"},
		map[string]any{typeArrow: nil, typeJSON: [][]any{}}, s.getRows)
	handleStream(s, huma.Operation{Method: "GET", Path: "/queries/{id}/export", OperationID: "exportQuery", Summary: "The whole result as a file"},
		map[string]any{"application/octet-stream": nil}, s.exportQuery)
	handleStream(s, huma.Operation{Method: "POST", Path: "/query", OperationID: "query", Summary: "Run a query and get its rows at once"},
		map[string]any{typeArrow: nil, typeJSON: QueryRows{}}, s.oneShot)
}

func columnsOf(d *result.Delivered) []Column {
	out := []Column{}
	if d != nil {
		for i, name := range d.Names {
			out = append(out, Column{name, d.Types[i]})
		}
	}
	return out
}

// startQuery runs a query that a feature composed, and keeps its result.
func (s *Server) startQuery(ctx context.Context, query string, params map[string]any, limit int) (QueryState, error) {
	return s.queries.create(ctx, QueryInput{SQL: query, Params: params, Limit: int64(limit)})
}

// cancelQuery ends a query; it answers once nothing more comes.
func (s *Server) cancelQuery(ctx context.Context, in *queryID) (QueryState, error) {
	r, err := s.queries.find(in.ID)
	if err != nil {
		return QueryState{}, err
	}
	r.cancel()
	return r.state(r.spool.Wait(ctx, func(st spool.Status) bool { return st.Over() })), nil
}

type getQueryInput struct {
	ID   string  `path:"id"`
	Wait float64 `query:"wait" minimum:"0" maximum:"60" doc:"Answer when it changes, or after so many seconds."`
}

func (s *Server) getQuery(ctx context.Context, in *getQueryInput) (QueryState, error) {
	r, err := s.queries.find(in.ID)
	if err != nil {
		return QueryState{}, err
	}
	st := r.spool.Status()
	if in.Wait > 0 {
		timeout, cancel := context.WithTimeout(ctx, time.Duration(in.Wait*float64(time.Second)))
		defer cancel()
		was := st.Rows
		st = r.spool.Wait(timeout, func(st spool.Status) bool { return st.Rows > was })
	}
	return r.state(st), nil
}

type getRowsInput struct {
	ID     string `path:"id"`
	Accept string `header:"Accept"`
	Offset int64  `query:"offset" minimum:"0"`
	Limit  int64  `query:"limit" minimum:"0" maximum:"50000" default:"1000"`
}

func (s *Server) getRows(ctx context.Context, in *getRowsInput) (answer, error) {
	r, err := s.queries.find(in.ID)
	if err != nil {
		return nil, err
	}
	w, err := r.spool.Window(ctx, in.Offset, min(in.Limit, maxWindow))
	if err != nil {
		return nil, err
	}
	return func(to http.ResponseWriter) error {
		to.Header().Set("Tidemark-Offset", strconv.FormatInt(w.First, 10))
		to.Header().Set("Tidemark-Rows", strconv.FormatInt(w.Rows, 10))
		return writeWindow(to, w, in.Accept)
	}, nil
}

// writeWindow writes rows as the client wants them: Arrow if it does not say.
func writeWindow(to http.ResponseWriter, w *spool.Window, accept string) error {
	if wants(accept, typeJSON) {
		to.Header().Set("Content-Type", typeJSON)
		return w.WriteJSON(to)
	}
	to.Header().Set("Content-Type", typeArrow)
	buffered := newChunked(to)
	if err := w.WriteArrow(buffered); err != nil {
		return err
	}
	return buffered.Flush()
}

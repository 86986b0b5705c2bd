package server

import (
	"context"
	"crypto/rand"
	"database/sql"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
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

// query is one that runs or whose result is kept.
type query struct {
	id, sql string
	args    []any
	limit   int64
	spool   *spool.Spool
	cancel  context.CancelFunc
	over    chan struct{} // closed when nothing fills the spool any more
	uses    uses
	used    time.Time // guarded by queries.mu
}

// queries are those of one server.
type queries struct {
	bench  *workbench.Workbench
	ctx    context.Context
	events *events
	budget spool.Budget
	slots  chan struct{}
	// resting waits until nothing has run for a while.
	resting *time.Timer

	mu      sync.Mutex
	kept    map[string]*query
	waiting int
	closed  bool
	all     sync.WaitGroup
}

func newQueries(ctx context.Context, b *workbench.Workbench, e *events) *queries {
	q := &queries{
		bench: b, ctx: ctx, events: e, budget: spool.Budget{Limit: spoolShared},
		slots: make(chan struct{}, maxRunning), kept: map[string]*query{},
	}
	q.resting = time.AfterFunc(restAfter, q.rest)
	return q
}

// enter waits for the turn of a query. The function it gives ends that.
func (q *queries) enter(ctx context.Context) (leave func(), err error) {
	select {
	case q.slots <- struct{}{}:
		return q.leave, nil
	default:
	}
	q.mu.Lock()
	if q.waiting >= maxWaiting {
		q.mu.Unlock()
		return nil, engine.Errorf(engine.Unavailable, "query", "%d queries run and %d wait", maxRunning, maxWaiting).
			WithHint("wait for one to end, or cancel one")
	}
	q.waiting++
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		q.waiting--
		q.mu.Unlock()
	}()
	select {
	case q.slots <- struct{}{}:
		return q.leave, nil
	case <-ctx.Done():
		return nil, canceled("query")
	}
}

// inTurn makes a handler that asks the database wait for its turn, like a
// query.
func inTurn[I, O any](s *Server, fn func(context.Context, *I) (O, error)) func(context.Context, *I) (O, error) {
	return func(ctx context.Context, in *I) (out O, err error) {
		leave, err := s.queries.enter(ctx)
		if err != nil {
			return out, err
		}
		defer leave()
		return fn(ctx, in)
	}
}

// start runs a query; the context ends what waits for its turn and then is no
// longer looked at.
func (q *queries) start(ctx context.Context, in QueryInput, most int64) (*query, error) {
	if in.Limit <= 0 || in.Limit > most {
		in.Limit = most
	}
	args, err := arguments(in.Params)
	if err != nil {
		return nil, err
	}
	leave, err := q.enter(ctx)
	if err != nil {
		return nil, err
	}
	r := &query{id: rand.Text(), sql: in.SQL, args: args, limit: in.Limit, over: make(chan struct{}), used: time.Now()}
	r.spool = spool.New(spool.Options{
		Rows: in.Limit, Bytes: maxBytes, Memory: spoolMemory, Shared: &q.budget, Dir: q.bench.Workspace.TempDir(),
	})
	var run context.Context
	run, r.cancel = context.WithCancel(q.ctx)
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		leave()
		r.cancel()
		return nil, canceled("query")
	}
	q.all.Add(1)
	q.mu.Unlock()
	go func() {
		defer q.all.Done()
		defer close(r.over)
		defer leave()
		defer r.cancel()
		r.spool.Run(run, func(ctx context.Context, sink store.Sink) error {
			return q.bench.Stream(workbench.WithUse(ctx, r.uses.add), r.sql, r.args, 0, sink)
		})
	}()
	return r, nil
}

// create runs a query and keeps its result. It answers when the first rows
// are there.
func (q *queries) create(ctx context.Context, in QueryInput) (QueryState, error) {
	r, err := q.start(ctx, in, maxRows)
	if err != nil {
		return QueryState{}, err
	}
	st := r.spool.Wait(ctx, func(st spool.Status) bool { return st.Rows > 0 })
	if err := outcome(st.Err, ctx); err != nil {
		q.free(r)
		return QueryState{}, err
	}
	if !st.Over() {
		// Most results are small: they are whole a moment later.
		moment, cancel := context.WithTimeout(ctx, 15*time.Millisecond)
		st = r.spool.Wait(moment, func(spool.Status) bool { return false })
		cancel()
	}
	if err := outcome(st.Err, ctx); err != nil {
		q.free(r)
		return QueryState{}, err
	}
	q.keep(r)
	if !st.Over() {
		go q.follow(r)
	}
	return r.state(st), nil
}

// outcome is the failure of a query, or of the one who waited for it.
func outcome(err error, ctx context.Context) error {
	if err == nil && ctx.Err() != nil {
		return canceled("query")
	}
	return err
}

// follow tells the event streams how far a query is, until it is over.
func (q *queries) follow(r *query) {
	var last int64
	for {
		st := r.spool.Wait(q.ctx, func(st spool.Status) bool { return st.Rows > last })
		q.events.publish("query:"+r.id, QueryEvent{Type: "query", ID: r.id, Rows: st.Rows, State: st.State})
		if st.Over() || q.ctx.Err() != nil {
			return
		}
		last = st.Rows
		select {
		case <-r.over:
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// keep takes a result in, and frees the one that was least recently used when
// there are too many.
func (q *queries) keep(r *query) {
	q.mu.Lock()
	q.kept[r.id] = r
	var oldest *query
	if len(q.kept) > maxResults {
		for _, o := range q.kept {
			if o != r && (oldest == nil || o.used.Before(oldest.used)) {
				oldest = o
			}
		}
		delete(q.kept, oldest.id)
	}
	q.mu.Unlock()
	if oldest != nil {
		q.free(oldest)
	}
}

// free ends a query and gives its memory back, in its own time.
func (q *queries) free(r *query) {
	r.cancel()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed { // close does it
		return
	}
	q.all.Add(1)
	go func() {
		defer q.all.Done()
		<-r.over
		_ = r.spool.Close() // a file that stays is removed when the workspace is opened
	}()
}

func (q *queries) remove(id string) {
	q.mu.Lock()
	r := q.kept[id]
	delete(q.kept, id)
	q.mu.Unlock()
	if r != nil {
		q.free(r)
	}
}

func (q *queries) find(id string) (*query, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	r := q.kept[id]
	if r == nil {
		return nil, engine.Errorf(engine.NotFound, "query", "this result is no longer kept").WithHint("run it again")
	}
	r.used = time.Now()
	return r, nil
}

// sweep frees the results that nobody has looked at for a while.
func (q *queries) sweep(before time.Time) {
	q.mu.Lock()
	var old []*query
	for id, r := range q.kept {
		if r.used.Before(before) {
			old = append(old, r)
			delete(q.kept, id)
		}
	}
	q.mu.Unlock()
	for _, r := range old {
		q.free(r)
	}
}

// load counts the queries that run and that wait.
func (q *queries) load() (running, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.slots), q.waiting
}

// close ends every query; the context has ended.
func (q *queries) close() {
	q.resting.Stop()
	q.mu.Lock()
	q.closed = true
	kept := q.kept
	q.kept = map[string]*query{}
	q.mu.Unlock()
	for _, r := range kept {
		r.cancel()
	}
	q.all.Wait()
	for _, r := range kept {
		_ = r.spool.Close()
	}
}

func (r *query) state(st spool.Status) QueryState {
	out := QueryState{
		ID: r.id, State: st.State, Columns: columnsOf(st.Columns), Rows: st.Rows, Complete: st.Over(),
		Truncated: st.Truncated, Limit: r.limit, Seconds: st.Seconds, Bytes: st.Bytes, Attached: r.uses.list(),
	}
	if st.Err != nil {
		out.Error = &problems(st.Err)[0]
	}
	return out
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

// maxExact is the largest whole number that JSON readers keep exactly.
const maxExact = 1 << 53

// arguments are the values of $names. A whole number is bound as one.
func arguments(params map[string]any) ([]any, error) {
	var out []any
	names := make([]string, 0, len(params))
	for name := range params {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		v := params[name]
		switch x := v.(type) {
		case nil, string, bool, int64, time.Time:
		case float64:
			if x == math.Trunc(x) && math.Abs(x) <= maxExact {
				v = int64(x)
			}
		default:
			return nil, engine.Errorf(engine.Invalid, "query", "the value of $%s is neither text, number, boolean nor null", name)
		}
		out = append(out, sql.Named(name, v))
	}
	return out, nil
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

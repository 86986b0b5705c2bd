package server

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
	"tidemark.dev/tidemark/engine/store/spool"
)

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

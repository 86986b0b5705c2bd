package server

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
)

// Tail is a tail that runs in the server, or how the last one of a source
// ended.
type Tail struct {
	workbench.TailState
	State   string     `json:"state" enum:"running,paused,done,stopped,failed" doc:"done: the source has ended."`
	EndedAt *time.Time `json:"ended_at"`
	Error   *Problem   `json:"error,omitempty"`
}

// TailEvent says how a tail stands.
type TailEvent struct {
	Type string `json:"type" enum:"tail"`
	Tail
}

// TailInput says what to tail.
type TailInput struct {
	Sources []string  `json:"sources,omitempty" doc:"None means every kinesis and replay source."`
	From    time.Time `json:"from,omitzero" doc:"Where replays begin; without it, where they ended the last time."`
}

type tailInput struct {
	Source string `path:"source"`
}

func (s *Server) tailsAPI() {
	handle(s, "GET", "/tails", "listTails", "Tails that run, and how the last one of each source ended", func(context.Context, *struct{}) ([]Tail, error) {
		return s.tails.list(), nil
	})
	handle(s, "POST", "/tails", "startTail", "Begin to tail; it goes on until it is stopped", func(_ context.Context, in *struct{ Body TailInput }) ([]Tail, error) {
		return s.tails.start(in.Body)
	})
	handle(s, "DELETE", "/tails/{source}", "stopTail", "End a tail; what it has stored stays, and the next one goes on from there", func(_ context.Context, in *tailInput) (Tail, error) {
		return s.tails.stop(in.Source)
	})
	handle(s, "POST", "/tails/{source}/pause", "pauseTail", "Let a tail wait", func(_ context.Context, in *tailInput) (Tail, error) {
		return s.tails.pause(in.Source, true)
	})
	handle(s, "POST", "/tails/{source}/resume", "resumeTail", "Let a tail go on", func(_ context.Context, in *tailInput) (Tail, error) {
		return s.tails.pause(in.Source, false)
	})
	handle(s, "POST", "/tails/{source}/control", "controlTail", "Change how a replay is played", func(_ context.Context, in *struct {
		Source string `path:"source"`
		Body   workbench.Control
	},
	) (Tail, error) {
		if err := s.bench.ControlTail(in.Source, in.Body); err != nil {
			return Tail{}, err
		}
		return s.tails.refresh(in.Source)
	})
}

// tails are those that this server runs, one goroutine each: what ends one
// leaves the others alone.
type tails struct {
	bench  *workbench.Workbench
	ctx    context.Context
	events *events

	mu  sync.Mutex
	all map[string]*tail
	run sync.WaitGroup
}

type tail struct {
	kind    string // of its source
	state   Tail
	stopped bool
	cancel  context.CancelFunc
	ended   chan struct{}
	told    []byte // the event that was published last

	holding sync.Mutex
	held    bool // somebody paused it
}

func (ts *tails) start(in TailInput) ([]Tail, error) {
	sources, err := ts.bench.TailSources(in.Sources)
	if err != nil {
		return nil, err
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.ctx.Err() != nil {
		return nil, canceled("tail")
	}
	for _, c := range sources {
		if t := ts.all[c.Name]; t != nil && t.state.EndedAt == nil {
			return nil, engine.Errorf(engine.Conflict, "tail "+c.Name, "it is being tailed already").WithHint("stop it first")
		}
	}
	out := []Tail{}
	for _, c := range sources {
		out = append(out, ts.begin(c, in.From))
	}
	return out, nil
}

// begin starts one tail; the lock is held.
func (ts *tails) begin(c workspace.Source, from time.Time) Tail {
	ctx, cancel := context.WithCancel(ts.ctx)
	one := &tail{kind: c.Type, cancel: cancel, ended: make(chan struct{})}
	one.state.State = "running"
	one.state.TailState = workbench.TailState{Source: c.Name, Kind: c.Type, Dataset: c.Dataset, Started: time.Now().UTC(), Shards: []engine.ShardState{}}
	ts.all[c.Name] = one
	ts.tell(one)
	if c.Type != "replay" {
		from = time.Time{} // a stream has one place to go on from
	}
	opt := workbench.TailOptions{Sources: []string{c.Name}, From: from, Report: func(now workbench.TailState) { ts.report(one, now) }}
	ts.run.Go(func() {
		defer close(one.ended)
		defer cancel()
		_, err := ts.bench.Tail(ctx, opt)
		ts.over(one, err)
	})
	return one.state
}

func (ts *tails) report(one *tail, now workbench.TailState) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if one.state.EndedAt != nil {
		return
	}
	one.state.TailState = now
	one.state.State = "running"
	if now.Paused {
		one.state.State = "paused"
	}
	ts.tell(one)
}

// tell publishes how a tail stands, if that is news; the lock is held.
func (ts *tails) tell(one *tail) {
	line, err := json.Marshal(one.state)
	if err != nil || bytes.Equal(line, one.told) {
		return // a year that JSON cannot say is told by the next state
	}
	one.told = line
	ts.events.publish("tail:"+one.state.Source, TailEvent{"tail", one.state})
}

func (ts *tails) over(one *tail, err error) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	now := time.Now().UTC()
	s := &one.state
	s.EndedAt = &now
	switch {
	case err != nil && engine.KindOf(err) != engine.Canceled:
		s.State, s.Error = "failed", &problems(err)[0]
	case one.stopped || ts.ctx.Err() != nil:
		s.State = "stopped"
	default:
		s.State = "done"
	}
	ts.tell(one)
}

func (ts *tails) list() []Tail {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	out := []Tail{}
	for _, t := range ts.all {
		out = append(out, t.state)
	}
	slices.SortFunc(out, func(a, b Tail) int { return bytes.Compare([]byte(a.Source), []byte(b.Source)) })
	return out
}

// running finds the tail of a source that has not ended.
func (ts *tails) running(source string) (*tail, error) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t := ts.all[source]; t != nil && t.state.EndedAt == nil {
		return t, nil
	}
	return nil, engine.Errorf(engine.NotFound, "tail "+source, "it is not being tailed").WithHint("start the tail first")
}

// stop ends a tail and waits until all that it took in is stored.
func (ts *tails) stop(source string) (Tail, error) {
	t, err := ts.running(source)
	if err != nil {
		return Tail{}, err
	}
	ts.mu.Lock()
	t.stopped = true
	ts.mu.Unlock()
	t.cancel()
	<-t.ended
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return t.state, nil
}

// pause lets a tail wait or go on; twice is once.
func (ts *tails) pause(source string, hold bool) (Tail, error) {
	t, err := ts.running(source)
	if err != nil {
		return Tail{}, err
	}
	t.holding.Lock()
	defer t.holding.Unlock()
	switch {
	case t.kind == "replay":
		// Its time stands still, so that it can be stepped.
		err = ts.bench.ControlTail(source, workbench.Control{Paused: &hold})
	case t.held == hold:
	case hold:
		err = ts.bench.PauseTail(source)
	default:
		err = ts.bench.ResumeTail(source)
	}
	if err != nil {
		return Tail{}, err
	}
	t.held = hold
	return ts.refresh(source)
}

// refresh takes how a tail stands right now.
func (ts *tails) refresh(source string) (Tail, error) {
	t, err := ts.running(source)
	if err != nil {
		return Tail{}, err
	}
	for _, now := range ts.bench.Tails() {
		if now.Source == source {
			ts.report(t, now)
		}
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return t.state, nil
}

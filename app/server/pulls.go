package server

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
)

// PullState is how far a pull is.
type PullState struct {
	ID           string                `json:"id"`
	State        string                `json:"state" enum:"running,done,failed,canceled"`
	Sources      []string              `json:"sources" doc:"Those that were named; none means every s3 and file source."`
	Source       string                `json:"source" doc:"The one that is being pulled."`
	Objects      int64                 `json:"objects"`
	ObjectsTotal int64                 `json:"objects_total"`
	Bytes        int64                 `json:"bytes"`
	BytesTotal   int64                 `json:"bytes_total"`
	Records      int64                 `json:"records"`
	Quarantined  int64                 `json:"quarantined"`
	Failed       int64                 `json:"failed"`
	StartedAt    time.Time             `json:"started_at"`
	Seconds      float64               `json:"seconds"`
	ETASeconds   *float64              `json:"eta_seconds"`
	Result       *workbench.PullResult `json:"result,omitempty"`
	Error        *Problem              `json:"error,omitempty"`
}

// PullInput says what to pull.
type PullInput struct {
	Sources []string  `json:"sources,omitempty" doc:"None means every s3 and file source."`
	From    time.Time `json:"from,omitzero" doc:"Only objects that may hold events from this time on."`
	To      time.Time `json:"to,omitzero" doc:"Only objects that may hold events before this time."`
	Again   bool      `json:"again,omitempty" doc:"Pull objects that were pulled before anew."`
}

func (in PullInput) options() workbench.PullOptions {
	return workbench.PullOptions{Sources: in.Sources, From: in.From, To: in.To, Again: in.Again}
}

func (s *Server) pullsAPI() {
	handle(s, "POST", "/pulls", "startPull", "Begin to pull", func(_ context.Context, in *struct{ Body PullInput }) (PullState, error) {
		return s.pulls.start(in.Body)
	})
	handle(s, "POST", "/pulls/dry-run", "dryRun", "What a pull would fetch", func(ctx context.Context, in *struct{ Body PullInput }) (workbench.DryRun, error) {
		return s.bench.DryRun(ctx, in.Body.options())
	})
	handle(s, "POST", "/pulls/verify", "verifyPulls", "Compare the store, the ledger and the rows", func(ctx context.Context, in *struct {
		Body struct {
			Sources []string `json:"sources,omitempty" doc:"None means every s3 and file source."`
		}
	},
	) (workbench.Verified, error) {
		return s.bench.Verify(ctx, in.Body.Sources)
	})
	handle(s, "GET", "/pulls", "listPulls", "Pulls of this server, the newest first", func(context.Context, *struct{}) ([]PullState, error) {
		return s.pulls.list(), nil
	})
	handle(s, "DELETE", "/pulls/{id}", "cancelPull", "End a pull; what it has stored stays", func(_ context.Context, in *struct {
		ID string `path:"id"`
	},
	) (PullState, error) {
		return s.pulls.cancel(in.ID)
	})
}

// maxPulls is how many pulls are remembered.
const maxPulls = 50

// pulls are those of one server.
type pulls struct {
	bench  *workbench.Workbench
	ctx    context.Context
	events *events

	mu  sync.Mutex
	all []*pull // the newest first
	run sync.WaitGroup
}

type pull struct {
	state  PullState
	cancel context.CancelFunc
}

// start begins a pull; pulls of one workspace run one after the other.
func (p *pulls) start(in PullInput) (PullState, error) {
	if err := p.bench.CheckPull(in.Sources); err != nil {
		return PullState{}, err
	}
	ctx, cancel := context.WithCancel(p.ctx)
	one := &pull{cancel: cancel, state: PullState{ID: rand.Text(), State: "running", Sources: append([]string{}, in.Sources...), StartedAt: time.Now().UTC()}}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		cancel()
		return PullState{}, canceled("pull")
	}
	p.all = slices.Insert(p.all, 0, one)
	for i := len(p.all) - 1; i >= maxPulls; i-- {
		if p.all[i].state.State != "running" {
			p.all = slices.Delete(p.all, i, i+1)
		}
	}
	p.tell(one) // it can be ended from now on
	opt := in.options()
	opt.Report = func(now workbench.Progress) { p.report(one, now) }
	p.run.Go(func() {
		defer cancel()
		result, err := p.bench.Pull(ctx, opt)
		p.ended(one, result, err)
	})
	return one.state, nil
}

func (p *pulls) report(one *pull, now workbench.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &one.state
	s.Source, s.ObjectsTotal, s.BytesTotal = now.Source, now.ObjectsTotal, now.BytesTotal
	s.Objects, s.Bytes, s.Records = now.Counts.Objects, now.Counts.Bytes, now.Counts.Records
	s.Quarantined, s.Failed = now.Counts.Quarantined, now.Counts.Failed
	s.Seconds = time.Since(s.StartedAt).Seconds()
	s.ETASeconds = nil
	if s.Bytes > 0 && s.BytesTotal >= s.Bytes {
		left := s.Seconds * float64(s.BytesTotal-s.Bytes) / float64(s.Bytes)
		s.ETASeconds = &left
	}
	p.tell(one)
}

// tell publishes a pull; the lock is held.
func (p *pulls) tell(one *pull) {
	p.events.publish("pull:"+one.state.ID, PullEvent{"pull", one.state})
}

func (p *pulls) ended(one *pull, r workbench.PullResult, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &one.state
	s.State, s.Result, s.ETASeconds, s.Seconds = "done", &r, nil, time.Since(s.StartedAt).Seconds()
	s.Objects, s.Bytes, s.Records, s.Quarantined, s.Failed = r.Objects, r.Bytes, r.Records, r.Quarantined, r.Failed
	switch {
	case engine.KindOf(err) == engine.Canceled:
		s.State = "canceled"
	case err == nil && r.Failed > 0:
		err = engine.Errorf(engine.Unavailable, "pull", "%d objects could not be reached: %s", r.Failed, r.Failures[0]).
			WithHint("pull again: what is stored is passed over")
		fallthrough
	case err != nil:
		s.State = "failed"
		s.Error = &problems(err)[0]
	}
	p.tell(one)
}

func (p *pulls) list() []PullState {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]PullState, len(p.all))
	for i, one := range p.all {
		out[i] = one.state
		if out[i].State == "running" {
			out[i].Seconds = time.Since(out[i].StartedAt).Seconds()
		}
	}
	return out
}

func (p *pulls) cancel(id string) (PullState, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.all {
		if one.state.ID == id {
			one.cancel()
			return one.state, nil
		}
	}
	return PullState{}, engine.Errorf(engine.NotFound, "end a pull", "there is no such pull")
}

func (p *pulls) running() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, one := range p.all {
		if one.state.State == "running" {
			n++
		}
	}
	return n
}

package workbench

import (
	"context"
	"slices"
	"sync"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/engine/source/replay"
)

// TailState is a tail that runs.
type TailState struct {
	Source    string              `json:"source"`
	Kind      string              `json:"kind"` // kinesis or replay
	Dataset   string              `json:"dataset"`
	Started   time.Time           `json:"started"`
	Paused    bool                `json:"paused"`
	Counts    pipeline.Counts     `json:"counts"`
	Watermark time.Time           `json:"watermark"`
	Shards    []engine.ShardState `json:"shards"`
	// Play is how a replay is played; nil for other sources.
	Play *replay.Play `json:"play"`
}

// tails are those that run, by source.
type tails struct {
	mu      sync.Mutex
	running map[string]*tailing
}

// begin waits until nobody holds the tail, and gives the context of its work.
func (t *tailing) begin(ctx context.Context) (context.Context, error) {
	for {
		t.mu.Lock()
		if t.hold == 0 {
			work, stop := context.WithCancel(ctx)
			t.stop, t.idle = stop, make(chan struct{})
			t.last = time.Now()
			t.mu.Unlock()
			return work, nil
		}
		released := t.release
		t.mu.Unlock()
		select {
		case <-released:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// end says that the tail is not at work.
func (t *tailing) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stop()
	t.stop = nil
	close(t.idle)
	t.base, t.counts = t.base.Add(t.counts), pipeline.Counts{}
}

// pause stops the tail, if it is at work, and keeps it from going on until
// resume is called as often.
func (t *tailing) pause() {
	t.mu.Lock()
	if t.hold == 0 {
		t.release = make(chan struct{})
	}
	t.hold++
	if t.stop != nil {
		t.stop()
	}
	idle := t.idle
	t.mu.Unlock()
	<-idle
}

func (t *tailing) resume() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.hold--; t.hold == 0 {
		close(t.release)
	}
}

func (t *tailing) state() TailState {
	t.mu.Lock()
	defer t.mu.Unlock()
	st := TailState{
		Source: t.source.Name, Kind: t.source.Type, Dataset: t.dataset.Name, Started: t.started, Paused: t.hold > 0,
		Counts: t.base.Add(t.counts), Watermark: t.watermark, Shards: t.stream.Shards(),
	}
	if r, ok := t.stream.(*replay.Source); ok {
		play := r.Play()
		st.Play, st.Paused = &play, st.Paused || play.Paused
	}
	return st
}

func (ts *tails) add(t *tailing) error {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.running[t.source.Name] != nil {
		return engine.Errorf(engine.Conflict, "tail "+t.source.Name, "it is being tailed already").
			WithHint("stop the other tail first")
	}
	for _, other := range ts.running {
		if other.dataset.Name == t.dataset.Name {
			return engine.Errorf(engine.Conflict, "tail "+t.source.Name, "source %s is being tailed into dataset %s", other.source.Name, t.dataset.Name).
				WithHint("give each stream a dataset of its own; all_events has all of them")
		}
	}
	if ts.running == nil {
		ts.running = map[string]*tailing{}
	}
	ts.running[t.source.Name] = t
	return nil
}

func (ts *tails) remove(t *tailing) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	delete(ts.running, t.source.Name)
}

func (ts *tails) list() (all []*tailing) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, t := range ts.running {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *tailing) int {
		if a.source.Name < b.source.Name {
			return -1
		}
		return 1
	})
	return all
}

// Tails lists the tails that run.
func (b *Workbench) Tails() []TailState {
	out := []TailState{}
	for _, t := range b.tails.list() {
		out = append(out, t.state())
	}
	return out
}

// holdTails stops the tails into some datasets until the function it gives is
// called.
func (b *Workbench) holdTails(datasets ...string) (release func()) {
	var held []*tailing
	for _, t := range b.tails.list() {
		if slices.Contains(datasets, t.dataset.Name) {
			t.pause()
			held = append(held, t)
		}
	}
	return func() {
		for _, t := range held {
			t.resume()
		}
	}
}

// PauseTail stops a tail until ResumeTail; its source waits, and goes on
// where it was.
func (b *Workbench) PauseTail(source string) error { return b.withTail(source, (*tailing).pause) }

// ResumeTail lets a paused tail go on.
func (b *Workbench) ResumeTail(source string) error { return b.withTail(source, (*tailing).resume) }

func (b *Workbench) withTail(source string, do func(*tailing)) error {
	for _, t := range b.tails.list() {
		if t.source.Name == source {
			do(t)
			return nil
		}
	}
	return notTailed(source)
}

func notTailed(source string) error {
	return engine.Errorf(engine.NotFound, "tail "+source, "it is not being tailed").WithHint("start the tail first")
}

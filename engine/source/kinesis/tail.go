package kinesis

import (
	"context"
	"errors"
	"time"

	"tidemark.dev/tidemark/engine"
)

const (
	// relist is how often new shards are looked for while nothing hints at
	// them.
	relist = 30 * time.Second
	// attempts is how often a tail tries to reach the stream before it says
	// that it cannot begin.
	attempts = 4
)

// errGone says that the stream being read is not there any more.
var errGone = errors.New("the stream is gone")

// Sink takes what a tail reads.
type Sink = func(context.Context, engine.Arrivals) error

// Tail implements engine.Stream. It ends with ctx, with an error of sink, or
// when the stream cannot be reached at the start. A stream that is deleted is
// waited for; made again, it is read from its beginning.
func (s *Source) Tail(ctx context.Context, from []engine.Checkpoint, sink Sink) error {
	err := s.tail(ctx, from, sink)
	if ctx.Err() != nil { // whatever that looked like to those who were at work
		return engine.Errorf(engine.Canceled, "", "%w", ctx.Err())
	}
	return err
}

func (s *Source) tail(ctx context.Context, from []engine.Checkpoint, sink Sink) error {
	id, err := s.reach(ctx)
	if err != nil {
		return err
	}
	for {
		t := &tail{Source: s, id: id, sink: sink, shards: map[string]*shardRun{}}
		err := t.run(ctx, from)
		if !errors.Is(err, errGone) {
			return err
		}
		s.forget()
		// What is known of the stream now belongs to an earlier one.
		from = append(from, engine.Checkpoint{Source: s.config.Name, Stream: id.arn, Created: id.created})
		if id, err = s.await(ctx); err != nil {
			return err
		}
	}
}

// reach describes the stream, and gives up soon: at the start somebody is
// looking.
func (s *Source) reach(ctx context.Context) (identity, error) {
	p := pace{config: s.config}
	for n := 1; ; n++ {
		id, err := s.describe(ctx)
		if err == nil {
			return id, nil
		}
		if d := diagnose(err); n == attempts || d != passing && d != throttled {
			return id, s.config.explain("open", err)
		}
		p.failed(false)
		if err := p.wait(ctx); err != nil {
			return id, err
		}
	}
}

// await waits for a stream that was deleted.
func (s *Source) await(ctx context.Context) (identity, error) {
	for {
		s.note("stream", func(st *engine.ShardState) {
			st.State, st.Why = "waiting", "the stream was deleted; it is looked for again"
		})
		id, err := s.describe(ctx)
		if err == nil {
			s.forget()
			return id, nil
		}
		if err := s.config.Wait(ctx, maxPause); err != nil {
			return id, err
		}
	}
}

// tail is the reading of one incarnation of the stream.
type tail struct {
	*Source
	id     identity
	sink   Sink
	shards map[string]*shardRun
	known  []string // ids in the order of the listing
	events chan event
}

// shardRun is a shard and how far it is.
type shardRun struct {
	shardInfo
	// at and gap belong to the reader while one runs.
	at  engine.Checkpoint
	gap *engine.Gap
	// running and finished belong to the tail.
	running, finished bool
}

// event is what a reader ended with.
type event struct {
	shard string
	err   error
}

func (t *tail) run(ctx context.Context, from []engine.Checkpoint) error {
	ctx, cancel := context.WithCancel(ctx)
	t.events = make(chan event)
	running := 0
	defer func() {
		cancel()
		for ; running > 0; running-- {
			<-t.events
		}
	}()
	if err := t.begin(ctx, from); err != nil {
		return err
	}
	look := t.later(ctx, relist)
	for {
		running += t.startReady(ctx)
		select {
		case <-ctx.Done():
			return engine.Errorf(engine.Canceled, "", "%w", ctx.Err())
		case e := <-t.events:
			running--
			if err := t.ended(ctx, e); err != nil {
				return err
			}
		case <-look:
			look = t.later(ctx, relist)
			if err := t.discover(ctx); err != nil {
				return err
			}
		}
	}
}

// later tells when a time has passed.
func (t *tail) later(ctx context.Context, d time.Duration) <-chan struct{} {
	c := make(chan struct{}, 1)
	go func() {
		if t.config.Wait(ctx, d) == nil {
			c <- struct{}{}
		}
	}()
	return c
}

// startReady begins to read the shards whose parents are read to their ends.
func (t *tail) startReady(ctx context.Context) (started int) {
	for _, id := range t.known {
		run := t.shards[id]
		if run.running || run.finished {
			continue
		}
		if parent, wait := t.waitsFor(run); wait {
			t.note(id, func(st *engine.ShardState) { st.State, st.Why = "waiting", "its parent "+parent+" is being read" })
			continue
		}
		run.running = true
		started++
		t.note(id, func(st *engine.ShardState) { st.State, st.Why = "reading", "" })
		go func() {
			err := t.read(ctx, run)
			t.events <- event{id, err}
		}()
	}
	return started
}

// waitsFor finds a parent that is not read to its end. A parent that is not
// listed is older than the stream's memory.
func (t *tail) waitsFor(run *shardRun) (parent string, wait bool) {
	for _, p := range run.parents {
		if r := t.shards[p]; r != nil && !r.finished {
			return p, true
		}
	}
	return "", false
}

// ended takes in how a reader ended.
func (t *tail) ended(ctx context.Context, e event) error {
	run := t.shards[e.shard]
	run.running = false
	switch {
	case e.err == nil:
		run.finished = true
		t.note(e.shard, func(st *engine.ShardState) { st.State, st.Why, st.Behind = "finished", "", 0 })
		return t.discover(ctx)
	case errors.As(e.err, new(*refusedError)):
		run.running = true // and stays so: asking again will not help
		t.note(e.shard, func(st *engine.ShardState) { st.State, st.Why = "failed", e.err.Error() })
		return nil
	}
	return e.err
}

// begin finds the shards and where each is to be read from.
func (t *tail) begin(ctx context.Context, from []engine.Checkpoint) error {
	at, earlier := t.mine(from)
	shards, err := t.listed(ctx)
	if err != nil {
		return err
	}
	switch {
	case len(at) > 0:
		return t.resume(ctx, shards, at)
	case earlier != nil:
		return t.anew(ctx, shards, earlier)
	}
	return t.first(ctx, shards)
}

// mine picks the checkpoints of this incarnation of the stream, and one of an
// earlier one.
func (t *tail) mine(from []engine.Checkpoint) (at map[string]engine.Checkpoint, earlier *engine.Checkpoint) {
	at = map[string]engine.Checkpoint{}
	for _, c := range from {
		switch {
		case c.Stream != t.id.arn:
		case c.Created.Equal(t.id.created):
			at[c.Shard] = c
		case earlier == nil || c.Arrival.After(earlier.Arrival):
			earlier = &c
		}
	}
	return at, earlier
}

// first begins a tail that has no checkpoints. What it leaves out is written
// down as ended: all that a later listing has besides is new.
func (t *tail) first(ctx context.Context, shards []shardInfo) error {
	chosen, err := t.chosen(ctx)
	if err != nil {
		return t.config.explain("list the shards of", err)
	}
	var since time.Time
	switch t.config.Start.kind {
	case "latest":
		since = t.id.asked
	case "at":
		since = t.config.Start.at
	}
	reads := map[string]bool{}
	for _, sh := range shards {
		reads[sh.id] = chosen(sh.id)
	}
	for _, sh := range shards {
		cp := t.checkpoint(sh.id)
		cp.Ended = !reads[sh.id]
		if !hasAny(sh.parents, reads) {
			cp.Since = since
		}
		if err := t.add(ctx, sh, cp, nil); err != nil {
			return err
		}
	}
	return nil
}

func hasAny(ids []string, set map[string]bool) bool {
	for _, id := range ids {
		if set[id] {
			return true
		}
	}
	return false
}

// anew begins with a stream that was made again: all of it is new.
func (t *tail) anew(ctx context.Context, shards []shardInfo, earlier *engine.Checkpoint) error {
	gap := &engine.Gap{From: earlier.Arrival, To: t.id.created, Reason: "the stream was deleted and made again"}
	for _, sh := range shards {
		if err := t.add(ctx, sh, t.checkpoint(sh.id), gap); err != nil {
			return err
		}
		gap = nil // once is enough
	}
	return nil
}

// resume goes on from checkpoints. Shards without one are new; shards with an
// open one that are not listed are lost.
func (t *tail) resume(ctx context.Context, shards []shardInfo, at map[string]engine.Checkpoint) error {
	for _, sh := range shards {
		cp, known := at[sh.id]
		delete(at, sh.id)
		if known {
			t.adopt(sh, cp)
			continue
		}
		if err := t.add(ctx, sh, t.checkpoint(sh.id), nil); err != nil {
			return err
		}
	}
	for _, lost := range at {
		if lost.Ended {
			continue
		}
		lost.Ended = true
		gap := &engine.Gap{From: lost.Arrival, Reason: "the shard expired before it was read to its end"}
		if err := t.sink(ctx, engine.Arrivals{Checkpoint: lost, Gap: gap}); err != nil {
			return err
		}
	}
	return nil
}

// discover adds shards that are new since the last listing.
func (t *tail) discover(ctx context.Context) error {
	shards, err := t.listed(ctx)
	if err != nil {
		return err
	}
	for _, sh := range shards {
		if t.shards[sh.id] != nil {
			continue
		}
		if err := t.add(ctx, sh, t.checkpoint(sh.id), nil); err != nil {
			return err
		}
	}
	return nil
}

// listed lists until it works. A stream of another creation is another stream.
func (t *tail) listed(ctx context.Context) ([]shardInfo, error) {
	p := pace{config: t.config}
	for {
		now, err := t.describe(ctx)
		if err == nil && !now.created.Equal(t.id.created) {
			return nil, errGone
		}
		var shards []shardInfo
		if err == nil {
			shards, err = t.list(ctx, nil)
		}
		if err == nil {
			return shards, nil
		}
		switch diagnose(err) {
		case gone:
			return nil, errGone
		case canceled, refused:
			return nil, t.config.explain("list the shards of", err)
		}
		p.failed(false)
		if err := p.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// add makes a shard known, and its checkpoint too.
func (t *tail) add(ctx context.Context, sh shardInfo, cp engine.Checkpoint, gap *engine.Gap) error {
	t.adopt(sh, cp)
	return t.sink(ctx, engine.Arrivals{Checkpoint: cp, Gap: gap})
}

func (t *tail) adopt(sh shardInfo, cp engine.Checkpoint) {
	t.shards[sh.id] = &shardRun{shardInfo: sh, at: cp, finished: cp.Ended}
	t.known = append(t.known, sh.id)
	state := "waiting"
	if cp.Ended {
		state = "finished"
	}
	t.note(sh.id, func(st *engine.ShardState) {
		st.State, st.LastArrival, st.SequenceAfter = state, cp.Arrival, cp.Sequence
	})
}

func (t *tail) checkpoint(shard string) engine.Checkpoint {
	return engine.Checkpoint{Source: t.config.Name, Stream: t.id.arn, Created: t.id.created, Shard: shard}
}

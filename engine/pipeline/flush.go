package pipeline

import (
	"context"
	"maps"
	"sync"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/schema"
)

// flush hands the batch to the committer and starts a new one.
func (p *puller) flush(ctx context.Context) error {
	if p.batch == nil {
		return nil
	}
	next := pending{}
	for _, lane := range p.lanes() {
		b := lane.batch
		if b == nil {
			continue
		}
		out, err := lane.pack(ctx)
		if err != nil {
			next.free()
			return err
		}
		next.batches, next.staged = append(next.batches, out), append(next.staged, b)
	}
	if err := p.commits.send(next); err != nil {
		next.free()
		return err
	}
	p.report()
	return nil
}

// pack closes the batch.
func (p *puller) pack(ctx context.Context) (engine.Batch, error) {
	b := p.batch
	if err := p.settleTypes(ctx, b); err != nil {
		return engine.Batch{}, err
	}
	if err := b.write(); err != nil {
		return engine.Batch{}, err
	}
	out := engine.Batch{
		Dataset: p.opt.Dataset, Ledger: p.opt.Ledger, Rows: b.rows, Longest: b.longest, Blocks: b.runs, Tables: b.tables, Origins: b.origins,
		Ingest: p.opt.Clock.Now(), LateBefore: p.opt.Watermark, ArrivalIsTime: len(p.opt.Mapping.EventTime) == 0,
		Dedup: p.opt.Dedup, Key: p.opt.RowKey, Deleted: p.opt.Deleted, Replace: b.replace, Quarantine: b.held, Released: b.released, Objects: b.states, Since: b.since, Live: b.live,
	}
	if b.file != nil {
		out.Lines = b.file.Name()
	}
	for _, c := range b.clashes {
		out.Conflicts = append(out.Conflicts, *c)
	}
	if out.Rows > 0 && (p.dirty || !p.begun) {
		v := p.version
		v.Version = max(1, v.Version)
		v.At = out.Ingest
		p.version = v
		out.Schema = &v
		p.dirty, p.begun = false, true
	}
	p.batch = nil
	return out, nil
}

// discard removes what is staged and not committed.
func (p *puller) discard() {
	for _, lane := range p.lanes() {
		if lane.batch != nil {
			lane.batch.discard()
		}
	}
}

// settleTypes gives types to the paths that the batch is the first to have,
// and conforms the lines that waited for them.
func (p *puller) settleTypes(ctx context.Context, b *staging) error {
	if len(b.later) == 0 {
		return nil
	}
	var seen schema.Observation
	for _, l := range b.later {
		p.conform.Conform(l.raw)
		seen.Observe(p.conform.Line(), p.conform.Except())
	}
	p.evolve(ctx, &seen, b.position(b.later[0]))
	for _, l := range b.later {
		out := p.conform.Conform(l.raw)
		b.conflicts(p.opt.Source, l.origin, out.Conflicts)
		if err := b.append(l.origin, l.row, p.opt.Store, p.conform.AppendValues); err != nil {
			return err
		}
	}
	b.later, b.laterLen = nil, 0
	return nil
}

// evolve takes what was observed into the dataset's version.
func (p *puller) evolve(ctx context.Context, seen *schema.Observation, position string) {
	e := schema.EvolveWithin(schema.Limit(p.opt.Mapping), p.version.Body, seen, func(path string) bool { return p.exact(ctx, path) })
	maps.Copy(p.refused, e.Refused)
	p.adopt(e.Body, e.Changes, position)
}

// adopt makes a type the dataset's next version, if it differs.
func (p *puller) adopt(body engine.Type, changes []schema.Change, position string) {
	if len(changes) > 0 {
		if !p.dirty {
			p.version.Version++
			p.version.Changes = nil
			p.version.Position = position
			p.version.Author = "inference"
		}
		if b := p.batch; b != nil && b.rows > 0 && b.since == nil {
			old := p.version.Body
			b.since = &old
		}
		p.version.Body = body
		for _, c := range changes {
			p.version.Changes = append(p.version.Changes, c.String())
			p.version.Major = p.version.Major || c.Major()
		}
		p.dirty = true
	}
	p.reshape()
}

// exact reports whether every integer of a path, stored or staged, is exact
// as a double.
func (p *puller) exact(ctx context.Context, path string) bool {
	if p.conform != nil && p.conform.LongIntegers() || p.batch != nil && len(p.batch.tables) > 0 {
		return false
	}
	if p.commits.wait() != nil {
		return false
	}
	if _, has := p.opt.Store.Schema(p.opt.Dataset); !has {
		return true
	}
	ok, err := p.opt.Store.Exact(ctx, p.opt.Dataset, path)
	return ok && err == nil
}

// committer writes batches in the background, one after the other, while the
// next one is being built.
type committer struct {
	ctx   context.Context
	store Store
	queue chan pending
	ended chan struct{}

	mu   sync.Mutex
	idle *sync.Cond
	open int // batches sent and not yet committed
	// before is called before each commit; nil is nothing.
	before func(context.Context)
	// after is called after each commit; its error ends the tail.
	after func(context.Context, engine.Batch, engine.Committed, time.Duration) error
	err   error
	total tally
	each  map[string]tally // by dataset
}

// pending is what one transaction is to make true: the batches of one or more
// datasets.
type pending struct {
	batches []engine.Batch
	staged  []*staging
}

func (n pending) free() {
	for _, b := range n.staged {
		b.discard()
	}
}

func (n pending) commit(ctx context.Context, to Store) ([]engine.Committed, error) {
	if len(n.batches) > 1 {
		return to.CommitAll(ctx, n.batches)
	}
	done, err := to.Commit(ctx, n.batches[0])
	return []engine.Committed{done}, err
}

// tally is what commits report back.
type tally struct{ stored, duplicates, late int64 }

func (t tally) plus(d engine.Committed) tally {
	return tally{t.stored + d.Stored, t.duplicates + d.Duplicates, t.late + d.Late}
}

func newCommitter(ctx context.Context, store Store) *committer {
	c := &committer{ctx: ctx, store: store, queue: make(chan pending), ended: make(chan struct{}), each: map[string]tally{}}
	c.idle = sync.NewCond(&c.mu)
	go c.run()
	return c
}

func (c *committer) run() {
	defer close(c.ended)
	for next := range c.queue {
		if c.failure() == nil {
			if c.before != nil {
				c.before(c.ctx)
			}
			began := time.Now()
			done, err := next.commit(c.ctx, c.store)
			if err == nil && c.after != nil {
				err = c.after(c.ctx, next.batches[0], done[0], time.Since(began))
			}
			c.mu.Lock()
			c.err = err
			for i, d := range done {
				name := next.batches[i].Dataset
				c.total, c.each[name] = c.total.plus(d), c.each[name].plus(d)
			}
			c.mu.Unlock()
		}
		next.free()
		c.mu.Lock()
		c.open--
		c.idle.Broadcast()
		c.mu.Unlock()
	}
}

// fail makes every later call return err.
func (c *committer) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
}

func (c *committer) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *committer) done() tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total
}

// of is what commits have done to one dataset.
func (c *committer) of(dataset string) tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.each[dataset]
}

// send queues a batch; it waits while another one is being written.
func (c *committer) send(next pending) error {
	if err := c.failure(); err != nil {
		return err
	}
	c.mu.Lock()
	c.open++
	c.mu.Unlock()
	select {
	case c.queue <- next:
		return nil
	case <-c.ctx.Done():
		c.mu.Lock()
		c.open--
		c.idle.Broadcast()
		c.mu.Unlock()
		return c.ctx.Err()
	}
}

// wait returns when everything sent is committed, or has failed.
func (c *committer) wait() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.open > 0 {
		c.idle.Wait()
	}
	return c.err
}

func (c *committer) stop() {
	close(c.queue)
	<-c.ended
}

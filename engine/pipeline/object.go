package pipeline

import (
	"context"
	"fmt"
	"time"

	"tidemark.dev/tidemark/engine"
)

// object takes in one object, chunk by chunk.
func (p *puller) object(ctx context.Context, r *reading) error {
	o := &objectRun{reading: r, next: max(1, r.task.Record), entered: r.task.again(), state: engine.ObjectState{
		Object: r.task.Object, Stored: r.task.Stored, Quarantined: r.task.Quarantined, Dropped: r.task.Dropped,
	}}
	close(r.turn)
	for c := range r.pieces {
		if err := p.take(ctx, o, c); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.failed != nil {
		if engine.KindOf(r.failed) == engine.Canceled {
			return r.failed
		}
		return &unreachableError{r.failed}
	}
	if r.whole != nil {
		if err := p.table(ctx, o); err != nil {
			return err
		}
	}
	if r.damaged != nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.damaged(o)
	}
	return p.finish(ctx, o)
}

// objectRun is an object while it is being taken in.
type objectRun struct {
	*reading
	state  engine.ObjectState
	origin int // in the batch; valid while batch is the current one
	batch  *staging
	next   int64 // number of the next record
	beyond int64 // 1 where what follows the last record is in quarantine
	// entered: the ledger has it already.
	entered bool
	// moments are the event times of a shard's records in the batch.
	moments []int64
}

// damaged puts an object that cannot be decoded (any further) in quarantine.
func (p *puller) damaged(o *objectRun) {
	o.state.Undecodable = o.next == 1
	reason := o.reading.damaged.Error()
	position, raw := o.task.URL, []byte(nil)
	if o.next > 1 { // its first records are in: only all of it can be read again
		position = fmt.Sprintf("%s#%d", o.task.URL, o.next)
	} else if !p.opt.Private {
		raw = smallObject(o.local.Path)
	}
	p.ensureBatch(o)
	p.batch.quarantine(engine.Quarantined{Source: p.opt.Source, Position: position, Reason: reason, Raw: raw, Size: o.task.Size})
	o.state.Quarantined++
	o.beyond++
	p.counts.Read++
	p.counts.Quarantined++
}

// finish writes the object's last state into the batch.
func (p *puller) finish(ctx context.Context, o *objectRun) error {
	if !o.entered {
		p.ensureBatch(o)
		o.enter(p.sampled[o.task.Key])
	}
	if id := o.task.Entry; id > 0 && (o.task.Only == 0 || o.state.Stored+o.state.Quarantined+o.state.Dropped > 0) {
		p.ensureBatch(o)
		p.batch.released = append(p.batch.released, engine.Released{ID: id, Source: p.opt.Source, Object: o.task.URL, Stored: o.state.Stored, Quarantined: o.state.Quarantined, Dropped: o.state.Dropped})
	}
	p.counts.Objects++
	p.counts.Bytes += o.task.Size
	p.counts.Fetched += o.local.Fetched
	if p.full() {
		return p.flush(ctx)
	}
	p.report()
	return nil
}

// enter writes the object into the ledger of its batch, as read to its end.
// sampled is what was fetched of it before, when the pull looked ahead.
func (o *objectRun) enter(sampled int64) {
	o.state.Done, o.state.Format, o.state.Read = true, o.format, o.next-1+o.beyond
	o.state.Fetched = o.local.Fetched + sampled
	o.state.Seconds = time.Since(o.started).Seconds()
	o.batch.object(o.state)
	o.entered = true
}

// take takes in a piece of an object.
func (p *puller) take(ctx context.Context, o *objectRun, c *piece) error {
	defer c.done()
	if c.err != nil {
		return c.err
	}
	if c.columns != nil && p.router == nil {
		return p.adoptTable(ctx, o, c.columns)
	}
	if p.router != nil {
		return p.takeRouted(ctx, o, c)
	}
	p.ensureBatch(o)
	o.next = c.next
	p.counts.Read += c.read
	p.counts.Dropped += c.dropped
	p.counts.Policies = addEach(p.counts.Policies, c.met)
	o.state.Dropped += c.dropped
	c.kept = c.kept || len(c.asides) > 0
	for _, a := range c.asides {
		p.setProblem(o, a)
	}
	if err := p.lines(o, c); err != nil {
		return err
	}
	return p.commitFull(ctx, o)
}

// commitFull commits the batch in the middle of an object, if it is full.
func (p *puller) commitFull(ctx context.Context, o *objectRun) error {
	if p.full() && o.task.Entry == 0 { // an entry and what becomes of it are one transaction
		if !o.task.again() {
			o.state.Read = max(o.next-1, o.task.Skip)
			p.batch.object(o.state)
		}
		return p.flush(ctx)
	}
	p.report()
	return nil
}

// lines stages the lines of a piece: as they were prepared, where that still
// holds.
func (p *puller) lines(o *objectRun, c *piece) error {
	ready := c.shape == p.shape.Load()
	start, rows := 0, int64(0)
	for i, l := range c.lines {
		from, to := start, c.ends[i]
		start = to
		var err error
		switch {
		case !ready || from == to:
			c.kept = true // the line may wait for its type, or go to quarantine
			err = p.conformLine(o, p.batch.placed(c, l))
		case c.block != nil:
			rows++
			p.batch.appendRow(o.origin, c.block, from, p.opt.Store)
		default:
			rows++
			l = p.batch.placed(c, l)
			err = p.batch.append(o.origin, l.row, p.opt.Store, func(dst []byte) []byte { return append(dst, c.rows[from:to]...) })
		}
		if err != nil {
			return err
		}
	}
	if ready && c.block != nil {
		p.batch.keep(c.block)
		c.block = nil
	}
	if ready {
		p.batch.conflicts(p.opt.Source, o.origin, c.conflicts)
		p.conform.KeepLongIntegers(c.long)
		o.moments = append(o.moments, c.moments...)
		p.stored(o, rows, c.untimed, c.times)
	}
	return nil
}

// ensureBatch makes the object a part of the batch being built.
func (p *puller) ensureBatch(o *objectRun) {
	if p.batch == nil {
		p.batch = newStaging(p.opt.Staging)
	}
	if o.batch != p.batch {
		o.batch = p.batch
		o.origin = p.batch.origin(engine.Origin{Source: p.opt.Source, URL: o.task.URL, Arrival: o.task.Modified, Partitions: p.partitions(o.task.URL)})
		if o.task.Replace && o.next == 1 {
			p.batch.replace = append(p.batch.replace, o.task.URL)
		}
	}
}

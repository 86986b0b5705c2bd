package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/format"
	"tidemark.dev/tidemark/engine/schema"
)

// giveUp is how many objects in a row may be out of reach before the pull
// stops asking for more.
const giveUp = 5

// puller is one run over the objects of a source.
type puller struct {
	opt    Options
	counts Counts

	version engine.SchemaVersion
	begun   bool // the dataset has had a version before this batch
	dirty   bool // version is not in the registry yet
	conform *schema.Conformer
	refused map[string]string
	shape   atomic.Pointer[shape]
	runners sync.Pool // of stages, for the next object
	// indirect: the transforms do more than change values.
	indirect atomic.Bool
	// keepMoments: somebody follows the event times of each shard.
	keepMoments bool

	// What the goroutines that read ahead may do at once: prepare pieces, and
	// decode a columnar file, which takes all processors by itself.
	preparing, decoding chan struct{}

	// sampled is what looking ahead fetched, by key.
	sampled map[string]int64

	batch   *staging
	commits *committer
	router  *router // nil: all records go to one dataset
}

// Pull reads the tasks in order and commits what they hold. What cannot be
// reached is counted and passed over, what cannot be decoded goes to
// quarantine; an error means that the pull itself could not go on. The counts
// say what is committed even then.
func Pull(ctx context.Context, opt Options, tasks []Task) (Counts, error) {
	p := newPuller(opt)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.commits = newCommitter(ctx, opt.Store)
	defer p.commits.stop()
	if err := p.prepare(ctx, tasks); err != nil {
		return p.counts, err
	}
	err := p.consume(ctx, tasks)
	if err == nil {
		err = p.flush(ctx)
	}
	p.discard()
	if final := p.commits.wait(); err == nil {
		err = final
	}
	p.settle()
	if err != nil {
		p.counts.Records = p.commits.done().stored // what was staged is gone
	}
	p.opt.Report(p.counts)
	return p.counts, err
}

// newPuller completes the options.
func newPuller(opt Options) *puller {
	if opt.Clock == nil {
		opt.Clock = engine.SystemClock{}
	}
	if opt.Formats == nil {
		opt.Formats = format.Builtin()
	}
	opt.Workers = max(1, opt.Workers)
	if opt.Report == nil {
		opt.Report = func(Counts) {}
	}
	p := &puller{
		opt: opt, refused: map[string]string{}, sampled: map[string]int64{},
		preparing: make(chan struct{}, runtime.GOMAXPROCS(0)), decoding: make(chan struct{}, 1),
	}
	if opt.Route != nil {
		p.opt.lines = true
		p.router = newRouter(p)
	}
	return p
}

// prepare takes up the dataset's version, or finds a first one by looking at
// a sample of the objects.
func (p *puller) prepare(ctx context.Context, tasks []Task) error {
	p.takeUp()
	if err := p.lookAhead(ctx, tasks, !p.begun); err != nil {
		return err
	}
	p.settled()
	return nil
}

// takeUp goes on with the dataset's version, if it has one.
func (p *puller) takeUp() {
	v, has := p.opt.Store.Schema(p.opt.Dataset)
	if has {
		p.version, p.begun = v, true
		if len(p.opt.Mapping.EventTime) == 0 && p.opt.FindTime {
			p.opt.Mapping.EventTime = v.Mapping.EventTime
		}
	} else {
		p.version = engine.SchemaVersion{Dataset: p.opt.Dataset, Author: "inference", Body: engine.Type{Kind: engine.Struct}}
	}
}

// settled takes up the mapping and the type that were learned.
func (p *puller) settled() {
	p.version.Mapping = p.opt.Mapping
	p.reshape()
}

func (p *puller) consume(ctx context.Context, tasks []Task) error {
	unreachable := 0
	for r := range p.readAhead(ctx, tasks) {
		err := p.object(ctx, r)
		r.release()
		var far *unreachableError
		switch {
		case errors.As(err, &far):
			unreachable++
			p.counts.Failed++
			if p.counts.Fault == "" {
				p.counts.Fault = engine.FaultOf(far.error)
			}
			if len(p.counts.Failures) < 20 {
				p.counts.Failures = append(p.counts.Failures, far.Error())
			}
			if unreachable >= giveUp && p.counts.Objects == 0 {
				return far.error
			}
		case err != nil:
			return err
		default:
			unreachable = 0
		}
	}
	return ctx.Err()
}

// unreachableError marks an object that could not be fetched.
type unreachableError struct{ error }

func (e *unreachableError) Unwrap() error { return e.error }

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
	o.state.Done, o.state.Format, o.state.Read = true, o.format, o.next-1
	o.state.Fetched = o.local.Fetched + sampled
	o.state.Seconds = time.Since(o.started).Seconds()
	o.batch.object(o.state)
	o.entered = true
}

func (p *puller) report() {
	c := p.counts
	done := p.commits.done()
	c.Records = p.counts.Records - done.duplicates
	c.Duplicates = done.duplicates
	p.opt.Report(c)
}

// settle moves what only the store knows into the counts.
func (p *puller) settle() {
	done := p.commits.done()
	p.counts.Records -= done.duplicates
	p.counts.Duplicates = done.duplicates
	p.counts.Late = done.late
	if p.router != nil {
		p.counts.Routed = p.shares()
	}
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
			err = p.conformLine(o, l)
		case c.block != nil:
			rows++
			p.batch.appendRow(o.origin, c.block, from, p.opt.Store)
		default:
			rows++
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

func (p *puller) setAside(o *objectRun, l line, reason, path, want, got string) {
	p.keepAside(o, l, engine.Quarantined{Reason: reason, Path: path, Want: want, Got: got})
}

func (p *puller) setProblem(o *objectRun, a problem) {
	p.keepAside(o, a.line, engine.Quarantined{Reason: a.reason, Head: a.head})
}

func (p *puller) keepAside(o *objectRun, l line, q engine.Quarantined) {
	q.Source, q.Position, q.Raw, q.Size = p.opt.Source, p.position(o, l), l.raw, int64(len(l.raw))
	if p.opt.Private {
		q.Head, q.Raw, q.Size, q.Hash = "", nil, int64(len(l.came)), Digest(p.opt.Key, l.came)
	}
	p.batch.quarantine(q)
	o.state.Quarantined++
	p.counts.Quarantined++
}

// conformLine stages one record, sets it aside, or puts it off until the
// batch's new paths have their types.
func (p *puller) conformLine(o *objectRun, l line) error {
	out := p.conform.Conform(l.raw)
	switch {
	case out.More:
		// Several records on one line: the first ends here.
		head, tail := l.raw[:out.Offset], l.raw[out.Offset:]
		if tail = trimSeparators(tail); len(tail) > 0 && tail[0] == '{' {
			p.counts.Read++ // the line was counted once
			if err := p.conformLine(o, line{head, l.row, l.came}); err != nil {
				return err
			}
			return p.conformLine(o, line{tail, l.row, l.came})
		}
		p.setAside(o, l, out.Reason, "", "", fmt.Sprintf("byte %d", out.Offset+1))
		return nil
	case out.Reason != "":
		p.setAside(o, l, out.Reason, "", "", fmt.Sprintf("byte %d", out.Offset+1))
		return nil
	case p.opt.leavesOut(out):
		p.counts.Dropped++
		o.state.Dropped++
		return nil
	case p.opt.Strict && p.begun && (len(out.Conflicts) > 0 || out.Unknown):
		p.setAsideStrict(o, l, out)
		return nil
	case p.opt.Strict && out.Untimed:
		p.setAside(o, l, "the schema is strict and the record has no event time", p.opt.Mapping.EventTime[0].String(), "timestamp", "no time")
		return nil
	case out.Unknown:
		p.batch.putOff(l, o.origin)
		p.storedLine(o, l, out)
		return nil
	}
	p.batch.conflicts(p.opt.Source, o.origin, out.Conflicts)
	p.storedLine(o, l, out)
	return p.batch.append(o.origin, l.row, p.opt.Store, p.conform.AppendValues)
}

func trimSeparators(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == ',' || b[0] == '\r' || b[0] == '\n') {
		b = b[1:]
	}
	return b
}

func (p *puller) setAsideStrict(o *objectRun, l line, out schema.Outcome) {
	if len(out.Conflicts) > 0 {
		c := out.Conflicts[0]
		p.setAside(o, l, "the schema is strict and a value has another type", c.Path, c.Want, c.Got)
		return
	}
	reason := "the schema is strict and does not have one of its paths"
	if out.Asked.Want != "" {
		reason = "the schema is strict and a value has another type"
	}
	p.setAside(o, l, reason, out.Asked.Path, out.Asked.Want, out.Asked.Got)
}

func (p *puller) storedLine(o *objectRun, l line, out schema.Outcome) {
	if p.keepMoments {
		p.moment(o, l, out)
	}
	var times span
	times.add(out)
	untimed := int64(0)
	if out.Untimed {
		untimed = 1
	}
	p.stored(o, 1, untimed, times)
}

func (p *puller) stored(o *objectRun, rows, untimed int64, times span) {
	o.state.Stored += rows
	p.counts.Records += rows
	p.counts.Untimed += untimed
	if !times.some {
		return
	}
	oldest, newest := time.UnixMicro(times.min).UTC(), time.UnixMicro(times.max).UTC()
	if o.state.MinTime.IsZero() || oldest.Before(o.state.MinTime) {
		o.state.MinTime = oldest
	}
	if newest.After(o.state.MaxTime) {
		o.state.MaxTime = newest
	}
}

// leavesOut reports whether a record lies on the other side of a seam.
func (o Options) leavesOut(out schema.Outcome) bool {
	if !out.HasTime || o.From.IsZero() && o.Before.IsZero() {
		return false
	}
	return !o.From.IsZero() && out.EventTime < o.From.UnixMicro() || !o.Before.IsZero() && out.EventTime >= o.Before.UnixMicro()
}

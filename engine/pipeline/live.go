package pipeline

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/schema"
)

// LiveOptions say how a stream becomes rows of one dataset.
type LiveOptions struct {
	Options
	// From is how far the stream's shards were read before.
	From []engine.Checkpoint
	// Every is how long records wait for others at most before they are
	// committed together; zero is a second.
	Every time.Duration
	// Quota bounds what is taken in; nil is all.
	Quota *Quota
	// Aside is called before each piece of work of a tail that is behind, and
	// before each commit; it returns when that may begin: others may come first.
	// It is called from several goroutines; nil begins at once.
	Aside func(context.Context)
	// Wait sleeps for a quota that blocks; nil is the machine's time.
	Wait func(context.Context, time.Duration) error
	// Advance is told what a batch brings before it is committed, and gives
	// the watermark that is committed with it. It is called from one goroutine;
	// nil leaves the watermark alone.
	Advance func(map[string]Moments) (time.Time, []engine.ShardMark)
	// Committed is called after each commit, in their order, from one
	// goroutine; the next batch waits for it. An error ends the tail.
	Committed func(context.Context, Commit) error
}

// Moments are the event times of one shard's records, in microseconds since
// 1970, and when the last of them arrived.
type Moments struct {
	Times   []int64
	Arrived time.Time
	// Ended says that no more will come.
	Ended bool
}

// Commit is what a micro-batch made true.
type Commit struct {
	engine.Committed
	Ingest    time.Time
	Watermark time.Time
	// Arrived is when the newest record of it arrived at the stream.
	Arrived time.Time
	// SetAside are the records that went to quarantine, and Took is for how
	// long the transaction ran.
	SetAside int64
	Took     time.Duration
}

const everyDefault = time.Second

// Tail stores what a stream yields until ctx ends. The counts say what is
// committed. A tail that was cancelled has committed all that it had taken in.
func Tail(ctx context.Context, opt LiveOptions, stream engine.Stream) (Counts, error) {
	if opt.Every <= 0 {
		opt.Every = everyDefault
	}
	if opt.Aside == nil {
		opt.Aside = func(context.Context) {}
	}
	l := &live{
		puller: newPuller(opt.Options), opt: opt,
		taken: make(chan *arrived), lessons: make(chan lesson), shards: map[string]*objectRun{},
	}
	if opt.Quota != nil {
		l.quotas = newQuotas(*opt.Quota, l.puller.opt.Clock, opt.Wait)
	}
	return l.run(ctx, stream)
}

// live is the reading of one stream. Its goroutines are the stream's, which
// prepare what they read; one that builds batches; and the committer's.
type live struct {
	*puller
	opt    LiveOptions
	taken  chan *arrived
	shards map[string]*objectRun
	// preparers are those that are not at work: as many as work at once, however
	// many shards there are, for each has room for what it conforms.
	preparers stack[*livePreparer]
	rooms     stack[*pieceRoom]
	// lessons are for the goroutine that builds batches: what a dataset without
	// a version, which is fresh, learns from its first records.
	lessons chan lesson
	learned sync.Once
	fresh   bool
	quotas  *quotas
	over    map[string]engine.QuotaCount // of the batch being built

	points  map[string]engine.Checkpoint // of the batch being built
	gaps    []engine.ShardGap
	moments map[string]Moments

	regulars regulars
	flushed  time.Time // when the last batch was handed over
	near     bool      // a shard that is not far behind brought something to the batch
	brought  int64     // rows that the last call of the stream brought to it
}

// lesson is a sample of a dataset's first records.
type lesson struct {
	lines []sampled
	// done is closed when they are learned from, or never will be.
	done chan struct{}
}

// arrived is what one call of the stream brought, prepared.
type arrived struct {
	engine.Arrivals
	pieces []*piece
	// done is closed when the pieces are staged.
	done chan struct{}
}

func (l *live) run(ctx context.Context, stream engine.Stream) (Counts, error) {
	// What was taken in is committed although the tail has been cancelled.
	work := context.WithoutCancel(ctx)
	l.keepMoments = l.opt.Advance != nil
	l.commits = newCommitter(work, l.opt.Store)
	l.commits.before, l.commits.after = l.opt.Aside, l.committed
	defer l.commits.stop()
	if err := l.prepare(work, nil); err != nil {
		return l.counts, err
	}
	l.fresh = !l.begun
	tail, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- stream.Tail(tail, l.opt.From, l.take) }()
	err := l.gather(work, cancel, ended)
	cancel()
	if err == nil {
		err = l.flushLive(work)
	}
	if l.batch != nil {
		l.batch.discard()
	}
	if final := l.commits.wait(); err == nil {
		err = final
	}
	l.settle()
	l.puller.opt.Report(l.counts)
	if ctx.Err() != nil && (err == nil || errors.Is(err, ctx.Err()) || engine.KindOf(err) == engine.Canceled) {
		return l.counts, nil
	}
	return l.counts, err
}

// gather builds batches of what arrives until the stream ends; stop ends it.
func (l *live) gather(ctx context.Context, stop func(), ended <-chan error) error {
	due := time.NewTimer(l.opt.Every)
	l.flushed = time.Now()
	defer due.Stop()
	grows := false // the batch is due, and left to grow
	for {
		select {
		case a := <-l.taken:
			first, all := l.points == nil, l.regulars.heard(a.Arrivals)
			err := l.stage(ctx, a)
			close(a.done)
			if err != nil {
				return l.drain(stop, ended, err)
			}
			grows = grows && l.batch != nil
			switch {
			case grows && !l.growing():
				due.Reset(0)
			case a.Behind > 0:
			case all:
				due.Reset(l.soon(time.Since(l.flushed), 0))
			case first:
				due.Reset(l.soon(time.Since(l.flushed), l.opt.Every/4))
			}
		case first := <-l.lessons:
			l.learnLive(ctx, first)
		case <-due.C:
			if grows = l.growing(); !grows {
				if err := l.flushLive(ctx); err != nil {
					return l.drain(stop, ended, err)
				}
			}
			due.Reset(l.opt.Every)
		case err := <-ended:
			if engine.KindOf(err) == engine.Canceled || errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		}
	}
}

// A batch of a tail that is so many times the usual time behind is left to grow,
// for so many times that time at most.
const (
	farBehind = 2
	growFor   = 4
)

// growing reports whether a batch that is due is kept until it has rows for
// one row group more: nobody sees them sooner who is that far behind, and what
// is left over is written twice.
func (l *live) growing() bool {
	return !l.near && l.batch != nil && time.Since(l.flushed) < growFor*l.opt.Every &&
		l.batch.rows%engine.RowGroup >= l.brought
}

// soon is how long a batch is kept at the tip, so long after the last commit,
// when its records wait that long for others. All shards are read at the same
// moments (pace of the source): a quarter of the time brings what there is, and
// none is needed when all have come that usually do. Commits drift to just
// after those moments, and are never closer than three quarters of the time.
func (l *live) soon(passed, others time.Duration) time.Duration {
	return max(others, l.opt.Every*3/4-passed)
}

// drain ends a tail that cannot go on: nobody waits for a place any more. A
// stream that has nothing more to bring would not notice by itself.
func (l *live) drain(stop func(), ended <-chan error, err error) error {
	stop()
	l.commits.fail(err)
	for {
		select {
		case a := <-l.taken:
			close(a.done)
		case first := <-l.lessons:
			close(first.done)
		case <-ended:
			return err
		}
	}
}

// take is the stream's sink. It returns when the records are staged.
func (l *live) take(ctx context.Context, a engine.Arrivals) error {
	if err := l.commits.failure(); err != nil {
		return err
	}
	l.learnFirst(ctx, a)
	out := &arrived{Arrivals: a, done: make(chan struct{})}
	var err error
	if out.pieces, err = l.prepareArrivals(ctx, a); err != nil {
		return err
	}
	select {
	case l.taken <- out:
	case <-ctx.Done():
		return ctx.Err()
	}
	<-out.done
	if a.Spare != nil {
		*a.Spare = !slices.ContainsFunc(out.pieces, func(c *piece) bool { return c.kept })
	}
	return l.commits.failure()
}

// learnFirst looks at the first records of a dataset that has no version yet,
// as a pull looks at a sample: where their time is, and their types. All
// shards wait for it.
func (l *live) learnFirst(ctx context.Context, a engine.Arrivals) {
	if len(a.Records) == 0 || !l.fresh {
		return
	}
	l.learned.Do(func() {
		var sample piece
		p := l.newPreparer()
		for i := range a.Records[:min(len(a.Records), recordsToLearn)] {
			p.arrival(ctx, &a.Records[i], &sample, false)
		}
		lines := make([]sampled, len(sample.lines))
		for i, x := range sample.lines {
			if p.protect != nil {
				x.raw = p.protect.Protect(x.raw)
			}
			lines[i] = sampled{x.raw, a.Stream + "/" + a.Shard}
		}
		first := lesson{lines, make(chan struct{})}
		select {
		case l.lessons <- first:
			<-first.done
		case <-ctx.Done():
		}
	})
}

// learnLive takes up the time field and the types of the first records.
func (l *live) learnLive(ctx context.Context, first lesson) {
	defer close(first.done)
	l.learn(ctx, first.lines, nil)
	if m := &l.puller.opt.Mapping; l.puller.opt.FindTime && len(m.EventTime) > 0 && !slices.ContainsFunc(m.EventTime, isDerivedTime) {
		// What a format knows of its time counts for what comes later, too.
		m.EventTime = append([]engine.Path{schema.DerivedTime}, m.EventTime...)
	}
	l.version.Mapping = l.puller.opt.Mapping
	l.reshape()
}

// recordsToLearn bounds how many records are looked at beforehand.
const recordsToLearn = 2000

// prepareArrivals decodes, transforms and conforms the records of one call, in
// as many parts as there are processors.
func (l *live) prepareArrivals(ctx context.Context, a engine.Arrivals) ([]*piece, error) {
	const least = 500 // records that are worth a goroutine of their own
	if len(a.Records) == 0 {
		return nil, nil // and no preparer is made before the first records are learned from
	}
	parts := max(1, min(runtime.GOMAXPROCS(0), len(a.Records)/least))
	pieces, problems := make([]*piece, parts), make([]error, parts)
	var group sync.WaitGroup
	for i := range parts {
		some := a.Records[len(a.Records)*i/parts : len(a.Records)*(i+1)/parts]
		do := func() {
			if a.Behind > 0 {
				l.opt.Aside(ctx)
			}
			if problems[i] = enter(ctx, l.preparing); problems[i] != nil {
				return
			}
			defer func() { <-l.preparing }()
			p, idle := l.preparers.take()
			if !idle {
				p = l.newPreparer()
			}
			defer l.preparers.put(p)
			pieces[i] = p.arrivals(ctx, shardURL(a.Checkpoint), some)
			problems[i] = pieces[i].err
		}
		if i == parts-1 {
			do()
		} else {
			group.Go(do)
		}
	}
	group.Wait()
	return pieces, errors.Join(problems...)
}

// stage makes what arrived a part of the batch being built.
func (l *live) stage(ctx context.Context, a *arrived) error {
	o := l.shards[a.Shard]
	if o == nil {
		task := Task{Object: engine.Object{Source: l.opt.Source, Key: a.Shard, URL: shardURL(a.Checkpoint)}}
		o = &objectRun{reading: &reading{task: task}, next: 2, entered: true}
		l.shards[a.Shard] = o
	}
	l.ensureBatch(o)
	l.note(a)
	before := l.batch.rows
	for _, c := range a.pieces {
		if err := l.stagePiece(o, c); err != nil {
			return err
		}
	}
	l.near = l.near || a.Behind < farBehind*l.opt.Every && len(a.Records) > 0
	l.brought = l.batch.rows - before
	if l.batch.full() {
		return l.flushLive(ctx)
	}
	l.report()
	return nil
}

func (l *live) stagePiece(o *objectRun, c *piece) error {
	defer c.done()
	c.kept = c.kept || len(c.asides) > 0
	l.counts.Read += c.read
	l.counts.Dropped += c.dropped
	for key, n := range c.over {
		if l.over == nil {
			l.over = map[string]engine.QuotaCount{}
		}
		l.over[key] = l.over[key].Add(n)
	}
	for _, a := range c.asides {
		a.line = l.batch.placed(c, a.line)
		l.setProblem(o, a)
	}
	return l.lines(o, c)
}

// note keeps what the batch's transaction has to say of the shard.
func (l *live) note(a *arrived) {
	if l.points == nil {
		l.points, l.moments = map[string]engine.Checkpoint{}, map[string]Moments{}
	}
	l.points[a.Shard] = a.Checkpoint
	if a.Gap != nil {
		l.gaps = append(l.gaps, engine.ShardGap{Stream: a.Stream, Shard: a.Shard, Gap: *a.Gap})
	}
	m := l.moments[a.Shard]
	m.Ended = a.Ended
	if n := len(a.Records); n > 0 {
		m.Arrived = a.Records[n-1].Time
	}
	l.moments[a.Shard] = m
}

// flushLive hands the batch to the committer, with how far the shards are.
func (l *live) flushLive(ctx context.Context) error {
	if l.points == nil && !l.timePassed() {
		return l.commits.failure()
	}
	points, gaps, moments := l.points, l.gaps, l.moments
	l.points, l.gaps, l.moments = nil, nil, nil
	l.regulars.next()
	if l.batch == nil {
		l.batch = newStaging(l.opt.Staging)
	}
	state := &engine.LiveState{Gaps: gaps, Quotas: l.over}
	l.over = nil
	for _, p := range points {
		state.Checkpoints = append(state.Checkpoints, p)
	}
	if l.opt.Advance != nil {
		for shard, o := range l.shards {
			m := moments[shard]
			m.Times = o.moments
			moments[shard] = m
		}
		state.Watermark, state.Marks = l.opt.Advance(moments)
	}
	l.batch.live = state
	err := l.flush(ctx)
	l.flushed, l.near = time.Now(), false
	clear(l.shards) // their places in the batch are gone with it
	// Rows of the next batch are late against what is known from now on.
	l.puller.opt.Watermark = later(l.puller.opt.Watermark, state.Watermark)
	return err
}

// timePassed reports whether the watermark moves although nothing arrived:
// shards become idle.
func (l *live) timePassed() bool {
	if l.opt.Advance == nil {
		return false
	}
	at, _ := l.opt.Advance(nil)
	return at.After(l.puller.opt.Watermark)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// shardURL stands for a shard in the positions of its records.
func shardURL(c engine.Checkpoint) string { return streamName(c.Stream) + "/" + c.Shard }

// streamName is the name in a stream's ARN.
func streamName(arn string) string {
	for i := len(arn) - 1; i >= 0; i-- {
		if arn[i] == '/' || arn[i] == ':' {
			return arn[i+1:]
		}
	}
	return arn
}

// committed tells what a commit did.
func (l *live) committed(ctx context.Context, b engine.Batch, done engine.Committed, took time.Duration) error {
	if l.opt.Committed == nil || b.Live == nil {
		return nil
	}
	c := Commit{Committed: done, Ingest: b.Ingest, Watermark: b.Live.Watermark, SetAside: int64(len(b.Quarantine)), Took: took}
	for _, p := range b.Live.Checkpoints {
		c.Arrived = later(c.Arrived, p.Arrival)
	}
	return l.opt.Committed(ctx, c)
}

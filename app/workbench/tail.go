package workbench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/health"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/rule"
	"tidemark.dev/tidemark/engine/source/kinesis"
	"tidemark.dev/tidemark/engine/source/replay"
	"tidemark.dev/tidemark/engine/window"
)

// TailOptions say what to tail.
type TailOptions struct {
	// Sources by name; none means every kinesis and replay source.
	Sources []string
	// Idle ends the tail once nothing has come for so long and the streams are
	// read to their newest records; zero never does.
	Idle time.Duration
	// Every is how long records wait to be committed together; zero is a
	// second.
	Every time.Duration
	// Filter is a condition that somebody will ask of what arrives: it is
	// checked before anything is read.
	Filter string
	// Committed is told of each commit, for one source by one goroutine at a
	// time.
	Committed func(context.Context, TailCommit) error
	// From is where replays begin; zero is where they ended the last time.
	From time.Time
	// To is where replays end; zero is where their archive does.
	To time.Time
	// Speed is how fast replays play; zero is as their source says.
	Speed float64
	// Report is told how each source stands, four times a second and in the
	// end, by one goroutine at a time; it may be nil.
	Report func(TailState)
}

// play says which part of an archive a replay plays, and how fast. A stream
// cannot be told.
func (opt TailOptions) play(t *tailing) error {
	r, ok := t.stream.(*replay.Source)
	if !ok {
		if opt.From.IsZero() && opt.To.IsZero() && opt.Speed == 0 {
			return nil
		}
		return engine.Errorf(engine.Invalid, "tail "+t.source.Name, "it is a %s source, which is played from no moment and at no speed", t.source.Type).
			WithHint("name a replay source, or leave --from, --to and --speed out")
	}
	if !opt.From.IsZero() {
		r.Seek(opt.From)
	}
	r.Until(opt.To)
	if opt.Speed == 0 {
		return nil
	}
	return Control{Speed: &opt.Speed}.apply(t.source.Name, r)
}

// TailCommit is one micro-batch that was stored.
type TailCommit struct {
	Source, Dataset string
	pipeline.Commit
	// Alarms is what the rules made of it.
	Alarms AlarmNews
}

// TailResult is what a tail did; its JSON is part of the contract.
type TailResult struct {
	pipeline.Counts
	Skipped int64   `json:"skipped"`
	Seconds float64 `json:"seconds"`
	// Lag is how far each shard was behind in the end, in milliseconds, by
	// source/shard.
	Lag map[string]int64 `json:"lag_ms"`
}

// tailing is the tail of one source.
type tailing struct {
	source  workspace.Source
	dataset workspace.Dataset
	stream  engine.Stream
	started time.Time

	mu     sync.Mutex
	counts pipeline.Counts
	// base is what earlier runs counted: a pull into the same dataset
	// interrupts the tail.
	base      pipeline.Counts
	watermark time.Time
	last      time.Time // when something came
	stop      context.CancelFunc
	meter     health.Meter
	seen      health.Flow        // of the shards, up to the last look
	idle      chan struct{}      // closed while the tail is not at work
	plugins   map[string]*module // what it began its work with
	hold      int                // how many want it not to be
	release   chan struct{}
}

// Tail stores what streams bring until ctx ends, nothing comes any more, or
// every stream has ended. It is no error that ctx ends it.
func (b *Workbench) Tail(ctx context.Context, opt TailOptions) (TailResult, error) {
	result := TailResult{Lag: map[string]int64{}}
	started := b.clock.Now()
	sources, err := b.choose("tail", opt.Sources, func(s workspace.Source) bool { return !s.Bounded() })
	if err != nil {
		return result, err
	}
	var all []*tailing
	for _, c := range sources {
		if _, has := b.Store.Schema(c.Dataset); has && opt.Filter != "" {
			if _, err := b.filterSQL(c.Dataset, opt.Filter); err != nil {
				return result, err
			}
		}
		t, err := b.newTail(ctx, c)
		if err != nil {
			return result, err
		}
		if err := opt.play(t); err != nil {
			return result, err
		}
		all = append(all, t)
	}
	outer := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if opt.Idle > 0 {
		go untilIdle(ctx, cancel, all, opt.Idle)
	}
	told := reportTails(ctx, all, opt.Report)
	sending := make(chan struct{})
	go func() { defer close(sending); b.RunOutbox(ctx) }()
	running := make(chan struct{})
	go func() { defer close(running); b.RunRunbooks(ctx) }()
	errs := make(chan error, len(all))
	for _, t := range all {
		go func() { errs <- b.tail(ctx, t, opt) }()
	}
	for range all {
		if e := <-errs; e != nil {
			err = e
			cancel() // one that cannot go on ends the others: somebody should look
		}
	}
	cancel()
	<-told
	<-sending
	<-running
	b.finishRunbooks(outer)
	for _, t := range all {
		result.Counts = result.Counts.Add(t.now())
		for _, sh := range t.stream.Shards() {
			if sh.State != "finished" {
				result.Lag[t.source.Name+"/"+sh.Shard] = sh.Behind
			}
		}
	}
	result.Seconds = b.clock.Now().Sub(started).Seconds()
	return result, err
}

func (t *tailing) lastCame() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

func (t *tailing) now() pipeline.Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.base.Add(t.counts)
}

// newTail prepares the tail of one source; nothing is read yet.
func (b *Workbench) newTail(ctx context.Context, c workspace.Source) (*tailing, error) {
	stream, err := b.openStream(ctx, c)
	if err != nil {
		return nil, err
	}
	idle := make(chan struct{})
	close(idle)
	return &tailing{
		source: c, dataset: b.Current().Config.Dataset(c.Dataset), stream: stream,
		started: b.clock.Now(), last: time.Now(), idle: idle,
	}, nil
}

// openStream makes the stream of a kinesis or replay source.
func (b *Workbench) openStream(ctx context.Context, c workspace.Source) (engine.Stream, error) {
	switch c.Type {
	case "kinesis":
		s, err := b.openKinesis(ctx, c)
		return s, err
	case "replay":
		return b.openReplay(ctx, c)
	}
	return nil, engine.Errorf(engine.Invalid, "tail "+c.Name, "it is a %s source, which has an end", c.Type).
		WithHint("pull takes s3 and file sources; a replay source plays one as if it were live")
}

func (b *Workbench) openKinesis(ctx context.Context, c workspace.Source) (*kinesis.Source, error) {
	start := kinesis.Latest
	switch c.Start.Position {
	case "trim_horizon":
		start = kinesis.Horizon
	case "at":
		start = kinesis.At(c.Start.Time)
	}
	return kinesis.New(ctx, kinesis.Config{
		Name: c.Name, Stream: c.Stream, Endpoint: c.Endpoint, Region: c.Region, Profile: c.Profile,
		Start: start, Polite: c.Polite, FanOut: c.Consumer, Clock: b.clock,
	})
}

// tail runs until ctx ends or the stream does. Whoever holds the dataset for
// a pull interrupts it.
func (b *Workbench) tail(ctx context.Context, t *tailing, opt TailOptions) error {
	if err := b.tails.add(t); err != nil {
		return err
	}
	defer b.tails.remove(t)
	for {
		work, err := t.begin(ctx)
		if err != nil {
			return nil //nolint:nilerr // ended while it waited
		}
		err = b.tailOnce(work, t, opt)
		b.noteSource(context.WithoutCancel(ctx), t.source, err)
		interrupted := work.Err() != nil && ctx.Err() == nil
		t.end()
		if err != nil || !interrupted {
			return err
		}
	}
}

// tailOnce tails from the checkpoints that the store has.
func (b *Workbench) tailOnce(ctx context.Context, t *tailing, opt TailOptions) error {
	name, source := t.dataset.Name, t.source.Name
	if err := b.checkPaths(t.dataset); err != nil {
		return err
	}
	t.begins(b.pluginsOf(t)) // before they are loaded: one replaced meanwhile is another
	base, guard, release, err := b.recordOptions(ctx, t.source, t.dataset)
	if err != nil {
		return err
	}
	defer release()
	if err := b.seam(t.source, t.dataset, &base); err != nil {
		return err
	}
	b.beginWatch(ctx, name)
	from, err := b.Store.Checkpoints(ctx, name, source)
	if err != nil {
		return err
	}
	marks, err := b.Store.Marks(ctx, name, source)
	if err != nil {
		return err
	}
	watermark := window.NewWatermark(strategyOf(t.dataset.Watermark), base.Watermark, windowMarks(marks))
	base.Report = t.report
	limit, err := quotaOf(t.dataset)
	if err != nil {
		return err
	}
	counts, err := pipeline.Tail(ctx, pipeline.LiveOptions{
		Options: base, From: from, Every: opt.Every, Quota: limit, Aside: b.asking.aside,
		Advance: func(m map[string]pipeline.Moments) (time.Time, []engine.ShardMark) {
			return advance(watermark, m, b.clock.Now())
		},
		Committed: func(ctx context.Context, c pipeline.Commit) error {
			return b.tailCommitted(ctx, t, opt, c)
		},
	}, t.stream)
	t.report(counts)
	b.watches.caughtUp(name)
	if settled := b.settleTail(context.WithoutCancel(ctx), name, counts); err == nil {
		err = settled
	}
	if kept := b.countPolicies(context.WithoutCancel(ctx), name, guard, counts.Policies); err == nil {
		err = kept
	}
	return err
}

// settleTail puts in order what a tail has left: segments become one, and the
// log is written into the database.
func (b *Workbench) settleTail(ctx context.Context, dataset string, c pipeline.Counts) error {
	if c.Records == 0 {
		return nil
	}
	if err := b.Store.Merge(ctx, dataset); err != nil {
		return err
	}
	if err := b.RefreshRollups(ctx, dataset); err != nil {
		return err
	}
	b.refreshModels(ctx, dataset)
	return b.Store.Checkpoint(ctx)
}

func (b *Workbench) tailCommitted(ctx context.Context, t *tailing, opt TailOptions, c pipeline.Commit) error {
	began := time.Now()
	defer func() {
		took := c.Took + time.Since(began)
		t.measure(health.Flow{Records: c.Stored, Errors: c.SetAside, Busy: took, Worst: took})
	}()
	t.mu.Lock()
	if c.Watermark.After(t.watermark) {
		t.watermark = c.Watermark
	}
	if c.Stored > 0 {
		t.last = time.Now()
	}
	t.mu.Unlock()
	if c.Stored > 0 {
		b.asking.aside(ctx)
		if err := b.RefreshRollups(ctx, t.dataset.Name); err != nil {
			return err
		}
		if b.models.rested(t.dataset.Name, time.Now()) {
			b.refreshModels(ctx, t.dataset.Name)
		}
		b.changed(t.dataset.Name)
	}
	b.asking.aside(ctx)
	alarms := b.evaluateTail(ctx, t, c)
	if opt.Committed == nil {
		return nil
	}
	return opt.Committed(ctx, TailCommit{t.source.Name, t.dataset.Name, c, alarms})
}

func (t *tailing) report(c pipeline.Counts) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.Read > t.counts.Read {
		t.last = time.Now()
	}
	t.counts = c
}

// quotaOf is a dataset's quota as the pipeline has it; nil is none.
func quotaOf(d workspace.Dataset) (*pipeline.Quota, error) {
	if d.Quota == nil {
		return nil, nil //nolint:nilnil // most datasets have none
	}
	q := &pipeline.Quota{PerSecond: d.Quota.RecordsPerSecond, Over: d.Quota.Over}
	if d.Quota.By == "" {
		return q, nil
	}
	by, err := engine.ParsePath(d.Quota.By)
	if err != nil {
		return nil, fmt.Errorf("datasets.%s.quota: %w", d.Name, err)
	}
	q.By = tablePath(engine.Policy{Path: by}).Path
	return q, nil
}

// strategyOf is a dataset's watermark as the window package has it.
func strategyOf(w workspace.Watermark) window.Strategy {
	return window.Strategy{Kind: w.Strategy, Lateness: w.Lateness, Idle: w.Idle, MaxFuture: w.MaxFuture, P: w.P}
}

func windowMarks(marks []engine.ShardMark) []window.Mark {
	out := make([]window.Mark, len(marks))
	for i, m := range marks {
		out[i] = window.Mark{Shard: m.Shard, At: m.At, Seen: m.Seen}
	}
	return out
}

// advance tells a watermark what a batch brought.
func advance(w *window.Watermark, brought map[string]pipeline.Moments, now time.Time) (time.Time, []engine.ShardMark) {
	for shard, m := range brought {
		if len(m.Times) == 0 {
			w.Join(shard, now)
			continue
		}
		w.ObserveMicros(shard, m.Times, m.Arrived)
	}
	for shard, m := range brought {
		if m.Ended {
			w.Leave(shard)
		}
	}
	w.Pass(now)
	marks := []engine.ShardMark{}
	for _, m := range w.Marks() {
		marks = append(marks, engine.ShardMark{Shard: m.Shard, At: m.At, Seen: m.Seen})
	}
	return w.At(), marks
}

// Arrived is the query for the records of a commit, in the order in which they
// came; filter is a condition on records, empty for all.
func (b *Workbench) Arrived(c TailCommit, filter string) (string, error) {
	where := fmt.Sprintf("ingest_time = make_timestamptz(%d)", c.Ingest.UnixMicro())
	if filter != "" {
		condition, err := b.filterSQL(c.Dataset, filter)
		if err != nil {
			return "", err
		}
		where += " AND " + condition
	}
	return "SELECT event_time, service, level, message, labels, body, rest FROM " + engine.QuoteIdent(c.Dataset) + " WHERE " + where + " ORDER BY _seq", nil
}

// filterSQL compiles a filter against a dataset as it is now.
func (b *Workbench) filterSQL(dataset, filter string) (string, error) {
	v, _ := b.Store.Schema(dataset)
	e, err := rule.CompileFilter(engine.Text{Value: filter, File: "--filter"}, engine.Dataset{Name: dataset, Version: v.Version, Body: v.Body})
	if err != nil {
		return "", err
	}
	return plan.Condition(e)
}

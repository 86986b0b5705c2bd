package workbench

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/engine/rule"
)

// behind is how far a tail may lag before what it finds is no news: one that
// has slept catches up.
const behind = 5 * time.Minute

// watches are the live evaluations, by dataset.
type watches struct {
	mu  sync.Mutex
	all map[string]*watch
}

// watch is the live evaluation of the rules of one dataset.
type watch struct {
	mu      sync.Mutex // one step at a time
	live    *rule.Live
	of      *workspace.Workspace
	version int
	failing map[string]error
	// first says that the next step must look at all rows it does not know.
	first bool
	// fresh says that all rows came since the tail began: there is no history.
	fresh bool
	// past says that it is catching up, and lags that there is more of it; nil
	// is that nobody knows.
	past bool
	lags func() bool
}

// caughtUp says that nobody brings a dataset up any more.
func (ws *watches) caughtUp(dataset string) {
	w := ws.get(dataset)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.past, w.lags = false, nil
}

// catchingUp reports whether some dataset's tail lags far behind.
func (ws *watches) catchingUp() bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, w := range ws.all {
		if w.mu.TryLock() {
			past := w.past && (w.lags == nil || w.lags())
			w.mu.Unlock()
			if past {
				return true
			}
		} else {
			return true // it is at work: the next look tells
		}
	}
	return false
}

func (ws *watches) get(dataset string) *watch {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.all == nil {
		ws.all = map[string]*watch{}
	}
	if ws.all[dataset] == nil {
		ws.all[dataset] = &watch{}
	}
	return ws.all[dataset]
}

// AlarmNews is what one step of the live evaluation changed.
type AlarmNews struct {
	Changes []engine.IncidentChange
	// Failing are rules that could not be evaluated, and why.
	Failing map[string]error
}

// evaluated says what a step has to look at.
type evaluated struct {
	// late: rows came for windows that are done.
	late bool
	// past: what is found is no news.
	past bool
	// latency is what passed since the rows that decided arrived.
	latency time.Duration
}

// evaluate brings the rules of a dataset up to its rows and its watermark. A
// rule that fails is named and tried again with the next step.
func (b *Workbench) evaluate(ctx context.Context, dataset string, e evaluated) (AlarmNews, error) {
	var news AlarmNews
	v, has := b.Store.Schema(dataset)
	if !has || b.Store.Attached(dataset) || len(b.Current().Rules) == 0 {
		return news, nil
	}
	w := b.watches.get(dataset)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := b.refreshWatch(ctx, w, dataset, v.Version); err != nil || w.live.Empty() {
		return news, err
	}
	s := rule.Step{Late: e.late || w.first, Now: b.clock.Now(), Latency: e.latency, Past: e.past, Fresh: w.fresh}
	s.Rewrites = b.Store.Rewrites(dataset) // before anything is read
	var err error
	if s.Watermark, _, err = b.Store.Watermark(ctx, dataset); err != nil || s.Watermark.IsZero() {
		return news, err
	}
	if s.UpTo, err = b.Store.NewestSeq(ctx, dataset); err != nil {
		return news, err
	}
	if w.live.Awaits() {
		if s.Since, err = b.Store.OldestEvent(ctx, dataset); err != nil {
			return news, err
		}
	}
	out, _, failed := w.live.Step(ctx, b.Store, b.Store, s)
	if ctx.Err() != nil {
		w.live = nil
		return news, ctx.Err()
	}
	w.failing = failed
	w.first = len(failed) > 0
	out.Notices = b.notices(out.Changes)
	if out.Runbooks, err = b.runbooksOf(ctx, out.Changes); err != nil {
		w.live = nil
		return news, err
	}
	for name, err := range failed {
		out.Notices = append(out.Notices, b.failureNotices("rule "+name+" cannot be evaluated", err)...)
	}
	if err := b.Store.SaveEvaluated(ctx, out); err != nil {
		w.live = nil // what it knows is not what is kept
		return news, err
	}
	w.fresh, w.past = false, s.Past
	if len(out.Runbooks) > 0 {
		b.runbooks.due.Store(true)
	}
	news.Changes, news.Failing = out.Changes, failed
	if len(out.Changes) > 0 {
		b.changed(incidentsTable)
	}
	for name, err := range failed {
		slog.Warn("a rule could not be evaluated", "rule", name, "error", err)
	}
	return news, nil
}

// refreshWatch compiles the rules again when their files or the schema have
// changed, and lets them go on where they were.
func (b *Workbench) refreshWatch(ctx context.Context, w *watch, dataset string, version int) error {
	current := b.Current()
	if w.live != nil && w.of == current && w.version == version {
		return nil
	}
	progress, err := b.Store.Evaluations(ctx, dataset)
	if err != nil {
		return err
	}
	live := rule.NewLive(dataset)
	for _, f := range current.Rules {
		r, spec, err := b.compile(f)
		if spec.Dataset.Value != dataset || err != nil {
			continue // rules list tells why
		}
		if err := b.resume(ctx, live, r, progress[r.Name]); err != nil {
			return err
		}
	}
	w.live, w.of, w.version, w.first = live, current, version, true
	return nil
}

func (b *Workbench) resume(ctx context.Context, live *rule.Live, r *rule.Rule, p engine.RuleProgress) error {
	late := b.lateUpdates(r)
	if p.Fingerprint != r.Fingerprint() {
		return live.Add(r, late)
	}
	kept := rule.Kept{Progress: p}
	open := late.OpenSince(p.At)
	var err error
	if kept.Incidents, err = b.Store.LiveIncidents(ctx, r.Name, r.IncidentsSince(open)); err != nil {
		return err
	}
	from := open
	for _, i := range kept.Incidents {
		if (i.End == nil || i.End.After(open)) && i.Start.Before(from) {
			from = i.Start.Add(-time.Microsecond)
		}
	}
	if back := r.LooksBack(open); back.Before(from) {
		from = back
	}
	if kept.Points, err = b.Store.LiveDatapoints(ctx, r.Name, from, r.KnownSince(from), r.Resumes()); err != nil {
		return err
	}
	if kept.Alarms, err = b.Store.AlarmStates(ctx, r.Name); err != nil {
		return err
	}
	return live.Resume(r, late, kept)
}

// lateUpdates is what late records do to a rule's windows: what the rule says,
// else what its dataset does.
func (b *Workbench) lateUpdates(r *rule.Rule) rule.LateUpdates {
	d := b.Current().Config.Dataset(r.Plan.Dataset).Late
	allowed, mode := d.Allowed, d.Mode
	if l := r.Spec.Late; l != nil {
		if l.Allowed.Text.Value != "" {
			allowed = l.Allowed.Value
		}
		if l.Mode.Value != "" {
			mode = l.Mode.Value
		}
	}
	return rule.LateUpdates{Allowed: allowed, Never: mode != "update"}
}

// beginWatch brings the rules of a dataset up to what is stored before a tail
// adds to it: that is history, and no news.
func (b *Workbench) beginWatch(ctx context.Context, dataset string) {
	if _, has, err := b.Store.Watermark(ctx, dataset); err == nil && !has {
		w := b.watches.get(dataset)
		w.mu.Lock()
		w.fresh = true
		w.mu.Unlock()
		return
	}
	if _, err := b.evaluate(ctx, dataset, evaluated{late: true, past: true}); err != nil && !errors.Is(err, context.Canceled) {
		slog.Error("rules could not be evaluated", "dataset", dataset, "error", err)
	}
}

// farBehind reports whether a shard has much to catch up with.
func farBehind(shards []engine.ShardState) bool {
	return slices.ContainsFunc(shards, func(sh engine.ShardState) bool { return sh.State == "reading" && sh.Behind > behind.Milliseconds() })
}

// evaluateTail is evaluate after a commit of a tail: what it cannot do is
// told, and does not end the tail.
func (b *Workbench) evaluateTail(ctx context.Context, t *tailing, c pipeline.Commit) AlarmNews {
	dataset := t.dataset.Name
	now := b.clock.Now()
	e := evaluated{late: c.Late > 0, latency: now.Sub(c.Ingest)}
	if t.source.Type == "kinesis" && !c.Arrived.IsZero() {
		e.latency = now.Sub(c.Arrived)
	}
	lags := func() bool { return farBehind(t.stream.Shards()) }
	// What a stream has kept for long is no news either, when it is read at one go.
	e.past = lags() || c.Stored > 0 && e.latency > behind
	w := b.watches.get(dataset)
	w.mu.Lock()
	w.lags = lags
	w.mu.Unlock()
	news, err := b.evaluate(ctx, dataset, e)
	if err != nil && !errors.Is(err, context.Canceled) {
		slog.Error("rules could not be evaluated", "dataset", dataset, "error", err)
	}
	return news
}

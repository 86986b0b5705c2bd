package workbench

import (
	"context"
	"maps"
	"slices"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
)

// PullOptions say what to pull.
type PullOptions struct {
	// Sources by name; none means every s3 and file source.
	Sources []string
	// From and To keep objects that may hold events in [From, To); zero is
	// open. It is objects that are chosen, by the dates in their keys (with a
	// day of slack, for those are delivery dates) or by when they were last
	// changed; their rows are stored whole.
	From, To time.Time
	// Again pulls objects that are in the ledger anew, in place of their rows.
	Again bool
	// DryRun lists and counts, and pulls nothing.
	DryRun bool
	// Report is told how far it is, from one goroutine.
	Report func(Progress)
}

// Progress is how far a pull has come.
type Progress struct {
	Source       string
	Counts       pipeline.Counts
	ObjectsTotal int64
	BytesTotal   int64
}

// PullResult is what a pull did; its JSON is part of the contract.
type PullResult struct {
	pipeline.Counts
	Skipped  int64   `json:"skipped"`
	Attached int64   `json:"attached,omitempty"`
	Seconds  float64 `json:"seconds"`
	// Unmet are policies and keys on paths that never appeared.
	Unmet []Unmet `json:"unmet_policies,omitempty"`
	// OverRoute are sources that would make too many datasets.
	OverRoute []OverRoute         `json:"over_route,omitempty"`
	Datasets  map[string]struct{} `json:"-"`
}

// pullWorkers is how many objects are fetched and decoded at once: eight keep
// a link to S3 full, and the files of this machine need no more than its
// processors.
const pullWorkers = 8

// Pull brings the sources' objects into their datasets. What could not be
// reached is counted in Failed; the error is for a pull that could not go on.
func (b *Workbench) Pull(ctx context.Context, opt PullOptions) (PullResult, error) {
	if err := b.pulls.take(ctx); err != nil {
		return PullResult{}, err
	}
	defer b.pulls.Unlock()
	started := b.clock.Now()
	result := PullResult{Datasets: map[string]struct{}{}}
	jobs, err := b.plan(ctx, opt)
	if err != nil {
		return result, err
	}
	if err := b.pullAttached(ctx, opt, &result); err != nil {
		return result, err
	}
	total, into, err := b.weigh(jobs)
	if err != nil {
		return result, err
	}
	if opt.Report != nil && len(jobs) > 0 {
		total.Source = jobs[0].archive.config.Name
		opt.Report(total)
	}
	defer b.holdTails(into...)()
	for _, j := range jobs {
		if err := b.pullJob(ctx, j, total, opt.Report, &result); err != nil {
			return result, err
		}
	}
	if err := b.settle(ctx, result); err != nil {
		return result, err
	}
	if result.Records > 0 {
		for name := range result.Datasets {
			b.changed(name)
		}
	}
	if result.Read > 0 {
		for _, name := range slices.Sorted(maps.Keys(result.Datasets)) {
			unmet, err := b.unmet(ctx, b.Current().Config.Dataset(name))
			if err != nil {
				return result, err
			}
			result.Unmet = append(result.Unmet, unmet...)
		}
	}
	result.Seconds = b.clock.Now().Sub(started).Seconds()
	return result, nil
}

// weigh sums up what jobs have to do, and lists the datasets that it may go
// into.
func (b *Workbench) weigh(jobs []*job) (total Progress, into []string, err error) {
	for _, j := range jobs {
		if err := b.checkPaths(j.dataset); err != nil {
			return total, nil, err
		}
		into = append(into, j.dataset.Name)
		if j.archive.config.Route.Path != "" {
			into = append(into, b.tailed()...)
		}
		total.ObjectsTotal += int64(len(j.tasks))
		for _, t := range j.tasks {
			total.BytesTotal += t.Size
		}
	}
	return total, into, nil
}

// pullJob runs a job and adds what it did to a result. report may be nil.
func (b *Workbench) pullJob(ctx context.Context, j *job, total Progress, report func(Progress), result *PullResult) error {
	result.Skipped += j.skipped
	var told int64
	counts, err := b.run(ctx, j, func(c pipeline.Counts) {
		if c.Records > told {
			told = c.Records
			b.changed(j.dataset.Name)
		}
		if report != nil {
			now := total
			now.Source, now.Counts = j.archive.config.Name, result.Counts.Add(c)
			report(now)
		}
	})
	result.Counts = result.Counts.Add(counts)
	b.notePull(ctx, j, counts, err)
	if err != nil {
		return err
	}
	if c := j.archive.config; counts.Over > 0 {
		result.OverRoute = append(result.OverRoute, OverRoute{c.Name, c.Route.Tables, c.Dataset, counts.Over})
	}
	return b.filled(ctx, j, counts, result.Datasets)
}

// filled adds the datasets that a job brought rows to, now or before it was
// last interrupted.
func (b *Workbench) filled(ctx context.Context, j *job, counts pipeline.Counts, to map[string]struct{}) error {
	to[j.dataset.Name] = struct{}{}
	for name := range counts.Routed {
		to[name] = struct{}{}
	}
	routes, err := b.Store.Routes(ctx, j.archive.config.Name)
	for _, name := range routes[j.dataset.Name] {
		to[name] = struct{}{}
	}
	return err
}

// settle ends a pull: segments become one, watermarks move, the log is
// written into the database. One that brings nothing may still have to do what
// an interrupted one left undone.
func (b *Workbench) settle(ctx context.Context, r PullResult) error {
	for name := range r.Datasets {
		if _, has := b.Store.Schema(name); !has {
			continue
		}
		if err := b.Store.Merge(ctx, name); err != nil {
			return err
		}
		if w := b.Current().Config.Dataset(name).Watermark; r.Records > 0 || b.onlyPulled(name) {
			if _, err := b.Store.AdvanceWatermark(ctx, name, w.Lateness, w.MaxFuture); err != nil {
				return err
			}
		}
		if err := b.RefreshRollups(ctx, name); err != nil {
			return err
		}
		b.refreshModels(ctx, name)
	}
	switch {
	case r.Records == 0:
		return nil
	case r.Records < fewRecords:
		return b.Store.CheckpointGrown(ctx)
	}
	return b.Store.Checkpoint(ctx)
}

// fewRecords are not worth writing down anew where each part of a table lies,
// which takes longer the larger it is.
const fewRecords = 10_000

// onlyPulled reports whether no stream moves the watermark of a dataset.
func (b *Workbench) onlyPulled(dataset string) bool {
	return !slices.ContainsFunc(b.Current().Config.Sources, func(e engine.Entry[workspace.Source]) bool {
		return e.Value.Dataset == dataset && !e.Value.Bounded()
	})
}

// RefreshRollups brings the rollups of a dataset up to its rows: what its
// settings keep, and only the windows that rows were added to.
func (b *Workbench) RefreshRollups(ctx context.Context, dataset string) error {
	kept, err := keptBy(b.Current().Config.Dataset(dataset))
	if err == nil {
		_, err = b.Store.Refresh(ctx, dataset, kept)
	}
	return err
}

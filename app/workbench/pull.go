package workbench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/engine/schema"
	"tidemark.dev/tidemark/engine/store"
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
	// Unmet are policies on paths that never appeared.
	Unmet []Unmet `json:"unmet_policies,omitempty"`
	// OverRoute are sources that would make too many datasets.
	OverRoute []OverRoute         `json:"over_route,omitempty"`
	Datasets  map[string]struct{} `json:"-"`
}

// DryRun is what a pull would fetch; its JSON is part of the contract.
type DryRun struct {
	Objects  int64   `json:"objects"`
	Skipped  int64   `json:"skipped"`
	Bytes    int64   `json:"bytes"`
	Requests int64   `json:"requests"`
	CostUSD  float64 `json:"cost_usd"`
	// Attached are the objects that stay where they are; of them only footers
	// would be fetched. Bytes and Requests include those, Objects does not.
	Attached int64 `json:"attached"`
	// Basis says how the cost was estimated.
	Basis string `json:"basis"`
}

// Prices of S3 Standard in us-east-1, US dollars, as published by AWS in
// 2026: requests, and transfer out to the internet.
const (
	usdPerList = 0.005 / 1000
	usdPerGet  = 0.0004 / 1000
	usdPerGB   = 0.09
	costBasis  = "S3 Standard in us-east-1: $0.005 per 1,000 LIST, $0.0004 per 1,000 GET, $0.09 per GB out to the internet; nothing inside the region"
)

// pullWorkers is how many objects are fetched and decoded at once: eight keep
// a link to S3 full, and the files of this machine need no more than its
// processors.
const pullWorkers = 8

// Pull brings the sources' objects into their datasets. What could not be
// reached is counted in Failed; the error is for a pull that could not go on.
func (b *Workbench) Pull(ctx context.Context, opt PullOptions) (PullResult, error) {
	b.pulls.Lock()
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
	total := Progress{}
	var into []string
	for _, j := range jobs {
		if err := b.checkPaths(j.dataset); err != nil {
			return result, err
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
	defer b.holdTails(into...)()
	for _, j := range jobs {
		result.Skipped += j.skipped
		var told int64
		counts, err := b.run(ctx, j, func(c pipeline.Counts) {
			if c.Records > told {
				told = c.Records
				b.changed(j.dataset.Name)
			}
			if opt.Report != nil {
				now := total
				now.Source, now.Counts = j.archive.config.Name, result.Counts.Add(c)
				opt.Report(now)
			}
		})
		result.Counts = result.Counts.Add(counts)
		b.notePull(ctx, j, counts, err)
		if err != nil {
			return result, err
		}
		if err := b.filled(ctx, j, counts, result.Datasets); err != nil {
			return result, err
		}
		if c := j.archive.config; counts.Over > 0 {
			result.OverRoute = append(result.OverRoute, OverRoute{c.Name, c.Route.Tables, c.Dataset, counts.Over})
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
	if r.Records == 0 {
		return nil
	}
	return b.Store.Checkpoint(ctx)
}

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

// DryRun says what Pull would fetch.
func (b *Workbench) DryRun(ctx context.Context, opt PullOptions) (DryRun, error) {
	out := DryRun{Basis: costBasis}
	jobs, err := b.plan(ctx, opt)
	if err != nil {
		return out, err
	}
	if err := b.dryAttached(ctx, opt, &out); err != nil {
		return out, err
	}
	for _, j := range jobs {
		out.Skipped += j.skipped
		out.Objects += int64(len(j.tasks))
		for _, t := range j.tasks {
			out.Bytes += t.Size
		}
		if j.archive.config.Type != "s3" {
			continue
		}
		lists := j.archive.requests()
		gets := int64(len(j.tasks))
		out.Requests += lists + gets
		var bytes int64
		for _, t := range j.tasks {
			bytes += t.Size
		}
		out.CostUSD += float64(lists)*usdPerList + float64(gets)*usdPerGet + float64(bytes)/1e9*usdPerGB
	}
	return out, nil
}

// job is the work of one source.
type job struct {
	archive *archive
	dataset workspace.Dataset
	tasks   []pipeline.Task
	skipped int64
}

// plan lists the sources and leaves out what the ledger has.
func (b *Workbench) plan(ctx context.Context, opt PullOptions) ([]*job, error) {
	sources, err := b.chosen(opt.Sources)
	if err != nil {
		return nil, err
	}
	var jobs []*job
	for _, c := range sources {
		if c.Attach {
			continue
		}
		d := b.Current().Config.Dataset(c.Dataset)
		if err := b.formats().Check(c.Format); err != nil {
			return nil, fmt.Errorf("sources.%s.format: %w", c.Name, err)
		}
		if err := store.CheckName(d.Name); err != nil {
			return nil, err
		}
		if b.Store.Attached(d.Name) { // it has no rows here that could be lost
			if err := b.Store.Drop(ctx, d.Name); err != nil {
				return nil, err
			}
		}
		if err := b.checkRoutes(ctx, c); err != nil {
			return nil, err
		}
		a, err := b.openSource(ctx, c)
		if err != nil {
			return nil, err
		}
		j := &job{archive: a, dataset: d}
		if err := b.list(ctx, j, opt); err != nil {
			b.noteSource(ctx, c, err)
			return nil, err
		}
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// CheckPull says beforehand why a pull of these sources could not begin.
func (b *Workbench) CheckPull(names []string) error {
	_, err := b.chosen(names)
	return err
}

// chosen finds the sources a pull names, or all that have an end.
func (b *Workbench) chosen(names []string) ([]workspace.Source, error) {
	return b.choose("pull", names, func(s workspace.Source) bool { return s.Bounded() })
}

// choose finds the sources a verb names, or all of its kind.
func (b *Workbench) choose(verb string, names []string, kind func(workspace.Source) bool) ([]workspace.Source, error) {
	if !b.Current().Trusted {
		return nil, workspace.ErrUntrusted(b.Current().Root, verb)
	}
	var all []string
	var out []workspace.Source
	for _, e := range b.Current().Config.Sources {
		all = append(all, e.Key.Value)
		if len(names) == 0 && kind(e.Value) || slices.Contains(names, e.Key.Value) {
			out = append(out, e.Value)
		}
	}
	for _, n := range names {
		if _, ok := b.Current().Config.Source(n); !ok {
			err := engine.Errorf(engine.NotFound, verb, "there is no source %s", n)
			if near := engine.Nearest(n, all); near != "" {
				return nil, err.WithHint("did you mean %s?", near)
			}
			return nil, err.WithHint("add it under sources in tidemark.yaml")
		}
	}
	if len(out) == 0 {
		kinds := map[string]string{"pull": "s3 or file", "tail": "kinesis or replay"}[verb]
		return nil, engine.Errorf(engine.NotFound, verb, "the workspace has no %s source", kinds).
			WithHint("add one under sources in tidemark.yaml")
	}
	return out, nil
}

func (b *Workbench) list(ctx context.Context, j *job, opt PullOptions) error {
	name := j.archive.config.Name
	known, err := b.Store.Progress(ctx, j.dataset.Name, name)
	if err != nil {
		return err
	}
	objects, err := listed(ctx, j.archive)
	for _, o := range objects {
		j.archive.forget(o)
		if !mayHold(o, opt.From, opt.To) {
			continue
		}
		done, has := known.Done[o.Key]
		if has && done == o.Version() && !opt.Again {
			j.skipped++
			continue
		}
		t := pipeline.Task{Object: o, Replace: has}
		switch part, begun := known.Partial[o.Key]; {
		case begun && part.Version == o.Version():
			t.Skip, t.Replace = part.Records, false
			t.Stored, t.Quarantined, t.Dropped = part.Stored, part.Quarantined, part.Dropped
		case begun:
			t.Replace = true
		}
		j.tasks = append(j.tasks, t)
	}
	return err
}

func (b *Workbench) run(ctx context.Context, j *job, report func(pipeline.Counts)) (pipeline.Counts, error) {
	if len(j.tasks) == 0 {
		return pipeline.Counts{}, nil
	}
	opt, guard, release, err := b.recordOptions(ctx, j.archive.config, j.dataset)
	if err != nil {
		return pipeline.Counts{}, err
	}
	defer release()
	opt.Workers = pullWorkers
	if j.archive.config.Type == "file" {
		opt.Workers = min(opt.Workers, runtime.GOMAXPROCS(0)+1)
	}
	opt.Fetch, opt.Report = j.archive.fetch, report
	if err := b.seam(j.archive.config, j.dataset, &opt); err != nil {
		return pipeline.Counts{}, err
	}
	routing, err := b.routeRecords(ctx, j.archive.config, &opt)
	defer routing.done()
	if err != nil {
		return pipeline.Counts{}, err
	}
	counts, err := pipeline.Pull(ctx, opt, j.tasks)
	for name, guard := range routing.guards {
		if kept := b.countPolicies(ctx, name, guard, counts.Routed[name].Policies); err == nil {
			err = kept
		}
	}
	if kept := b.countPolicies(ctx, j.dataset.Name, guard, counts.Policies); err == nil {
		err = kept
	}
	return counts, err
}

// keyOf reads what names a row of the dataset, and what deletes one.
func keyOf(d workspace.Dataset) (key []engine.Path, deleted engine.Path, err error) {
	for _, text := range d.Key {
		p, err := engine.ParsePath(text)
		if err != nil {
			return nil, nil, fmt.Errorf("datasets.%s.key: %w", d.Name, err)
		}
		key = append(key, p)
	}
	if d.Deleted != "" {
		deleted, err = engine.ParsePath(d.Deleted)
	}
	return key, deleted, err
}

// recordOptions say how the records of a source become rows of a dataset,
// wherever they come from. Whoever asked calls release, if there is no error.
func (b *Workbench) recordOptions(ctx context.Context, c workspace.Source, d workspace.Dataset) (opt pipeline.Options, guard protection, release func(), err error) {
	mapping, findTime, err := mappingOf(d)
	if err != nil {
		return opt, guard, nil, err
	}
	if guard, err = b.protection(ctx, d, b.private(c)); err != nil {
		return opt, guard, nil, err
	}
	if err := b.countPolicies(ctx, d.Name, guard, nil); err != nil {
		return opt, guard, nil, err
	}
	var dedup engine.Path
	if d.Dedup != "" {
		if dedup, err = engine.ParsePath(d.Dedup); err != nil {
			return opt, guard, nil, err
		}
	}
	key, deleted, err := keyOf(d)
	if err != nil {
		return opt, guard, nil, err
	}
	watermark, _, err := b.Store.Watermark(ctx, d.Name)
	if err != nil {
		return opt, guard, nil, err
	}
	stages, release, err := b.stages(ctx, d)
	return pipeline.Options{
		Policies: guard.policies, Key: guard.key, Private: len(guard.key) > 0,
		Dataset: d.Name, Source: c.Name, Format: c.Format, Formats: b.formats(),
		Mapping: mapping, FindTime: findTime, Strict: d.Schema == "strict", Dedup: dedup, RowKey: key, Deleted: deleted, Stages: stages,
		Watermark: watermark, Staging: b.staging, Scratch: b.Current().TempDir(),
		Store: b.Store, Clock: b.clock, Unpack: int64(b.Current().Config.Limits.Unpack),
	}, guard, release, err
}

// mappingOf reads a dataset's mapping; findTime says that the event time is
// to be found out.
func mappingOf(d workspace.Dataset) (m engine.Mapping, findTime bool, err error) {
	var problems []error
	path := func(s string) engine.Path {
		p, err := engine.ParsePath(s)
		problems = append(problems, err)
		return p
	}
	m.Envelope = schema.DefaultEnvelope()
	for column, from := range d.Envelope.Map() {
		m.Envelope[column] = []engine.Path{path(from)}
	}
	if d.EventTime != "" {
		m.EventTime = []engine.Path{path(d.EventTime)}
	}
	m.MaxPaths = d.MaxPaths
	for _, l := range d.Labels {
		m.Labels = append(m.Labels, path(l))
	}
	if err := errors.Join(problems...); err != nil {
		return m, false, fmt.Errorf("datasets.%s: %w", d.Name, err)
	}
	return m, d.EventTime == "", nil
}

package workbench

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/engine/store"
)

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
		kinds := map[string]string{"pull": "s3 or file source", "tail": "kinesis or replay source"}
		return nil, engine.Errorf(engine.NotFound, verb, "the workspace has no %s", cmp.Or(kinds[verb], "source")).
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

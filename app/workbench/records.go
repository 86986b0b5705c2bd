package workbench

import (
	"context"
	"errors"
	"fmt"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/engine/schema"
)

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

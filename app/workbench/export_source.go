package workbench

import (
	"context"
	"fmt"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/export"
)

// exportSource is how the records of a dataset lie, and what is done to them.
func (b *Workbench) exportSource(ctx context.Context, name string) (s export.Source, err error) {
	d := b.Current().Config.Dataset(name)
	if s.Mapping, _, err = mappingOf(d); err != nil {
		return s, err
	}
	known, err := b.Store.Dataset(name)
	if err != nil {
		return s, err
	}
	s.Body = known.Body
	for _, c := range d.Columns {
		p, err := engine.ParsePolicy(c.Key.Value, c.Value.Value)
		if err != nil {
			return s, fmt.Errorf("datasets.%s.columns: %w", name, err)
		}
		s.Policies = append(s.Policies, tablePath(p))
	}
	if s.Dedup, err = optionalPath(d.Dedup); err != nil {
		return s, err
	}
	s.Keyed, s.Quota = len(d.Key) > 0, d.Quota != nil
	s.Strategy, s.Lateness, s.Idle, s.MaxFuture = d.Watermark.Strategy, d.Watermark.Lateness, d.Watermark.Idle, d.Watermark.MaxFuture
	stages, release, err := b.stages(ctx, d)
	if err != nil {
		return s, err
	}
	defer release()
	for i, stage := range stages {
		t := export.Transform{Name: d.Transforms[i]}
		for _, f := range stage.Outputs() {
			t.Writes = append(t.Writes, f.Path)
		}
		s.Transforms = append(s.Transforms, t)
	}
	return s, nil
}

func optionalPath(s string) (engine.Path, error) {
	if s == "" {
		return nil, nil
	}
	return engine.ParsePath(s)
}

package workbench

import (
	"context"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/plugins"
)

// stages loads the transforms of a dataset, in order. They stay as they are
// until release is called, so that no pull is done by half of two versions.
func (b *Workbench) stages(ctx context.Context, d workspace.Dataset) (out []pipeline.Stage, release func(), err error) {
	var held []func()
	release = func() {
		for _, r := range held {
			r()
		}
	}
	for _, name := range d.Transforms {
		s, let, err := b.stage(ctx, name)
		if err != nil {
			release()
			return nil, nil, err
		}
		held = append(held, let)
		out = append(out, s)
	}
	return out, release, nil
}

// stage prepares one transform: a lookup of the workspace, or a plugin.
func (b *Workbench) stage(ctx context.Context, name string) (pipeline.Stage, func(), error) {
	if l, has := b.Current().Config.Lookup(name); has {
		return b.newLookupStage(ctx, l)
	}
	m, err := b.module(name)
	if err != nil {
		return nil, nil, err
	}
	p, release, err := b.use(ctx, m)
	if err != nil {
		return nil, nil, err
	}
	s, err := newStage(name, p)
	if err != nil {
		release()
		return nil, nil, err
	}
	return s, release, nil
}

func newStage(name string, p *plugins.Plugin) (s *stage, err error) {
	if !p.Has(plugins.KindTransform) {
		return nil, engine.Errorf(engine.Invalid, "load plugin "+name, "it has no transform, but %s", kindsOf(p.Info())).
			WithHint("take it out of transforms")
	}
	s = &stage{plugin: p}
	if s.in, err = stageFields(name, p.Inputs()); err != nil {
		return nil, err
	}
	s.out, err = stageFields(name, p.Outputs())
	return s, err
}

// stage fits a plugin into the pipeline.
type stage struct {
	plugin  *plugins.Plugin
	in, out []pipeline.StageField
}

func stageFields(plugin string, fields []plugins.Field) ([]pipeline.StageField, error) {
	var out []pipeline.StageField
	for _, f := range fields {
		path, err := engine.ParsePath(f.Field)
		if err != nil {
			return nil, engine.Errorf(engine.Invalid, "load plugin "+plugin, "%w", err)
		}
		known := path[0] == "body" && len(path) > 1 || path[0] == "labels" && len(path) == 2
		for _, c := range engine.Envelope {
			known = known || len(path) == 1 && c.Name == path[0]
		}
		if !known { // a bare name is body.NAME
			path = append(engine.Path{"body"}, path...)
		}
		out = append(out, pipeline.StageField{Path: path, Type: f.Kind()})
	}
	return out, nil
}

// Name identifies the plugin in quarantine reasons.
func (s *stage) Name() string {
	about := s.plugin.Info()
	return about.Name + "@" + about.Version + " (" + about.SHA256[:12] + ")"
}

func (s *stage) Inputs() []pipeline.StageField { return s.in }

func (s *stage) Outputs() []pipeline.StageField { return s.out }

func (s *stage) Run(ctx context.Context, in []engine.Column, rows int) (pipeline.StageResult, error) {
	r, err := s.plugin.Transform(ctx, in, rows)
	if err != nil {
		return pipeline.StageResult{}, err
	}
	out := pipeline.StageResult{Src: r.Src, Columns: r.Columns}
	for _, x := range r.Rejected {
		out.Rejected = append(out.Rejected, pipeline.Rejected{Row: x.Row, Reason: x.Reason})
	}
	return out, nil
}

package workbench

import (
	"context"
	"strings"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/plugins"
)

// LensInput says which records to look at: the one of a stored row, given
// ones, or the last ones that were pulled.
type LensInput struct {
	Dataset string   `json:"dataset"`
	Seq     *int64   `json:"seq,omitempty" doc:"The _seq of a stored row."`
	Records []string `json:"records,omitempty" doc:"Records as they come, JSON objects." maxItems:"1000"`
	Last    int      `json:"last,omitempty" minimum:"0" maximum:"1000" doc:"How many of the last records; 1 where nothing else is given."`
}

// Lens is what the stages of a dataset make of records. Nothing is stored.
type Lens struct {
	Dataset string `json:"dataset"`
	// Veiled says that the dataset has columns: their policies are applied to
	// all that is shown, and to nothing that the stages saw.
	Veiled  bool        `json:"veiled"`
	Stages  []LensStage `json:"stages"`
	Records []LensTrace `json:"records"`
}

// LensStage is a stage, with its time for all records together, the second
// time round, and the most memory that one instance of it has had.
type LensStage struct {
	Name        string  `json:"name"`
	Kind        string  `json:"kind" enum:"transform,lookup"`
	Version     string  `json:"version,omitempty"`
	SHA256      string  `json:"sha256,omitempty"`
	MS          float64 `json:"ms"`
	MemoryBytes int64   `json:"memory_bytes"`
}

// LensTrace is the way of one record through the stages.
type LensTrace struct {
	RawRecord
	Steps []LensStep `json:"steps"`
}

// LensStep is what came into a stage of a record, and what came out: nothing
// when it was dropped or rejected, several when it was split.
type LensStep struct {
	In       []string `json:"in"`
	Out      []string `json:"out"`
	Rejected string   `json:"rejected,omitempty"`
	MS       float64  `json:"ms"`
}

// lensStage is a stage of a dataset, apart from those that pulls run.
type lensStage struct {
	LensStage
	stage  pipeline.Stage
	memory func() int64
}

// Lens runs records through the stages of a dataset, one by one.
func (b *Workbench) Lens(ctx context.Context, in LensInput) (Lens, error) {
	d, records, err := b.lensRecords(ctx, in)
	if err != nil {
		return Lens{}, err
	}
	stages, release, err := b.lensStages(ctx, d.Transforms)
	if err != nil {
		return Lens{}, err
	}
	defer release()
	out := Lens{Dataset: in.Dataset, Stages: []LensStage{}, Records: make([]LensTrace, len(records))}
	now := make([][]string, len(records))
	for i, r := range records {
		out.Records[i], now[i] = LensTrace{r, []LensStep{}}, []string{r.Record}
	}
	m, _, err := mappingOf(d)
	if err != nil {
		return Lens{}, err
	}
	for _, s := range stages {
		for range 2 { // the first time warms up
			s.MS = 0
			for i := range records {
				step, err := s.step(ctx, m, now[i])
				if err != nil {
					return Lens{}, err
				}
				s.MS += step.MS
				out.Records[i].Steps = append(out.Records[i].Steps[:len(out.Stages)], step)
			}
		}
		for i := range records {
			now[i] = out.Records[i].Steps[len(out.Stages)].Out
		}
		s.MemoryBytes = s.memory()
		out.Stages = append(out.Stages, s.LensStage)
	}
	return out, b.veil(ctx, d, &out)
}

// veil hides what the dataset's policies keep from being stored.
func (b *Workbench) veil(ctx context.Context, d workspace.Dataset, l *Lens) error {
	p, err := b.protector(ctx, d)
	v := veil{p}
	if err != nil || !v.on() {
		return err
	}
	l.Veiled = true
	for i := range l.Records {
		r := &l.Records[i]
		r.Record = v.text(r.Record)
		for k := range r.Steps {
			r.Steps[k] = v.step(r.Steps[k])
		}
	}
	return nil
}

// step runs a stage over what a record has become.
func (s *lensStage) step(ctx context.Context, m engine.Mapping, in []string) (LensStep, error) {
	out := LensStep{In: in, Out: []string{}}
	raw := make([][]byte, len(in))
	for i, r := range in {
		raw[i] = []byte(r)
	}
	started := time.Now()
	outcomes, err := pipeline.Through(ctx, s.stage, m, raw)
	out.MS = ms(time.Since(started))
	for _, o := range outcomes {
		for _, r := range o.Records {
			out.Out = append(out.Out, string(r))
		}
		if o.Rejected != "" {
			out.Rejected = o.Rejected
		}
	}
	return out, err
}

func (b *Workbench) lensRecords(ctx context.Context, in LensInput) (workspace.Dataset, []RawRecord, error) {
	d := b.Current().Config.Dataset(in.Dataset)
	if err := b.knownDataset(in.Dataset); err != nil {
		return d, nil, err
	}
	if !b.Current().Trusted {
		return d, nil, workspace.ErrUntrusted(b.Current().Root, "run plugins")
	}
	switch {
	case len(in.Records) > 0:
		out := make([]RawRecord, len(in.Records))
		for i, r := range in.Records {
			out[i] = RawRecord{Record: strings.TrimSpace(r)}
		}
		return d, out, nil
	case in.Seq != nil:
		out, err := b.recordAt(ctx, d, *in.Seq)
		return d, out, err
	}
	out, err := b.lastRecords(ctx, d, max(1, in.Last))
	return d, out, err
}

// knownDataset refuses a name that neither the workspace nor the database has.
func (b *Workbench) knownDataset(name string) error {
	if b.Expects(name) {
		return nil
	}
	_, err := b.Store.Dataset(name)
	return err
}

// lensStages loads the stages of a dataset anew, so that what is tried here
// counts for nobody else.
func (b *Workbench) lensStages(ctx context.Context, names []string) (out []*lensStage, release func(), err error) {
	var held []func()
	release = func() {
		for _, r := range held {
			r()
		}
	}
	for _, name := range names {
		if l, has := b.Current().Config.Lookup(name); has {
			s, let, err := b.newLookupStage(ctx, l)
			if err != nil {
				release()
				return nil, nil, err
			}
			held = append(held, let)
			out = append(out, &lensStage{LensStage: LensStage{Name: name, Kind: "lookup"}, stage: s, memory: func() int64 { return 0 }})
			continue
		}
		m, err := b.module(name)
		if err == nil && m.err != nil {
			err = m.err
		}
		if err != nil {
			release()
			return nil, nil, err
		}
		s, let, err := b.aside(ctx, name, m.code(), pluginSettings(m.settings))
		if err != nil {
			release()
			return nil, nil, err
		}
		held, out = append(held, let), append(out, s)
	}
	return out, release, nil
}

// aside loads a module as a stage of its own.
func (b *Workbench) aside(ctx context.Context, name string, wasm []byte, settings plugins.Settings) (*lensStage, func(), error) {
	host, err := b.host(ctx)
	if err != nil {
		return nil, nil, err
	}
	p, err := host.Load(ctx, name, wasm, settings)
	if err != nil {
		return nil, nil, err
	}
	release := func() { p.Retire() }
	s, err := newStage(name, p)
	if err != nil {
		release()
		return nil, nil, err
	}
	about := p.Info()
	return &lensStage{
		LensStage: LensStage{Name: name, Kind: plugins.KindTransform, Version: about.Version, SHA256: about.SHA256},
		stage:     s, memory: func() int64 { return p.Stats().Memory },
	}, release, nil
}

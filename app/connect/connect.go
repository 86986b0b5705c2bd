// Package connect teaches Redpanda Connect to run the plugins of a dataset: a
// processor that loads the same modules with the same settings into the same
// host, so that a record becomes what it becomes in Tidemark. It is for
// programs that run exported pipelines; docs/export.md shows one.
package connect

import (
	"context"

	"github.com/redpanda-data/benthos/v4/public/service"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/plugins"
)

// Name is the processor's, as pipelines write it.
const Name = "tidemark_plugins"

// Register adds the processor to an environment, which is usually
// service.GlobalEnvironment().
func Register(env *service.Environment) error {
	spec := service.NewConfigSpec().
		Summary("Runs the plugins of a dataset of a Tidemark workspace on each record.").
		Description("A message is one record, as JSON. A plugin may drop a record or make several of it. One that it rejects is left out and counted in tidemark_rejected.").
		Field(service.NewStringField("workspace").Description("The folder of the workspace.")).
		Field(service.NewStringField("dataset").Description("The dataset whose plugins run."))
	return env.RegisterProcessor(Name, spec, func(conf *service.ParsedConfig, r *service.Resources) (service.Processor, error) {
		dir, err := conf.FieldString("workspace")
		if err != nil {
			return nil, err
		}
		dataset, err := conf.FieldString("dataset")
		if err != nil {
			return nil, err
		}
		return newProcessor(context.Background(), dir, dataset, r)
	})
}

// processor runs the stages of a dataset.
type processor struct {
	host     *plugins.Host
	stages   []pipeline.Stage
	mapping  engine.Mapping
	log      *service.Logger
	rejected *service.MetricCounter
}

// newProcessor loads the plugins. Whoever runs the pipeline trusts the
// workspace by naming it.
func newProcessor(ctx context.Context, dir, dataset string, r *service.Resources) (*processor, error) {
	w, err := workspace.Load(dir, workspace.Options{Trusted: true})
	if err != nil {
		return nil, err
	}
	host, err := plugins.NewHost(ctx, plugins.Options{})
	if err != nil {
		return nil, err
	}
	p := &processor{host: host, log: r.Logger(), rejected: r.Metrics().NewCounter("tidemark_rejected")}
	if p.stages, p.mapping, err = workbench.Transforms(ctx, host, w, dataset); err != nil {
		host.Close(ctx) //nolint:errcheck // the first error is the one to tell
		return nil, err
	}
	return p, nil
}

// Process runs a record through all plugins. What is no JSON object goes on
// as it is.
func (p *processor) Process(ctx context.Context, m *service.Message) (service.MessageBatch, error) {
	raw, err := m.AsBytes()
	if err != nil {
		return nil, err
	}
	records := [][]byte{raw}
	for _, s := range p.stages {
		outcomes, err := pipeline.Through(ctx, s, p.mapping, records)
		if err != nil {
			return nil, err
		}
		records = nil
		for _, o := range outcomes {
			if o.Rejected != "" {
				p.rejected.Incr(1)
				p.log.Warnf("%s rejects a record: %s", s.Name(), o.Rejected)
			}
			records = append(records, o.Records...)
		}
	}
	out := make(service.MessageBatch, len(records))
	for i, record := range records {
		out[i] = m.Copy()
		out[i].SetBytes(record)
	}
	return out, nil
}

// Close lets go of the plugins.
func (p *processor) Close(ctx context.Context) error { return p.host.Close(ctx) }

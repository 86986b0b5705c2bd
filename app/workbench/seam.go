package workbench

import (
	"context"
	"slices"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
)

// seam makes sure that an archive and a tail of one stream meet in a dataset
// without loss or doubling: by a key that tells records apart, or by a moment
// at which one takes over from the other. A replay has nothing to meet.
func (b *Workbench) seam(c workspace.Source, d workspace.Dataset, opt *pipeline.Options) error {
	if c.Type == "replay" || len(opt.Dedup) > 0 || !b.meets(c, d.Name) {
		return nil
	}
	if d.Seam == nil {
		if c.Bounded() {
			return nil // an archive by itself is pulled as ever; the tail asks
		}
		return engine.Errorf(engine.Invalid, "tail "+c.Name, "an archive goes to dataset %s too, and nothing tells which of its records the stream has as well", d.Name).
			WithHint("set datasets.%s.dedup to a path that identifies a record, or datasets.%s.seam to the time at which the tail takes over", d.Name, d.Name)
	}
	if c.Bounded() {
		opt.Before = *d.Seam
	} else {
		opt.From = *d.Seam
	}
	return nil
}

// SeamOf is the moment from which on a dataset's records come from a stream
// rather than from an archive: the configured one, or the first event of the
// streams where a key tells records apart. It is nil where there are not both.
func (b *Workbench) SeamOf(ctx context.Context, dataset string) (*time.Time, error) {
	var streams []any
	archived := false
	for _, e := range b.Current().Config.Sources {
		if s := e.Value; s.Type == "replay" || !b.goesTo(s, dataset) {
			continue
		} else if s.Bounded() {
			archived = true
		} else {
			streams = append(streams, s.Name)
		}
	}
	if !archived || len(streams) == 0 {
		return nil, nil
	}
	if d := b.Current().Config.Dataset(dataset); d.Seam != nil {
		return d.Seam, nil
	}
	return b.Store.FirstOf(ctx, dataset, streams)
}

// meets reports whether a dataset has both a source with an end and a stream.
func (b *Workbench) meets(c workspace.Source, dataset string) bool {
	for _, e := range b.Current().Config.Sources {
		s := e.Value
		if b.goesTo(s, dataset) && s.Type != "replay" && s.Bounded() != c.Bounded() {
			return true
		}
	}
	return false
}

// goesTo reports whether the records of a source go to a dataset, or some went
// there that were routed.
func (b *Workbench) goesTo(s workspace.Source, dataset string) bool {
	if s.Dataset == dataset {
		return true
	}
	routes, err := b.Store.Routes(context.Background(), s.Name)
	return err == nil && slices.Contains(routes[s.Dataset], dataset)
}

package workbench

import (
	"context"
	"time"
)

// DatasetSummary is a dataset in a few figures.
type DatasetSummary struct {
	Name           string     `json:"name"`
	Rows           int64      `json:"rows"`
	FirstEventTime *time.Time `json:"first_event_time"`
	LastEventTime  *time.Time `json:"last_event_time"`
	Watermark      *time.Time `json:"watermark"`
	Seam           *time.Time `json:"seam" doc:"Where streams take over from archives; null where there are not both."`
	Columns        int        `json:"columns"`
}

// Datasets lists the datasets that have data, by name.
func (b *Workbench) Datasets(ctx context.Context) ([]DatasetSummary, error) {
	out := []DatasetSummary{}
	datasets, err := b.Store.Datasets(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range datasets {
		sum, err := b.Store.Summary(ctx, d.Name)
		if err != nil {
			return nil, err
		}
		columns, err := b.Columns(ctx, d.Name)
		if err != nil {
			return nil, err
		}
		seam, err := b.SeamOf(ctx, d.Name)
		if err != nil {
			return nil, err
		}
		out = append(out, DatasetSummary{
			Name: d.Name, Rows: sum.Rows, FirstEventTime: sum.FirstEventTime, LastEventTime: sum.LastEventTime,
			Watermark: sum.Watermark, Seam: seam, Columns: len(columns),
		})
	}
	return out, nil
}

// Source is where a source is, and how it is.
type Source struct {
	SourceHealth
	Location string `json:"location"`
}

// Sources lists the workspace's sources in the order of its file; none is
// reached for that.
func (b *Workbench) Sources(ctx context.Context) ([]Source, error) {
	all, err := b.SourcesHealth(ctx)
	if err != nil {
		return nil, err
	}
	out := []Source{}
	for _, one := range all {
		c, _ := b.Current().Config.Source(one.Name)
		out = append(out, Source{one, c.Location()})
	}
	return out, nil
}

package workbench

import (
	"context"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/dashboard"
)

// ResolveTime finds the range that a text means now.
func (b *Workbench) ResolveTime(ctx context.Context, text string, datasets []string) (from, to time.Time, err error) {
	t, err := dashboard.ParseTime(engine.Text{Value: text})
	if err != nil {
		return from, to, err
	}
	return b.resolve(ctx, t, datasets)
}

// resolve finds a range over some datasets, or all.
func (b *Workbench) resolve(ctx context.Context, t dashboard.Time, datasets []string) (from, to time.Time, err error) {
	all, err := b.Store.Datasets(ctx)
	if err != nil {
		return from, to, err
	}
	var watermark, first, last time.Time
	for _, d := range all {
		if len(datasets) > 0 && !slices.Contains(datasets, d.Name) {
			continue
		}
		w, ok, err := b.Store.Watermark(ctx, d.Name)
		if err != nil {
			return from, to, err
		}
		if ok && w.After(watermark) {
			watermark = w
		}
		if !t.All {
			continue
		}
		f, l, err := b.spanOf(ctx, d.Name)
		if err != nil {
			return from, to, err
		}
		if first.IsZero() || f.Before(first) {
			first = f
		}
		if l.After(last) {
			last = l
		}
	}
	now := b.clock.Now()
	if first.IsZero() {
		first, last = now.Add(-dashboard.DefaultSpan), now
	}
	from, to = t.Resolve(watermark, now, first, last)
	return from, to, nil
}

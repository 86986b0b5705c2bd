package workbench

import (
	"context"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/explore"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/rule"
)

// measureColumn is what the column of a measure is called.
func measureColumn(i workspace.DashboardItem) string {
	if len(i.Y) > 0 {
		return i.Y[0]
	}
	return "value"
}

// measured is the dataset that an item, or else the dashboard, is about.
func (b *Workbench) measured(d *workspace.Dashboard, item *workspace.DashboardItem) (engine.Dataset, error) {
	name := d.Dataset
	if item != nil && item.Dataset.Value != "" {
		name = item.Dataset
	}
	if name.Value != "" {
		ds, err := b.Store.Dataset(name.Value)
		if err != nil && b.Expects(name.Value) {
			return ds, errNoData
		}
		return ds, placed(name, err)
	}
	all, err := b.Store.Datasets(context.Background()) // reads memory only
	if err != nil || len(all) == 0 {
		return engine.Dataset{}, errNoData
	}
	if len(all) == 1 || item == nil {
		return all[0], nil
	}
	return engine.Dataset{}, item.Measure.At(0, "it is not clear which dataset is measured").WithHint("add dataset: %s to the item, or to the dashboard", all[0].Name)
}

// measureBuckets is about how many points a measure has over the range.
const measureBuckets = 120

// measure compiles the measure of an item: over time, or per value of x over
// the whole range.
func (b *Workbench) measure(d *workspace.Dashboard, item *workspace.DashboardItem, from, to time.Time) (*plan.Plan, error) {
	ds, err := b.measured(d, item)
	if err != nil {
		return nil, err
	}
	view := itemView(*item)
	size := max(to.Sub(from), time.Microsecond)
	window := plan.Window{Size: size, Offset: time.Duration(mod(from.UnixMicro(), size.Microseconds())) * time.Microsecond}
	var groups []engine.Text
	group := func(name string) {
		key := item.At.Key("series")
		key.Value = name
		groups = append(groups, key)
	}
	switch view.X {
	case "time":
		window = plan.Window{Size: explore.Cut(from, to, measureBuckets).Size()}
	case "":
	default:
		group(view.X)
	}
	if view.Series != "" {
		group(view.Series)
	}
	return rule.CompileMeasure(view.Y[0], item.Measure, item.Where, ds, window, groups)
}

func mod(a, n int64) int64 { return (a%n + n) % n }

// emptyMeasure is the row of a count of nothing; nil for what is unknown then.
func emptyMeasure(p *plan.Plan) []any {
	ref, ok := p.Measures[0].Expr.(*plan.Ref)
	if ok && len(p.Keys) == 0 && ref.To == plan.AggregateRef && p.Aggregates[ref.Index].Func == plan.Count {
		return []any{0}
	}
	return nil
}

package workbench

import (
	"context"
	"time"

	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/rule"
)

// cloudWatch evaluates the rule as CloudWatch does: metrics have a value for
// each minute in which records were delivered, a period is the sum of its
// minutes and slides every minute, and a period that was judged once is not
// judged again. Of each minute it tells the state; what it tells of a window
// is the state at its end.
func (p *paritying) cloudWatch(ctx context.Context) (map[string]map[int64]bool, error) {
	window := p.rule.Plan.Window
	sliding := *p.rule.Plan
	sliding.Window = plan.Window{Kind: plan.Hopping, Size: window.Size, Every: time.Minute}
	relation, err := p.asDelivered(ctx, sliding.Columns())
	if err != nil {
		return nil, err
	}
	from, to := window.Start(p.earliest), window.Start(p.end)
	breaching := map[string]map[int64]plan.Value{}
	err = p.sliding(ctx, &sliding, relation, from, to, func(key string, end time.Time, v plan.Value) {
		if breaching[key] == nil {
			breaching[key] = map[int64]plan.Value{}
		}
		breaching[key][end.Unix()] = v
	})
	if err != nil {
		return nil, err
	}
	fires := map[string]map[int64]bool{}
	for key, points := range breaching {
		fires[key] = p.evaluated(points, from, to)
	}
	return fires, nil
}

// sliding gives the sliding periods of every group.
func (p *paritying) sliding(ctx context.Context, sliding *plan.Plan, relation string, from, to time.Time, each func(key string, end time.Time, breaching plan.Value)) error {
	query, err := sliding.PaneQuery(relation, plan.Range{From: from.Add(-sliding.Window.Size), To: to}, nil)
	if err != nil {
		return err
	}
	rows, err := p.bench.Store.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	finisher := sliding.NewFinisher()
	for rows.Next() {
		span, row, _, err := finisher.ScanPane(rows)
		if err != nil {
			return err
		}
		each(p.keyOf(row.Keys), span.End, finisher.Breaching(&row.Env))
	}
	return rows.Err()
}

// evaluated goes through the minutes with the periods of one group.
func (p *paritying) evaluated(points map[int64]plan.Value, from, to time.Time) map[int64]bool {
	window := p.rule.Plan.Window
	fires := map[int64]bool{}
	state := rule.InsufficientData
	for t := from.Add(time.Minute); !t.After(to); t = t.Add(time.Minute) {
		newest := make([]rule.Point, p.rule.Alarm.Slots())
		for i := range newest {
			newest[len(newest)-1-i] = pointOf(points, t.Add(-time.Duration(i)*window.Size))
		}
		state, _ = p.rule.Alarm.Next(newest, state)
		if slot := window.Index(t); window.Start(slot).Equal(t) && state == rule.Alarming {
			fires[slot-1] = true
		}
	}
	return fires
}

func pointOf(points map[int64]plan.Value, t time.Time) rule.Point {
	v, ok := points[t.Unix()]
	switch {
	case !ok || v.IsNull():
		return rule.Absent
	case v.True():
		return rule.Breaching
	}
	return rule.NotBreaching
}

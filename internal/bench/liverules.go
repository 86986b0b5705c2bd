package main

import (
	"fmt"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine/rule"
)

// liveMeasures are what the rules of liveRules measure, in turn.
var liveMeasures = []string{"count()", "count(level == \"ERROR\")", "max(body.duration_ms)", "avg(body.duration_ms)", "sum(body.bytes)"}

// liveRule is rule i of some that cut time or choose records in so many ways.
func liveRule(i, sets int) string {
	set := i % sets
	return fmt.Sprintf("rule: r%d\ndataset: app_logs\ngroup_by: [service]\nwindow: {tumbling: %dm}\nwhere: body.status != %d\nmeasures: {n: '%s'}\nwhen: n > %d\n",
		i, 1+set%4, set/4, liveMeasures[i/sets%len(liveMeasures)], 1_000_000+i)
}

// liveRules prints what rules cost that are evaluated live over one dataset:
// for the first look at what is stored, and for a few minutes more. Both
// should follow the ways to cut time and choose records, and not the rules.
func (b *bench) liveRules() error {
	bench, _, err := b.stocked("live-rules")
	if err != nil {
		return err
	}
	defer bench.Close()
	newest, err := bench.Store.NewestSeq(b.ctx, "app_logs")
	if err != nil {
		return err
	}
	for _, sets := range []int{1, 5, 20} {
		for _, rules := range []int{1, 10, 50, 200} {
			if rules < sets {
				continue
			}
			if err := b.liveCost(bench, rules, sets, newest); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) liveCost(bench *workbench.Workbench, rules, sets int, newest int64) error {
	var first, next []time.Duration
	var ran rule.Queries
	for range b.runs {
		live, err := b.watching(bench, rules, sets)
		if err != nil {
			return err
		}
		for i, into := range []*[]time.Duration{&first, &next} {
			began := processorTime()
			var failed map[string]error
			_, ran, failed = live.Step(b.ctx, bench.Store, bench.Store, rule.Step{UpTo: newest, Watermark: liveUntil.Add(time.Duration(i) * 12 * time.Minute)})
			*into = append(*into, processorTime()-began)
			for name, err := range failed {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	fmt.Printf("%-14s %3d rules of %2d sets: %2d statements a step; 6h take %v, 12m more %v of processor time (medians of %d)\n", "live-rules",
		rules, sets, ran.Panes, median(first).Round(time.Millisecond), median(next).Round(100*time.Microsecond), b.runs)
	return nil
}

// liveUntil is six hours into the records.
var liveUntil = time.Date(2026, 1, 5, 6, 0, 0, 0, time.UTC)

// watching begins the live evaluation of some rules.
func (b *bench) watching(bench *workbench.Workbench, rules, sets int) (*rule.Live, error) {
	live := rule.NewLive("app_logs")
	for i := range rules {
		r, err := bench.Rule(workbench.RuleChoice{File: "bench", Text: liveRule(i, sets)})
		if err != nil {
			return nil, err
		}
		if err := live.Add(r, rule.LateUpdates{Allowed: 10 * time.Minute}); err != nil {
			return nil, err
		}
	}
	return live, nil
}

package workbench

import (
	"context"
	"errors"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/rule"
)

// AdviseRun says what to advise on.
type AdviseRun struct {
	RuleChoice
	From     *time.Time `json:"from,omitempty"`
	To       *time.Time `json:"to,omitempty" doc:"Absent: the newest record whose clock does not run ahead."`
	TimeZone string     `json:"time_zone,omitempty" doc:"Where the night is; absent is UTC."`
}

// CompareRun names two versions of a rule, or two rules.
type CompareRun struct {
	A        BacktestRun `json:"a"`
	B        BacktestRun `json:"b"`
	TimeZone string      `json:"time_zone,omitempty" doc:"Where the night is; absent is UTC."`
	Windows  bool        `json:"windows,omitempty" doc:"Whether the windows that are judged differently are in the answer."`
}

// Compare runs both and says what the second does differently. Incidents are
// those that the first one names.
func (b *Workbench) Compare(ctx context.Context, run CompareRun) (rule.Comparison, error) {
	zone, err := zoneNamed(run.TimeZone)
	if err != nil {
		return rule.Comparison{}, err
	}
	run.A.Datapoints, run.B.Datapoints = &run.Windows, &run.Windows
	x, err := b.RunBacktest(ctx, run.A)
	if err != nil {
		return rule.Comparison{}, err
	}
	y, err := b.RunBacktest(ctx, run.B)
	if err != nil {
		return rule.Comparison{}, err
	}
	return rule.Compare(x.Report, y.Report, x.Rule.Known, zone), nil
}

// Advise says what a rule's history says about its settings.
func (b *Workbench) Advise(ctx context.Context, run AdviseRun) (rule.Advice, error) {
	zone, err := zoneNamed(run.TimeZone)
	if err != nil {
		return rule.Advice{}, err
	}
	r, opt, err := b.prepared(ctx, BacktestRun{RuleChoice: run.RuleChoice, From: run.From, To: run.To})
	if err != nil {
		return rule.Advice{}, err
	}
	s, err := b.seriesOf(ctx, r, opt)
	if err != nil {
		return rule.Advice{}, err
	}
	if r, err = b.judged(ctx, r); err != nil {
		return rule.Advice{}, err
	}
	return s.Advise(r, zone), nil
}

// seriesOf gives the windows of a rule, from memory or from the records.
func (b *Workbench) seriesOf(ctx context.Context, r *rule.Rule, opt rule.BacktestOptions) (*rule.Series, error) {
	key, err := r.SeriesKey(opt)
	if err != nil {
		return nil, err
	}
	if kept, ok := b.series.get(b.Store.Revision(), key); ok {
		return kept.(*rule.Series), nil
	}
	revision := b.Store.Revision()
	_, s, err := rule.BacktestSeries(ctx, b.Store, b.Store, r, opt)
	if err == nil && s == nil {
		err = engine.Errorf(engine.Invalid, "read the windows of "+r.Name, "there are too many of them to be kept").WithHint("take a shorter time, with --from and --to, or larger windows")
	}
	if err != nil {
		return nil, err
	}
	b.series.put(revision, key, s)
	return s, nil
}

// prepared is the rule and the range that a run means.
func (b *Workbench) prepared(ctx context.Context, run BacktestRun) (*rule.Rule, rule.BacktestOptions, error) {
	file, line, text, err := b.source(run.RuleChoice)
	if err != nil {
		return nil, rule.BacktestOptions{}, err
	}
	r, err := b.compileText(file, line, text)
	if err == nil {
		r, err = r.With(run.Set)
	}
	return r, b.rangeOf(ctx, run, file, line, text), err
}

// rangeOf is the range that a run means. A clock that runs a year ahead would
// stretch it over that year.
func (b *Workbench) rangeOf(ctx context.Context, run BacktestRun, file string, line int, text []byte) (opt rule.BacktestOptions) {
	if run.From != nil {
		opt.From = run.From.UTC()
	}
	if run.To != nil {
		opt.To = run.To.UTC()
		return opt
	}
	if spec, err := workspace.DecodeRuleAt(file, line, text); err == nil {
		if _, to, err := b.spanOf(ctx, spec.Dataset.Value); err == nil && (run.From == nil || run.From.Before(to)) {
			opt.To = to
		}
	}
	return opt
}

func zoneNamed(name string) (*time.Location, error) {
	if name == "" || name == "UTC" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(name)
	if err == nil && name == "Local" {
		err = errors.New("it says nothing")
	}
	if err != nil {
		return nil, engine.Errorf(engine.Invalid, "time zone", "there is no time zone %s", name).WithHint("write one such as Europe/Berlin")
	}
	return zone, nil
}

package rule

import (
	"context"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Series is the windows of a backtest, kept in memory. Whatever does not
// change what is computed from records is tried on it without reading one
// again: another threshold, alarm, forget, or measure of the same aggregates.
// It is immutable and may be used by several goroutines.
type Series struct {
	key     string
	windows []scanned
	frame   backtest
}

// maxSeries bounds how many windows are kept.
const maxSeries = 500_000

// BacktestSeries is Backtest, and keeps the windows; nil if there are more than
// half a million of them.
func BacktestSeries(ctx context.Context, q engine.Querier, cat engine.Catalog, r *Rule, opt BacktestOptions) (*Report, *Series, error) {
	r, err := r.With(opt.Set)
	if err != nil {
		return nil, nil, err
	}
	opt.Set = nil
	key, err := r.SeriesKey(opt)
	if err != nil {
		return nil, nil, err
	}
	s := &Series{key: key}
	report, err := run(ctx, q, cat, r, opt, s)
	if err != nil || len(s.windows) > maxSeries {
		return report, nil, err
	}
	return report, s, nil
}

// keep takes in a window. Its measures are computed anew by whoever asks.
func (s *Series) keep(w *scanned) {
	if s == nil || len(s.windows) > maxSeries {
		return
	}
	kept := *w
	kept.row.Aggregates, kept.row.Measures, kept.row.Past = slices.Clone(w.row.Aggregates), nil, nil
	s.windows = append(s.windows, kept)
}

// cleared has no windows.
func (s *Series) cleared() *Series {
	if s != nil {
		s.windows = nil
	}
	return s
}

// Windows is how many there are, those that are only looked back at included.
func (s *Series) Windows() int { return len(s.windows) }

// Backtest runs a rule over the windows; ok is false if they are not the ones
// that it has over these options.
func (s *Series) Backtest(r *Rule, opt BacktestOptions) (report *Report, ok bool, err error) {
	if r, err = r.With(opt.Set); err != nil {
		return nil, false, err
	}
	key, err := r.SeriesKey(opt)
	if err != nil || key != s.key {
		return nil, false, err
	}
	return s.report(r, opt.Datapoints), true, nil
}

// report runs a rule that the windows are of.
func (s *Series) report(r *Rule, datapoints bool) *Report {
	b := s.frame
	b.rule, b.opt.Datapoints = r, datapoints
	b.report = &Report{Rule: r.Name, From: b.report.From, To: b.report.To, Episodes: []Episode{}, Transitions: []Transition{}, lead: r.lead()}
	if b.overlapping() {
		b.report.Records, b.report.Late = s.frame.report.Records, s.frame.report.Late
	}
	e := b.evaluate()
	for _, e.window = range s.windows {
		e.finisher.Again()
		e.finisher.Measure(&e.window.row.Env)
		e.take(&e.window)
	}
	e.close()
	b.report.finish(r)
	return b.report
}

// SeriesKey is the same for rules and options that make the same windows.
func (r *Rule) SeriesKey(opt BacktestOptions) (string, error) {
	p := r.Plan
	s, err := p.Identity()
	if err != nil {
		return "", err
	}
	reach := time.Duration(0)
	if opt.From.IsZero() {
		reach = -1
	} else if at := r.RunUp(epoch); !at.IsZero() {
		reach = epoch.Sub(at)
	} else {
		reach = -1
	}
	waits := "no"
	if r.Spec.Expect != nil {
		waits = "yes"
	}
	return join(slices.Concat(s, []string{reach.String(), waits, opt.From.String(), opt.To.String(), opt.Final.String()})), nil
}

var epoch = time.Unix(0, 0).UTC()

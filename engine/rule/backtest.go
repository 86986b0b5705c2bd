package rule

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// BacktestOptions says over what a rule is run.
type BacktestOptions struct {
	// From and To bound event time; windows are always taken whole. Zero is
	// the first and the newest event time stored.
	From, To time.Time
	// Set overrides keys of the rule; see Rule.With.
	Set map[string]string
	// Datapoints asks for every window in the report.
	Datapoints bool
	// Final leaves out windows that end after it, as a watermark there does;
	// zero takes all.
	Final time.Time
}

// Backtest runs a rule over all stored records of its dataset: one grouped
// query, whose rows go through the alarm as they come. Memory grows with what
// is reported, not with the records.
func Backtest(ctx context.Context, q engine.Querier, cat engine.Catalog, r *Rule, opt BacktestOptions) (*Report, error) {
	r, err := r.With(opt.Set)
	if err != nil {
		return nil, err
	}
	return run(ctx, q, cat, r, opt, nil)
}

// run is Backtest of a rule that is as it should be; series takes its windows,
// if it is not nil.
func run(ctx context.Context, q engine.Querier, cat engine.Catalog, r *Rule, opt BacktestOptions, series *Series) (*Report, error) {
	if !opt.From.IsZero() && !opt.To.IsZero() && !opt.From.Before(opt.To) {
		return nil, engine.Errorf(engine.Invalid, "backtest "+r.Name, "from %s is not before to %s", opt.From.Format(time.RFC3339), opt.To.Format(time.RFC3339)).
			WithHint("swap --from and --to")
	}
	b := newBacktest(r, opt, series)
	err := b.run(ctx, q, cat)
	if errors.Is(err, outdated{}) {
		b = newBacktest(r, opt, series.cleared())
		b.careful = true
		err = b.run(ctx, q, cat)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, engine.Errorf(engine.Canceled, "backtest "+r.Name, "%w", context.Cause(ctx))
		}
		return nil, fmt.Errorf("backtest %s: %w", r.Name, err)
	}
	if series != nil {
		series.frame = *b
		series.frame.series = nil
		series.frame.report = &Report{From: b.report.From, To: b.report.To, Records: b.report.Records, Late: b.report.Late}
	}
	b.report.finish(r)
	return b.report, nil
}

func newBacktest(r *Rule, opt BacktestOptions, series *Series) *backtest {
	return &backtest{rule: r, opt: opt, series: series, report: &Report{Rule: r.Name, Episodes: []Episode{}, Transitions: []Transition{}, lead: r.lead()}}
}

type backtest struct {
	rule   *Rule
	opt    BacktestOptions
	report *Report
	series *Series
	// facts are what the statement takes for granted; careful takes nothing.
	facts   plan.Facts
	careful bool
	// span is what is asked for: event times from the first of a window on.
	span plan.Range
	// first is where windows begin to count: those before are looked back at.
	first time.Time
	// since is from when records could have come.
	since time.Time
	// end is when the newest window ends.
	end time.Time
}

func (b *backtest) run(ctx context.Context, q engine.Querier, cat engine.Catalog) error {
	found, err := b.bounds(ctx, q, cat)
	if err != nil || !found {
		return err
	}
	relation, err := cat.Relation(b.rule.Plan.Dataset, b.rule.Plan.Columns())
	if err != nil {
		return err
	}
	if b.facts, err = b.factsOf(ctx, q, relation); err != nil {
		return err
	}
	query, err := b.query(ctx, q, relation)
	if err != nil {
		return err
	}
	if err := b.records(ctx, q, relation); err != nil {
		return err
	}
	err = b.ask(ctx, q, query)
	if errors.Is(err, tooMany{}) {
		return tooManyGroups(ctx, q, b.rule.Plan, relation)
	}
	if err != nil {
		return err
	}
	return b.recheck(ctx, q, relation)
}

// outdated is thrown where records came meanwhile that are other than those
// that were known.
type outdated struct{}

func (outdated) Error() string { return "records came that are late or infinite" }

// factsOf finds out what the statement need not look at each record for. It is
// worth it where windows come by the column, out of the store.
func (b *backtest) factsOf(ctx context.Context, q engine.Querier, relation string) (plan.Facts, error) {
	if _, stored := q.(engine.Columnar); !stored || b.careful || !b.simple() {
		return plan.Facts{}, nil
	}
	return b.rule.Plan.FactsOf(ctx, q, relation)
}

// recheck tells whether what was found held to the end: records come while the
// statement runs.
func (b *backtest) recheck(ctx context.Context, q engine.Querier, relation string) error {
	if b.facts == (plan.Facts{}) {
		return nil
	}
	now, err := b.factsOf(ctx, q, relation)
	if err == nil && !now.Cover(b.facts) {
		err = outdated{}
	}
	return err
}

// ask runs the query for the windows, and sends each through the alarm of its
// group. They come group by group, in the order of time.
func (b *backtest) ask(ctx context.Context, q engine.Querier, query string) error {
	if c, ok := q.(engine.Columnar); ok {
		e := b.evaluate()
		a := e.assemble()
		ok, err := c.QueryColumns(ctx, query, a.take)
		if failed := a.wait(); err == nil {
			err = failed
		}
		if ok && err == nil {
			e.close()
		}
		if ok || err != nil {
			return err
		}
	}
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	return b.replay(rows)
}

// overlapping windows share records.
func (b *backtest) overlapping() bool {
	kind := b.rule.Plan.Window.Kind
	return kind == plan.Hopping || kind == plan.Cumulate
}

// records counts each record once where several windows hold it.
func (b *backtest) records(ctx context.Context, q engine.Querier, relation string) error {
	if !b.overlapping() {
		return nil
	}
	end := b.end
	if b.rule.Spec.Expect != nil { // what lies in a window that is not over has entered none
		spans := b.rule.Plan.Window.Spans(end)
		if end = spans[len(spans)-1].Start; !end.After(b.first) {
			return nil // nor has what lies in windows that were over before
		}
	}
	query, err := b.rule.Plan.CountQuery(relation, plan.Range{From: *b.report.From, To: end})
	if err != nil {
		return err
	}
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&b.report.Records, &b.report.Late); err != nil {
			return err
		}
	}
	return rows.Err()
}

// query is the statement that computes the windows. Where they begin in a time
// zone is found out for the slices that have records.
func (b *backtest) query(ctx context.Context, q engine.Querier, relation string) (string, error) {
	p := b.rule.Plan
	switch {
	case b.simple():
		return p.QueryGiven(relation, b.span, b.facts)
	case p.Window.Zone != nil:
		cuts, err := cutsOf(ctx, q, p, relation, b.span)
		if err != nil {
			return "", err
		}
		return p.PaneQuery(relation, b.span, cuts)
	}
	return p.PaneQuery(relation, b.span, nil)
}

// bounds finds the span of windows; found is false if there is no record with
// an event time.
func (b *backtest) bounds(ctx context.Context, q engine.Querier, cat engine.Catalog) (found bool, err error) {
	relation, err := cat.Relation(b.rule.Plan.Dataset, []engine.Path{{"event_time"}})
	if err != nil {
		return false, err
	}
	// Without a filter the bounds take a quarter of the time. They hold unless
	// one of them is infinite.
	for _, filter := range []string{"", " WHERE isfinite(event_time)"} {
		oldest, newest, err := boundsOf(ctx, q, relation+filter)
		if err != nil {
			return false, err
		}
		if oldest.Valid {
			b.setSpan(oldest.Time.UTC(), newest.Time.UTC())
			return true, nil
		}
	}
	return false, nil
}

// boundsOf finds the oldest and the newest event time, if both are moments.
func boundsOf(ctx context.Context, q engine.Querier, from string) (oldest, newest sql.NullTime, err error) {
	rows, err := q.QueryContext(ctx, "SELECT a, b FROM (SELECT min(event_time) AS a, max(event_time) AS b FROM "+from+") WHERE isfinite(a) AND isfinite(b)")
	if err != nil {
		return oldest, newest, err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&oldest, &newest); err != nil {
			return oldest, newest, err
		}
	}
	return oldest, newest, rows.Err()
}

func (b *backtest) setSpan(oldest, newest time.Time) {
	from, to := oldest, newest
	if !b.opt.From.IsZero() {
		from = b.opt.From.UTC()
	}
	last := newest // the newest instant whose window counts
	if !b.opt.To.IsZero() {
		to = b.opt.To.UTC()
		if before := to.Add(-time.Microsecond); before.Before(last) {
			last = before
		}
	}
	w := b.rule.Plan.Window
	start := from
	b.first, b.since = from, from
	if oldest.After(from) {
		b.since = oldest
	}
	reach := from // where windows begin that are only looked back at
	if at := b.rule.RunUp(from); at.Before(from) && oldest.Before(from) {
		reach = oldest
		if at.After(oldest) {
			reach = at
		}
	}
	if w.Kind == plan.Session {
		b.end = last.Add(w.Gap)
	} else {
		spans := w.Spans(from)
		start = spans[0].Start
		spans = w.Spans(last)
		b.end = spans[len(spans)-1].End
	}
	if b.end.Before(start) {
		b.end = start
	}
	b.span = plan.Range{From: reach, To: last.Add(time.Microsecond)}
	if b.simple() {
		b.span = plan.Range{From: w.Spans(reach)[0].Start, To: b.end}
	}
	if b.rule.Spec.Expect != nil && to.Before(b.end) {
		b.end = to // who is waited for may still come
	}
	if !b.opt.Final.IsZero() {
		b.end = b.opt.Final
	}
	b.report.From, b.report.To = &start, &to
}

// simple windows are numbered from the start of the range.
func (b *backtest) simple() bool {
	return b.rule.Plan.Window.Kind == plan.Tumbling && b.rule.Plan.Window.Zone == nil
}

func (b *backtest) replay(rows *sql.Rows) error {
	e := b.evaluate()
	for rows.Next() {
		if err := e.scan(rows); err != nil {
			return err
		}
		if err := e.next(&e.window); err != nil {
			return err
		}
	}
	e.close()
	return rows.Err()
}

func (b *backtest) group(values []plan.Value) Group {
	g := make(Group, len(values))
	for i, k := range b.rule.Plan.Keys {
		g[k.Name] = values[i]
	}
	return g
}

// count adds a window to the report.
func (b *backtest) count(key Group, w *scanned, breaching plan.Value) {
	b.report.Windows++
	if !b.overlapping() {
		b.report.Records += w.row.Records
		b.report.Late += w.row.Late
	}
	if w.overflow {
		b.report.Overflows++
	}
	if !b.opt.Datapoints {
		return
	}
	values := make(map[string]plan.Value, len(w.row.Measures))
	for i, m := range b.rule.Plan.Measures {
		values[m.Name] = w.row.Measures[i]
	}
	for i, v := range w.row.Past {
		values[b.rule.Plan.PastName(i)] = v
	}
	b.report.Datapoints = append(b.report.Datapoints, Datapoint{Start: w.span.Start, End: w.span.End, Key: key, Values: values, Breaching: breaching})
}

package rule

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// LateUpdates says until when late records change the windows that they
// belong to: while watermark < end + Allowed. With Never they do not.
type LateUpdates struct {
	Allowed time.Duration
	Never   bool
}

// closed reports whether a window takes no more records.
func (l LateUpdates) closed(end, watermark time.Time) bool {
	if l.Never {
		return !watermark.Before(end)
	}
	at := end.Add(l.Allowed)
	if at.Before(end) {
		return false // for ever
	}
	return !watermark.Before(at)
}

// OpenSince is where the windows end that a watermark has left open to late
// records.
func (l LateUpdates) OpenSince(watermark time.Time) time.Time {
	if l.Never {
		return watermark
	}
	return watermark.Add(-l.Allowed)
}

// Live evaluates the rules of one dataset while rows come and the watermark
// moves. What a rule has come to equals a backtest over the same rows. It is
// used by one goroutine. After a failed step it is in no known state: make a
// new one from what was kept.
type Live struct {
	dataset string
	rules   []*liveRule
	// memory is for the sessions that are kept of rules that are alike, in bytes.
	memory int
}

// liveRule is one rule and its groups.
type liveRule struct {
	rule        *Rule
	late        LateUpdates
	fingerprint string
	likeness    string
	progress    engine.RuleProgress
	finisher    *plan.Finisher
	groups      map[string]*timeline
	// met are groups by the key of their values, some of them forgotten; key is
	// room for one.
	met map[string]*timeline
	key []byte
	// open is where the first session began that is not over; zero if unknown.
	open time.Time
	// sessions are those that the next step adds to; nil if they have to be
	// computed from their records.
	sessions *keptSessions
	// windows are those of other kinds that the next step adds to; unkept says
	// that there are too many.
	windows *keptWindows
	unkept  bool
	// broken says that the rule cannot be evaluated any further.
	broken error
}

// NewLive begins the live evaluation of a dataset's rules.
func NewLive(dataset string) *Live { return &Live{dataset: dataset, memory: sessionMemory} }

// Awaits reports whether a rule lists groups that must appear.
func (l *Live) Awaits() bool {
	return slices.ContainsFunc(l.rules, func(r *liveRule) bool { return len(r.rule.Expected) > 0 })
}

// Empty reports whether there is no rule.
func (l *Live) Empty() bool { return len(l.rules) == 0 }

// Add takes a rule that was never evaluated, or begins again.
func (l *Live) Add(r *Rule, late LateUpdates) error {
	_, err := l.add(r, late)
	return err
}

func (l *Live) add(r *Rule, late LateUpdates) (*liveRule, error) {
	likeness, err := r.Plan.Likeness()
	if err != nil {
		return nil, fmt.Errorf("rule %s: %w", r.Name, err)
	}
	fingerprint := r.Fingerprint()
	one := &liveRule{
		rule: r, late: late, fingerprint: fingerprint, likeness: likeness, finisher: r.Plan.NewFinisher(), groups: map[string]*timeline{},
		progress: engine.RuleProgress{Rule: r.Name, Fingerprint: fingerprint, Reset: true},
	}
	l.rules = append(l.rules, one)
	return one, nil
}

// Step is what changed since the last one.
type Step struct {
	// UpTo is the newest row's _seq, and Watermark the dataset's.
	UpTo      int64
	Watermark time.Time
	// Late says that rows may have come for windows that are done.
	Late bool
	// Now is the clock on the wall; Latency is what has passed since the newest
	// row arrived.
	Now     time.Time
	Latency time.Duration
	// Since is the oldest event time there is; rules that list groups want it.
	Since time.Time
	// Rewrites changes whenever stored rows may have been changed or removed.
	Rewrites int64
	// Past says that what is found is no news: it lies far behind. Fresh says
	// that nothing lies before the step, so that a rule that begins has no
	// history.
	Past, Fresh bool
}

// Queries is how many statements steps have run; tests and benchmarks ask.
type Queries struct{ Panes, Slices int }

// Step evaluates what has become due and what late rows have touched. Rules
// that fail are named, and are where they were; the others go on.
func (l *Live) Step(ctx context.Context, q engine.Querier, cat engine.Catalog, s Step) (engine.Evaluated, Queries, map[string]error) {
	out := engine.Evaluated{Dataset: l.dataset, Now: s.Now}
	failed := map[string]error{}
	for _, r := range l.rules {
		if r.broken != nil {
			failed[r.rule.Name] = r.broken
		}
	}
	var ran Queries
	if s.Watermark.IsZero() {
		return out, ran, failed // no window is done
	}
	for _, same := range l.alike() {
		c := computation{rules: same, memory: l.memory, step: s, q: q, cat: cat, ran: &ran}
		if err := c.run(ctx); err != nil {
			for _, r := range same {
				failed[r.rule.Name] = fmt.Errorf("evaluate %s: %w", r.rule.Name, err)
			}
			continue
		}
		for i, r := range same {
			if !c.still {
				r.open = s.Watermark
				for _, t := range r.groups {
					t.open = false
				}
			}
			err := r.take(c.found[i], c.open, s, &out)
			if errors.Is(err, tooMany{}) {
				err = c.tooManyGroups(ctx, r.rule)
			}
			if err != nil {
				failed[r.rule.Name], r.broken = err, err
			}
		}
	}
	return out, ran, failed
}

// alike gathers the rules that one query serves.
func (l *Live) alike() (sets [][]*liveRule) {
	place := map[string]int{}
	for _, r := range l.rules {
		if r.broken != nil {
			continue
		}
		key := fmt.Sprint(r.likeness, r.progress.Seq, r.progress.At.UnixMicro(), r.open.UnixMicro())
		i, ok := place[key]
		if !ok {
			i = len(sets)
			place[key] = i
			sets = append(sets, nil)
		}
		sets[i] = append(sets[i], r)
	}
	return sets
}

// foundWindow is a window of a group as it is now.
type foundWindow struct {
	span plan.Span
	row  plan.Row
	env  plan.Env
}

// computation is one query, or a few, for rules that are alike.
type computation struct {
	rules []*liveRule
	step  Step
	q     engine.Querier
	cat   engine.Catalog
	ran   *Queries
	// memory is that of Live.
	memory int

	shared *plan.Shared
	found  [][]foundWindow // by rule
	open   []openSession   // those that go on beyond the watermark
	// still says that no session can have changed.
	still bool
}

func (c *computation) run(ctx context.Context) error {
	plans := make([]*plan.Plan, len(c.rules))
	for i, r := range c.rules {
		plans[i] = r.rule.Plan
	}
	c.shared, c.found = plan.Share(plans), make([][]foundWindow, len(plans))
	p := c.shared.Plan
	from := c.rules[0].progress
	if p.Window.Kind == plan.Session {
		return c.sessions(ctx, from)
	}
	if from.At.IsZero() {
		return c.panes(ctx, plan.Range{}, func(end time.Time) bool { return true })
	}
	if c.keeps(from) {
		return c.windows(ctx, from)
	}
	ranges, _, err := c.touched(ctx, from)
	if err == nil {
		err = c.revised(ctx, ranges, from)
	}
	if err != nil || !c.due(from) {
		return err
	}
	return c.ended(ctx, from)
}

// revised computes the windows of ranges that were done before.
func (c *computation) revised(ctx context.Context, ranges []plan.Range, from engine.RuleProgress) error {
	for _, r := range ranges {
		if err := c.panes(ctx, r, func(end time.Time) bool { return !end.After(from.At) && end.After(r.From) }); err != nil {
			return err
		}
	}
	return nil
}

// ended computes the windows that have ended since the step before.
func (c *computation) ended(ctx context.Context, from engine.RuleProgress) error {
	return c.panes(ctx, plan.Range{From: from.At, To: c.step.Watermark}, func(end time.Time) bool { return end.After(from.At) })
}

// touched finds the windows that are done and have got late rows, as few
// ranges of event time, and the oldest event time among all that came.
func (c *computation) touched(ctx context.Context, from engine.RuleProgress) (ranges []plan.Range, oldest time.Time, err error) {
	if !c.step.Late || c.step.UpTo <= from.Seq {
		return nil, oldest, nil
	}
	p := c.shared.Plan
	relation, err := c.cat.Relation(p.Dataset, p.CellColumns())
	if err != nil {
		return nil, oldest, err
	}
	query, err := p.SliceQuery(relation, from.Seq, c.step.UpTo)
	if err != nil {
		return nil, oldest, err
	}
	c.ran.Slices++
	rows, err := c.q.QueryContext(ctx, query)
	if err != nil {
		return nil, oldest, err
	}
	defer rows.Close()
	width := 4 + len(p.Keys)
	cells, targets := make([]any, width), make([]any, width)
	for i := range cells {
		targets[i] = &cells[i]
	}
	var spans []plan.Span
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, oldest, err
		}
		us, _ := plan.Of(cells[1+len(p.Keys)]).Int64()
		at := time.UnixMicro(us).UTC()
		if oldest.IsZero() || at.Before(oldest) {
			oldest = at
		}
		if p.Window.Kind == plan.Session || !at.Before(from.At) {
			continue
		}
		for _, span := range p.Window.Spans(at) {
			if !span.End.After(from.At) && !c.allClosed(span.End, from.At) {
				spans = append(spans, span)
			}
		}
	}
	return merged(spans), oldest, rows.Err()
}

// maxRanges bounds how many statements late rows take; more ranges than that
// are computed as one.
const maxRanges = 4

func (c *computation) allClosed(end, watermark time.Time) bool {
	return !slices.ContainsFunc(c.rules, func(r *liveRule) bool { return !r.late.closed(end, watermark) })
}

// merged joins windows that follow each other or overlap into ranges.
func merged(spans []plan.Span) (ranges []plan.Range) {
	slices.SortFunc(spans, func(a, b plan.Span) int { return a.Start.Compare(b.Start) })
	for _, s := range spans {
		if n := len(ranges); n > 0 && !s.Start.After(ranges[n-1].To) {
			if s.End.After(ranges[n-1].To) {
				ranges[n-1].To = s.End
			}
			continue
		}
		ranges = append(ranges, plan.Range{From: s.Start, To: s.End})
	}
	if n := len(ranges); n > maxRanges {
		return []plan.Range{{From: ranges[0].From, To: ranges[n-1].To}}
	}
	return ranges
}

// panes computes the windows of a range, but for sessions.
func (c *computation) panes(ctx context.Context, r plan.Range, want func(end time.Time) bool) error {
	p := c.shared.Plan
	relation, err := c.cat.Relation(p.Dataset, p.Columns())
	if err != nil {
		return err
	}
	var cuts []time.Time
	if p.Window.Zone != nil {
		if cuts, err = cutsOf(ctx, c.q, p, relation, r); err != nil {
			return err
		}
	}
	query, err := p.PaneQuery(relation, r, cuts)
	if err != nil {
		return err
	}
	c.ran.Panes++
	rows, err := c.q.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		span, row, err := c.shared.ScanPane(rows)
		if err != nil {
			return err
		}
		if !span.End.After(c.step.Watermark) && want(span.End) {
			c.find(span, row)
		}
	}
	return rows.Err()
}

// tooManyGroups says of a rule which key makes them.
func (c *computation) tooManyGroups(ctx context.Context, r *Rule) error {
	relation, err := c.cat.Relation(r.Plan.Dataset, r.Plan.CellColumns())
	if err != nil {
		return err
	}
	return fmt.Errorf("evaluate %s: %w", r.Name, tooManyGroups(ctx, c.q, r.Plan, relation))
}

// openSession is one that goes on: what it comes to is nobody's business yet.
type openSession struct {
	span plan.Span
	keys []plan.Value
}

// find gives a window to all rules.
func (c *computation) find(span plan.Span, row plan.Row) {
	for i := range c.rules {
		c.found[i] = append(c.found[i], foundWindow{span, row, c.shared.Env(i, row)})
	}
}

func cutsOf(ctx context.Context, q engine.Querier, p *plan.Plan, relation string, r plan.Range) (cuts []time.Time, err error) {
	query, err := p.CutQuery(relation, r)
	if err != nil {
		return nil, err
	}
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return scanCuts(rows)
}

func scanCuts(rows *sql.Rows) (cuts []time.Time, err error) {
	for rows.Next() {
		var at int64
		if err := rows.Scan(&at); err != nil {
			return nil, err
		}
		cuts = append(cuts, time.UnixMicro(at).UTC())
	}
	return cuts, rows.Err()
}

// Fingerprint is the same for rules that mean the same: what else a file says
// of a rule does not change what was evaluated.
func (r *Rule) Fingerprint() string {
	s := &r.Spec
	parts := []string{s.Dataset.Value, s.Where.Value, r.Plan.Window.String(), r.Plan.Window.Offset.String(), s.When.Value, s.RecoverWhen.Value, r.Alarm.String(), r.Forget.String()}
	for _, k := range s.GroupBy {
		parts = append(parts, "key", k.Path.Value, k.Match.Value)
	}
	for _, m := range s.Measures {
		parts = append(parts, "measure", m.Key.Value, m.Value.Value)
	}
	for _, k := range s.Keys {
		parts = append(parts, "listed", k.Value)
	}
	if x := s.Expect; x != nil {
		parts = append(parts, "expect", x.Where.Value, x.AtLeast.Text.Value, x.Within.Text.Value, x.By.Value)
		for _, k := range x.Keys {
			parts = append(parts, k.Value)
		}
	}
	if l := s.Late; l != nil {
		parts = append(parts, "late", l.Allowed.Text.Value, l.Mode.Value)
	}
	return hashed(parts...)
}

// jsonText writes a value as JSON, names in order.
func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil { // groups and values always marshal
		return "{}"
	}
	return string(b)
}

func joined(parts []string) string { return strings.Join(parts, "\x00") }

package rule

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// AsArrived is what a live evaluation would have seen as records came, and
// what late ones changed.
type AsArrived struct {
	// Watermark is where it would have come to: windows that end later are not
	// done.
	Watermark *time.Time `json:"watermark"`
	// Late counts records that came after their window was shown, once for each
	// window; Dropped of them changed nothing any more.
	Late    int64 `json:"late"`
	Dropped int64 `json:"dropped"`
	// Revised are the changes of state that late records made.
	Revised []Transition `json:"revised"`
	// Changed are the windows that were shown as something else than they are.
	Changed []ChangedWindow `json:"changed"`
	// Final are the episodes with all records; Gone are those that only the
	// live evaluation had, Came those that it did not have.
	Final []Episode `json:"final"`
	Gone  []Episode `json:"gone"`
	Came  []Episode `json:"came"`
}

// ChangedWindow is a window that late records changed.
type ChangedWindow struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Key   Group     `json:"key"`
	// OnTime is null if the window was not shown at all.
	OnTime          map[string]plan.Value `json:"on_time"`
	Values          map[string]plan.Value `json:"values"`
	OnTimeBreaching plan.Value            `json:"on_time_breaching"`
	Breaching       plan.Value            `json:"breaching"`
}

// BacktestAsArrived replays records in the order of their arrival, through the
// evaluation of live rules. The report's episodes and transitions are those
// that would have been told at the time.
func BacktestAsArrived(ctx context.Context, q engine.Querier, cat engine.Catalog, r *Rule, opt BacktestOptions, a plan.Arrival) (*Report, error) {
	r, err := r.With(opt.Set)
	if err != nil {
		return nil, err
	}
	if r.Plan.Window.Kind == plan.Session {
		return nil, engine.Errorf(engine.Invalid, "backtest "+r.Name, "sessions grow and merge as records arrive, and cannot be replayed in that order").
			WithHint("leave --as-arrived out, or try it with other windows: --set window.tumbling=10m")
	}
	opt.Set = nil
	b := &backtest{rule: r, opt: opt, report: &Report{Rule: r.Name, Episodes: []Episode{}, Transitions: []Transition{}, lead: r.lead()}}
	b.report.AsArrived = &AsArrived{Revised: []Transition{}, Changed: []ChangedWindow{}, Final: []Episode{}, Gone: []Episode{}, Came: []Episode{}}
	v := &arrivals{backtest: b, arrival: a, ctx: ctx, q: q, finisher: r.Plan.NewFinisher(), groups: map[string]*arrivedGroup{}}
	if err := v.run(cat); err != nil {
		return nil, fmt.Errorf("backtest %s: %w", r.Name, err)
	}
	b.report.finish(r)
	return b.report, nil
}

// arrivals is such a replay.
type arrivals struct {
	*backtest
	arrival  plan.Arrival
	ctx      context.Context
	q        engine.Querier
	finisher *plan.Finisher
	groups   map[string]*arrivedGroup
	mark     time.Time
}

// arrivedGroup is one group and what became of its windows.
type arrivedGroup struct {
	keys   []plan.Value
	events []arrivedWindow
	live   *history // its episode is the one that was told
}

// arrivedWindow is a window as it was shown when the watermark had come to at.
type arrivedWindow struct {
	entry
	at   time.Time
	late bool
}

func (v *arrivals) run(cat engine.Catalog) error {
	found, err := v.bounds(v.ctx, v.q, cat)
	if err != nil || !found {
		return err
	}
	p := v.rule.Plan
	relation, err := cat.Relation(p.Dataset, p.ArrivalColumns())
	if err != nil {
		return err
	}
	if err := v.watermark(relation); err != nil || v.mark.IsZero() {
		return err
	}
	cuts, err := v.zoned(relation)
	if err != nil {
		return err
	}
	for _, one := range []struct {
		query func(string, plan.Range, []time.Time, plan.Arrival) (string, error)
		take  func(*sql.Rows) error
		over  plan.Range
	}{{p.OnTimeQuery, v.onTime, v.span}, {p.RevisionQuery, v.revision, v.span}, {p.LateCountQuery, v.lateCount, v.asked()}} {
		query, err := one.query(relation, one.over, cuts, v.arrival)
		if err == nil {
			err = v.each(query, one.take)
		}
		if err != nil {
			return err
		}
	}
	v.replayAll()
	return v.compare(cat)
}

// asked is the span without the run-up.
func (v *arrivals) asked() plan.Range {
	r := plan.Range{From: v.first, To: v.span.To}
	if v.simple() {
		r.From = *v.report.From
	}
	return r
}

func (v *arrivals) zoned(relation string) ([]time.Time, error) {
	if v.rule.Plan.Window.Zone == nil {
		return nil, nil
	}
	return cutsOf(v.ctx, v.q, v.rule.Plan, relation, v.span)
}

func (v *arrivals) each(query string, take func(*sql.Rows) error) error {
	rows, err := v.q.QueryContext(v.ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := take(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (v *arrivals) watermark(relation string) error {
	return v.each(v.rule.Plan.WatermarkQuery(relation, v.arrival), func(rows *sql.Rows) error {
		var us sql.NullInt64
		if err := rows.Scan(&us); err != nil || !us.Valid {
			return err
		}
		v.mark = time.UnixMicro(us.Int64).UTC()
		v.report.AsArrived.Watermark = &v.mark
		return nil
	})
}

func (v *arrivals) onTime(rows *sql.Rows) error {
	span, row, _, err := v.finisher.ScanPane(rows)
	if err == nil && !span.End.After(v.mark) {
		v.add(arrivedWindow{entry{Span: span, env: row.Env, records: row.Records, late: row.Late}, span.End, false})
		if span.End.After(v.first) {
			v.report.Windows++
		}
	}
	return err
}

func (v *arrivals) revision(rows *sql.Rows) error {
	span, row, _, err := v.finisher.ScanPane(rows)
	if err == nil {
		v.add(arrivedWindow{entry{Span: span, env: row.Env, records: row.Records}, time.UnixMicro(row.Late).UTC(), true})
	}
	return err
}

func (v *arrivals) lateCount(rows *sql.Rows) error {
	return rows.Scan(&v.report.AsArrived.Late, &v.report.AsArrived.Dropped)
}

func (v *arrivals) add(w arrivedWindow) {
	name := jsonText(v.rule.groupOf(w.env.Keys))
	g := v.groups[name]
	if g == nil {
		g = &arrivedGroup{keys: w.env.Keys}
		v.groups[name] = g
	}
	g.events = append(g.events, w)
}

// replayAll sends the windows of each group through its alarm as they were
// shown: those on time when the watermark passes, revisions before the next.
func (v *arrivals) replayAll() {
	for _, keys := range v.rule.Expected {
		name := jsonText(v.rule.groupOf(keys))
		if v.groups[name] == nil {
			v.groups[name] = &arrivedGroup{keys: keys}
		}
	}
	// In one order, so that what happens at the same time is told in it.
	for _, name := range slices.Sorted(maps.Keys(v.groups)) {
		g := v.groups[name]
		slices.SortStableFunc(g.events, func(a, b arrivedWindow) int {
			return cmp.Or(a.at.Compare(b.at), cmp.Compare(boolInt(a.late), boolInt(b.late)))
		})
		v.replayGroup(g)
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (v *arrivals) replayGroup(g *arrivedGroup) {
	key := v.rule.groupOf(g.keys)
	t := newTimeline(v.rule, v.finisher, key, "")
	t.base.runUp(v.first)
	t.now.runUp(v.first)
	if v.rule.Awaits(g.keys) {
		t.await(v.since)
	}
	g.live = newHistory(v.rule, &Report{}, key)
	until := time.Time{}
	for _, e := range g.events {
		if !e.End.After(v.first) && !v.rule.warms() {
			if !e.late { // it is there to be looked back at
				t.past = append(t.past, looked{e.Span, e.env.Measures})
				t.look()
			}
			continue
		}
		if e.at.After(until) {
			until = e.at
		}
		again := t.put([]entry{e.entry}, nil, until)
		v.tell(g, t, until, again && e.late)
		g.live.peak(e.env.Measures)
		t.freeze(v.open(until))
	}
	end := v.end
	if v.mark.Before(end) {
		end = v.mark
	}
	if end.After(until) {
		t.put(nil, nil, end)
		v.tell(g, t, end, false)
	}
	if g.live.episode != nil {
		g.live.close(nil)
	}
	v.report.Transitions = append(v.report.Transitions, g.live.report.Transitions...)
	v.report.Episodes = append(v.report.Episodes, g.live.report.Episodes...)
}

// open is where windows end that still take late records.
func (v *arrivals) open(until time.Time) time.Time {
	switch {
	case v.arrival.Never:
		return until
	case v.arrival.Forever:
		return time.Time{}
	}
	return until.Add(-v.arrival.Allowed)
}

// tell writes down how the state of a group changed, as it was told.
func (v *arrivals) tell(g *arrivedGroup, t *timeline, until time.Time, revised bool) {
	if t.now.untold {
		return
	}
	if !revised {
		for _, x := range t.now.report.Transitions {
			g.live.move(x.At, x.To, x.Reason)
		}
		t.now.report.Transitions = nil
		return
	}
	reason := "late records changed an earlier window"
	if n := len(t.now.report.Transitions); n > 0 {
		reason += ": " + t.now.report.Transitions[n-1].Reason
	}
	t.now.report.Transitions = nil
	if from := g.live.state; from != t.now.state {
		g.live.move(until, t.now.state, reason)
		v.report.AsArrived.Revised = append(v.report.AsArrived.Revised, Transition{At: until, Key: g.live.key, From: from, To: t.now.state, Reason: reason})
	}
}

// compare runs the backtest with all records, and tells where it differs.
func (v *arrivals) compare(cat engine.Catalog) error {
	opt := v.opt
	opt.Final, opt.Datapoints = v.mark, true
	final, err := run(v.ctx, v.q, cat, v.rule, opt, nil)
	if err != nil {
		return err
	}
	a := v.report.AsArrived
	v.report.Records, v.report.Late, a.Final = final.Records, final.Late, final.Episodes
	c := Compare(v.report, final, nil, nil)
	a.Gone, a.Came = c.Gone, c.Came
	shown := map[string]*arrivedWindow{}
	id := func(key string, s plan.Span) string {
		return fmt.Sprint(key, s.Start.UnixMicro(), s.End.UnixMicro())
	}
	for name, g := range v.groups {
		for i := range g.events {
			if e := &g.events[i]; !e.late {
				shown[id(name, e.Span)] = e
			}
		}
	}
	for _, d := range final.Datapoints {
		e := shown[id(jsonText(d.Key), plan.Span{Start: d.Start, End: d.End})]
		if changed, ok := v.changed(d, e); ok {
			a.Changed = append(a.Changed, changed)
		}
	}
	if v.opt.Datapoints {
		v.report.Datapoints = final.Datapoints
	}
	return nil
}

// changed compares a window with how it was shown.
func (v *arrivals) changed(d Datapoint, e *arrivedWindow) (ChangedWindow, bool) {
	c := ChangedWindow{Start: d.Start, End: d.End, Key: d.Key, Values: d.Values, Breaching: d.Breaching}
	if e == nil {
		return c, true
	}
	differs := false
	c.OnTime = map[string]plan.Value{}
	for i, m := range v.rule.Plan.Measures {
		c.OnTime[m.Name] = e.env.Measures[i]
		differs = differs || !e.env.Measures[i].Equal(d.Values[m.Name])
	}
	c.OnTimeBreaching = v.finisher.Breaching(&e.env)
	return c, differs
}

package rule

import (
	"slices"

	"tidemark.dev/tidemark/engine/plan"
)

// evaluation sends windows through the alarms of their groups. They come
// group by group, in the order of time.
type evaluation struct {
	*backtest
	finisher *plan.Finisher
	current  *history
	trail    *plan.Trail
	keys     []plan.Value
	// appeared are the groups of those that must appear that did.
	appeared [][]plan.Value
	groups   int
}

// scanned is a window as it was computed from records.
type scanned struct {
	span     plan.Span
	row      plan.Row
	overflow bool
}

func (b *backtest) evaluate() *evaluation {
	return &evaluation{backtest: b, finisher: b.rule.Plan.NewFinisher()}
}

// take evaluates the next window.
func (e *evaluation) take(s scanned) {
	if (e.rule.Spec.Expect != nil || !e.opt.Final.IsZero()) && s.span.End.After(e.end) {
		return
	}
	if e.current == nil || !slices.EqualFunc(e.keys, s.row.Keys, plan.Value.Equal) {
		e.begin(s.row.Keys)
	}
	e.trail.Enter(s.span, &s.row.Env)
	runUp := !s.span.End.After(e.first)
	if runUp && !e.rule.warms() {
		return // it is there to be looked back at
	}
	breaching := e.finisher.Breaching(&s.row.Env)
	e.current.window(s.span, breaching, &s.row.Env)
	if runUp {
		return
	}
	e.count(e.current.key, s.span, s.row, breaching, s.overflow)
}

// begin ends one group and begins the next.
func (e *evaluation) begin(keys []plan.Value) {
	if e.current != nil {
		e.current.finish(e.end)
	}
	e.groups++
	e.keys, e.current, e.trail = keys, newHistory(e.rule, e.report, e.group(keys)), e.rule.Plan.NewTrail()
	e.current.runUp(e.first)
	if e.rule.Awaits(keys) {
		e.current.await(e.since)
		e.appeared = append(e.appeared, keys)
	}
}

// close ends the last group, and evaluates those that must appear and never
// did.
func (e *evaluation) close() {
	if e.current != nil {
		e.current.finish(e.end)
	}
	for _, keys := range e.rule.Expected {
		if !slices.ContainsFunc(e.appeared, func(g []plan.Value) bool { return slices.EqualFunc(g, keys, plan.Value.Equal) }) {
			h := newHistory(e.rule, e.report, e.group(keys))
			h.await(e.since)
			h.finish(e.end)
		}
	}
}

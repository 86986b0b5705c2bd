package rule

import (
	"database/sql"
	"slices"
	"time"

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
	// window is the one that is evaluated, of those that come one by one. It is
	// here, and not made for each, because whoever evaluates it is given its
	// address.
	window scanned
}

// scanned is a window as it was computed from records.
type scanned struct {
	span     plan.Span
	row      plan.Row
	overflow bool
}

func (b *backtest) evaluate() *evaluation {
	return &evaluation{backtest: b, finisher: b.rule.Plan.NewFinisher().Lend()}
}

// scan reads the next of the windows that come by the row.
func (e *evaluation) scan(rows *sql.Rows) (err error) {
	w := &e.window
	e.finisher.Again()
	if e.simple() {
		w.row, w.overflow, err = e.finisher.Scan(rows)
		w.span = e.numbered(w.row.Window)
	} else {
		w.span, w.row, w.overflow, err = e.finisher.ScanPane(rows)
	}
	return err
}

// numbered is the span of a simple window.
func (b *backtest) numbered(i int64) plan.Span {
	size := b.rule.Plan.Window.Size.Microseconds()
	start := b.span.From.UnixMicro() + i*size
	return plan.Span{Start: time.UnixMicro(start).UTC(), End: time.UnixMicro(start + size).UTC()}
}

// next keeps a window and evaluates it.
func (e *evaluation) next(w *scanned) error {
	e.series.keep(w)
	e.take(w)
	if e.groups > maxGroups {
		return tooMany{}
	}
	return nil
}

// take evaluates a window.
func (e *evaluation) take(w *scanned) {
	if (e.rule.Spec.Expect != nil || !e.opt.Final.IsZero()) && w.span.End.After(e.end) {
		return
	}
	if e.current == nil || !sameKeys(e.keys, w.row.Keys) {
		e.begin(w.row.Keys)
	}
	e.trail.Enter(w.span, &w.row.Env)
	runUp := !w.span.End.After(e.first)
	if runUp && !e.rule.warms() {
		return // it is there to be looked back at
	}
	breaching := e.finisher.Breaching(&w.row.Env)
	e.current.window(w.span, breaching, &w.row.Env)
	if !runUp {
		e.count(e.current.key, w, breaching)
	}
}

// sameKeys compares the groups of two windows; those that were read one after
// the other share their keys.
func sameKeys(a, b []plan.Value) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0] || slices.EqualFunc(a, b, plan.Value.Equal))
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

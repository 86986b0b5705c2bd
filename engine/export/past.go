package export

import (
	"fmt"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// noPast says why targets cannot look back at all.
var noPast = map[string]string{
	"cloudformation": "metric math has no offset: each metric is seen at the period that is judged",
	"terraform":      "metric math has no offset: each metric is seen at the period that is judged",
	"eventbridge":    "a pattern looks at one event and forgets it",
}

const pastInstead = "compare with a constant, or with another measure of the same window"

// noBaseline says why targets that can look back have no baseline.
const noBaseline = "export to prometheus, or compare with previous(x, 1d)"

// pastWhy begins to say what a target with baselines does to them.
const pastWhy = "earlier windows are known from when the copy began to run"

// furthest is how far back the plan looks from the end of a window.
func furthest(p *plan.Plan) (d time.Duration) {
	for _, x := range p.Pasts {
		d = max(d, distance(p, x))
	}
	return d
}

// distance is how long before the end of a window the window ended that a look
// back sees: of a baseline, the oldest.
func distance(p *plan.Plan, x plan.Past) time.Duration {
	if x.Func == plan.Baseline {
		return x.Ago
	}
	return x.Ago + time.Duration(x.Back)*every(p.Window)
}

// baselineEnds lists how long before the end of a window the windows ended that
// a baseline with an interval looks at.
func baselineEnds(p *plan.Plan, x plan.Past) (list []time.Duration) {
	for d := x.Every; d <= x.Ago; d += x.Every {
		if d >= p.Window.Size {
			list = append(list, d)
		}
	}
	return list
}

// maxBaselineTerms bounds how many windows a baseline writes out.
const maxBaselineTerms = 60

// past is a look back in PromQL, at the series that is recorded of a measure. A
// gap ends a series, so that nothing older stands in for it.
func (w *promRule) past(i int) string {
	x := w.Plan.Pasts[i]
	m := w.Plan.Measures[x.Measure]
	if !numeric(m.Expr) {
		w.no(w.Plan.PastName(i), "Prometheus records numbers", "look back at a number")
	}
	series := w.measured(x.Measure)
	if x.Func == plan.Previous {
		return series + " offset " + promDuration(distance(w.Plan, x))
	}
	if x.Every > 0 {
		return w.seasonal(i, x, series)
	}
	// half a step more than from the oldest end to the newest, so that it makes
	// no difference whether a range includes its older end
	span := fmt.Sprintf("%s[%s] offset %s", series, promDuration(x.Ago-w.Plan.Window.Size+every(w.Plan.Window)/2), promDuration(w.Plan.Window.Size))
	s := "quantile_over_time(0.5, " + span + ")"
	if x.Least > 1 {
		s = fmt.Sprintf("(%s and count_over_time(%s) >= %d)", s, span, x.Least)
	}
	return s
}

// seasonal is the baseline of windows that ended at regular distances.
func (w *promRule) seasonal(i int, x plan.Past, series string) string {
	ends := baselineEnds(w.Plan, x)
	if len(ends) > maxBaselineTerms {
		w.no(w.Plan.PastName(i), fmt.Sprintf("each of its %d windows is written out, and more than %d become too long", len(ends), maxBaselineTerms), "use a longer interval, or leave it out")
	}
	terms := make([]string, len(ends))
	for n, d := range ends {
		terms[n] = fmt.Sprintf("label_replace(%s offset %s, \"tidemark_back\", \"%d\", \"\", \"\")", series, promDuration(d), n+1)
	}
	all := "(" + strings.Join(terms, " or ") + ")"
	s := "quantile" + w.by + " (0.5, " + all + ")"
	if x.Least > 1 {
		s = fmt.Sprintf("(%s and count%s %s >= %d)", s, w.by, all, x.Least)
	}
	return s
}

// pastDifferences are those of looking back.
func pastDifferences(p *plan.Plan, median bool) (list []Difference) {
	for i, x := range p.Pasts {
		if x.Func == plan.Baseline && median {
			list = append(list, Difference{p.PastName(i), "of an even number of values it is halfway between the two in the middle, and Tidemark's is the smaller one"})
		}
	}
	if len(p.Pasts) > 0 {
		list = append(list, Difference{"earlier windows", pastWhy + "; look back " + engine.FormatDuration(furthest(p)) + " before you rely on it"})
	}
	return list
}

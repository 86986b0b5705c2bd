package export

import (
	"fmt"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// promRule is one rule on its way to Prometheus.
type promRule struct {
	*refuser
	Rule
	exprs promExpr
	where []conjunction
	// window is the range over which records are counted.
	window string
	// by groups series as the rule groups records.
	by string
	// read marks the measures that are exported.
	read     []bool
	sentence sentence
	// names are those of the recorded measures, each of its own.
	names []string
	// quantiles says that a histogram answers for a quantile, sums that one
	// answers for a sum or an average.
	quantiles, sums bool
}

func newPromRule(r *refuser, rule Rule) *promRule {
	w := &promRule{refuser: r, Rule: rule, window: promDuration(rule.Plan.Window.Size), read: used(rule.Plan, rule.Plan.When), names: measureNames(rule.Plan.Measures)}
	w.checkWindow()
	w.where = alternatives(r, rule.Plan.Where, true)
	labels := make([]string, len(rule.Plan.Keys))
	for i, k := range rule.Plan.Keys {
		if unbounded[k.Path.String()] {
			r.no("group_by: "+k.Name, "it has another value in every record, and every value of a label is a series of its own", "group by a field with few values")
		}
		labels[i] = promLabel(k.Path)
	}
	if len(labels) > 0 {
		w.by = " by (" + strings.Join(labels, ", ") + ")"
	}
	w.exprs = promExpr{
		refuser: r, dialect: promQL, plan: rule.Plan, records: w.series("records"),
		measure:   w.measured,
		aggregate: w.aggregate,
		key:       w.withKey,
		past:      w.past,
	}
	w.exprs.holds(rule.Plan.When, true) // what when needs is refused before summary is looked at
	w.measures()
	w.sentence = newSentence(r, rule, w.tried)
	w.read = w.sentence.and(rule.Plan, rule.Plan.When)
	distinctLabels(r, columns(rule, aggregatesOf(rule.Plan, w.read)))
	w.measures()
	return w
}

// measures notes what the exported measures are computed from.
func (w *promRule) measures() {
	w.quantiles, w.sums = false, false
	for i, m := range w.Plan.Measures {
		if w.read[i] && numeric(m.Expr) {
			w.exprs.value(m.Expr)
		}
	}
}

// tried writes what a measure needs, or refuses.
func (w *promRule) tried(ref *plan.Ref) {
	for i, marked := range used(w.Plan, ref) {
		if m := w.Plan.Measures[i]; marked {
			w.exprs.value(m.Expr)
		}
	}
}

// smallest is the smallest step for which every window surely holds two
// samples of a usual scrape interval, which increase() needs.
const smallest = 30 * time.Second

func (w *promRule) checkWindow() {
	checkEvaluated(w.refuser, w.Rule, "Prometheus", promQL)
	if window := w.Plan.Window; every(window) < smallest {
		w.no("window of "+engine.FormatDuration(window.Size), "increase() needs two scrapes in every window", "use windows of at least "+engine.FormatDuration(smallest))
	}
}

// checkEvaluated refuses what no rule can hold that is an expression over a
// range of time, evaluated at fixed times.
func checkEvaluated(r *refuser, rule Rule, system string, in dialect) {
	switch window := rule.Plan.Window; {
	case window.Kind == plan.Session:
		r.no("window: {session: …}", "a rule of "+system+" is evaluated at fixed times, and a session ends when its records do", "use a tumbling window")
	case window.Kind == plan.Cumulate:
		r.no("window: {cumulate: …}", "the range of a "+in.name+" expression has one length, and that of a cumulate window grows", "use a tumbling or hopping window")
	case window.Zone != nil:
		r.no("time_zone: "+window.Zone.String(), system+" knows no calendar", "leave time_zone out")
	case rule.Missing == MissingIsIgnored:
		r.no("missing: ignore", "it keeps the state there was, and an expression of "+system+" does not know it", "use missing: not_breaching")
	}
}

// series is the name of a recorded series of the rule. Rules whose names differ
// in what no series may have do not share it.
func (w *promRule) series(name string) string {
	rule := promName(w.Name)
	if rule != w.Name {
		rule += "_" + nameHash(w.Name)
	}
	return "tidemark:" + rule + ":" + name
}

// measured is the series of a measure.
func (w *promRule) measured(i int) string { return w.series(w.names[i]) }

// measureNames are the names of measures in series, beside which there are
// the records and whether a window breaches.
func measureNames(measures []plan.Measure) []string {
	taken := map[string]bool{"records": true, "breach": true}
	names := make([]string, len(measures))
	for i, m := range measures {
		names[i] = numbered(m.Name, taken)
	}
	return names
}

// counter is the metric that counts the dataset's records.
func (w *promRule) counter() string { return promName(w.Plan.Dataset) + "_records_total" }

// histogram is the metric that a field is observed in.
func (w *promRule) histogram(a *plan.Aggregate) string {
	c, ok := stripped(a.Arg).(*plan.Column)
	if !ok {
		w.no(describeAggregate(a), "a metric observes a field as it is", "compute the field in a transform plugin, and aggregate that")
	}
	return promName(w.Plan.Dataset) + "_" + promLabel(c.Path)
}

func (w *promRule) sum(by, metric string, all []conjunction) string {
	return "sum" + by + " (" + selectors(w.refuser, metric, all, w.window) + ")"
}

// aggregate computes an aggregate from counters. One that is zero where
// nothing was counted is zero for every group that has records.
func (w *promRule) aggregate(a *plan.Aggregate) string {
	switch a.Func {
	case plan.Count:
		if a.Arg == nil {
			return w.series("records")
		}
		all := both(w.refuser, a.Arg, w.where, alternatives(w.refuser, a.Arg, true))
		return w.sum(w.by, w.counter(), all) + " or " + w.series("records") + " * 0"
	case plan.Sum:
		w.sums = true
		m := w.histogram(a)
		return w.sum(w.by, m+"_sum", w.where) + " and " + w.sum(w.by, m+"_count", w.where) + " > 0"
	case plan.Avg:
		w.sums = true
		m := w.histogram(a)
		return w.sum(w.by, m+"_sum", w.where) + " / (" + w.sum(w.by, m+"_count", w.where) + " > 0)"
	case plan.Quantile:
		w.quantiles = true
		by := " by (le)"
		if w.by != "" {
			by = strings.TrimSuffix(w.by, ")") + ", le)"
		}
		return fmt.Sprintf("histogram_quantile(%s, %s)", a.At, w.sum(by, w.histogram(a)+"_bucket", w.where))
	}
	w.no(describeAggregate(a), "counters and histograms cannot tell it for one window", "use count, sum, avg or quantile")
	return ""
}

func (w *promRule) withKey(i int, operator string, values ...plan.Value) string {
	value := ""
	switch {
	case strings.HasSuffix(operator, "~"):
		value = oneOf(values)
	case !values[0].IsNull():
		value = values[0].String()
	}
	return w.series("records") + "{" + promLabel(w.Plan.Keys[i].Path) + operator + promText(value) + "}"
}

// breach is 1 where the window breaches, 0 where it does not, and absent
// where there are no records or the condition is null.
func (w *promRule) breach() string {
	not := w.series("records") + " * 0"
	if nullable(w.Plan, w.Plan.When) {
		not = "group" + w.by + " (" + w.exprs.holds(w.Plan.When, false) + ") * 0"
	}
	yes := w.exprs.holds(w.Plan.When, true)
	if strings.HasPrefix(yes, "(") && strings.HasSuffix(yes, ")") {
		return "group" + w.by + " " + yes + "\nor\n" + not
	}
	return "group" + w.by + " (" + yes + ")\nor\n" + not
}

// over is a range that holds exactly Of windows: it is half a window short,
// so that it makes no difference whether a range includes its older end.
func (w *promRule) over() string {
	step := every(w.Plan.Window)
	return "[" + promDuration(time.Duration(w.Of)*step-step/2) + "]"
}

func (w *promRule) alarm() string {
	breach := w.series("breach") + w.over()
	breaching := "sum_over_time(" + breach + ")"
	if w.Missing != MissingIsBreaching {
		return fmt.Sprintf("%s >= %d", breaching, w.Datapoints)
	}
	s := fmt.Sprintf("%s + (%d - count_over_time(%s)) >= %d", breaching, w.Of, breach, w.Datapoints)
	if len(w.Plan.Keys) == 0 {
		return s + "\nor\nabsent_over_time(" + breach + ")"
	}
	for _, g := range w.Groups {
		labels := make([]string, len(g))
		for i, v := range g {
			labels[i] = promLabel(w.Plan.Keys[i].Path) + "=" + promText(keyText(v))
		}
		s += "\nor\nabsent_over_time(" + w.series("breach") + "{" + strings.Join(labels, ",") + "}" + w.over() + ")"
	}
	return s
}

// keyText is a value of a key as a label has it.
func keyText(v plan.Value) string {
	if v.IsNull() {
		return ""
	}
	return v.String()
}

// promDuration writes a length of time as PromQL does, in one unit.
func promDuration(d time.Duration) string {
	for _, u := range []struct {
		unit string
		of   time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}} {
		if d%u.of == 0 {
			return fmt.Sprint(int64(d/u.of), u.unit)
		}
	}
	return fmt.Sprint(d.Milliseconds(), "ms")
}

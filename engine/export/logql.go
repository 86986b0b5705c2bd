package export

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// logRule is one rule on its way to LogQL, which counts the lines of Loki
// itself. It has no subqueries, so each window that the alarm looks at is
// written out, moved back by an offset; a sum over the windows says how many
// breach.
type logRule struct {
	*refuser
	Rule
	where []conjunction
	by    string
	// reads are the aggregates of when.
	reads    []*plan.Aggregate
	sentence sentence
	// stream selects what holds the dataset's records.
	stream string
}

// maxWindows bounds how many windows one expression writes out, maxQuery how
// long it may become: Loki's own limit.
const (
	maxWindows = 10
	maxQuery   = 128 << 10
)

func newLogRule(r *refuser, rule Rule, stream string) *logRule {
	w := &logRule{refuser: r, Rule: rule, stream: strings.ReplaceAll(stream, "DATASET", rule.Plan.Dataset), reads: aggregatesOf(rule.Plan, used(rule.Plan, rule.Plan.When))}
	w.checkWindow()
	rule.Source.readable(r, columns(rule, w.reads))
	w.where = alternatives(r, rule.Plan.Where, true)
	labels := make([]string, len(rule.Plan.Keys))
	for i, k := range rule.Plan.Keys {
		if unbounded[k.Path.String()] {
			r.no("group_by: "+k.Name, "it has another value in every record, and Loki answers with a few hundred series at most", "group by a field with few values")
		}
		labels[i] = promLabel(k.Path)
	}
	w.by = " by (" + strings.Join(labels, ", ") + ")"
	w.at(0, "").holds(rule.Plan.When, true)
	w.sentence = newSentence(r, rule, func(ref *plan.Ref) {
		rule.Source.readable(r, columns(rule, aggregatesOf(rule.Plan, used(rule.Plan, ref))))
		w.at(0, "").value(ref)
	})
	distinctLabels(r, columns(rule, aggregatesOf(rule.Plan, w.sentence.and(rule.Plan, rule.Plan.When))))
	return w
}

func (w *logRule) checkWindow() {
	checkEvaluated(w.refuser, w.Rule, "Loki", logQL)
	switch window := w.Plan.Window; {
	case every(window)%time.Second != 0:
		w.no("window of "+engine.FormatDuration(window.Size), "rules are evaluated every few seconds at most", "use windows of whole seconds")
	case w.Of > maxWindows:
		w.no(fmt.Sprintf("%d of %d windows", w.Datapoints, w.Of), fmt.Sprintf("LogQL has no subquery, so each window is written out, and more than %d become too long", maxWindows), "use larger windows and fewer of them, or export to prometheus")
	}
}

// at writes expressions over the window that is some windows back, of groups
// that a filter takes.
func (w *logRule) at(back int, filter string) *promExpr {
	offset := ""
	if back > 0 {
		offset = " offset " + promDuration(time.Duration(back)*every(w.Plan.Window))
	}
	l := logWindow{w, "[" + promDuration(w.Plan.Window.Size) + "]" + offset, filter}
	e := &promExpr{refuser: w.refuser, dialect: logQL, plan: w.Plan, records: l.count(w.where, "")}
	e.measure = func(i int) string { return "(" + e.value(w.Plan.Measures[i].Expr) + ")" }
	e.aggregate = func(a *plan.Aggregate) string { return l.aggregate(a, e.records) }
	e.past = func(i int) string { return "(" + w.past(i, back, filter) + ")" }
	e.key = func(i int, operator string, values ...plan.Value) string {
		return l.count(w.where, w.keyFilter(i, operator, values))
	}
	return e
}

// past is a measure of an earlier window, written out once more.
func (w *logRule) past(i, back int, filter string) string {
	x := w.Plan.Pasts[i]
	if x.Func == plan.Baseline {
		w.no(w.Plan.PastName(i), "LogQL has no subquery, so there is no median over windows", noBaseline)
	}
	m := w.Plan.Measures[x.Measure].Expr
	if !numeric(m) {
		w.no(w.Plan.PastName(i), "LogQL computes with numbers only", "look back at a number")
	}
	return w.at(back+int(distance(w.Plan, x)/every(w.Plan.Window)), filter).value(m)
}

// logWindow writes what is computed of the lines of one window.
type logWindow struct {
	*logRule
	span string // the range and its offset
	// filter is of the groups.
	filter string
}

func (l logWindow) count(all []conjunction, filter string) string {
	return "sum" + l.by + " (count_over_time(" + l.lines(all, nil, filter) + " " + l.span + "))"
}

// aggregate computes an aggregate from lines. One that is zero where nothing
// was counted is zero for every group that has records.
func (l logWindow) aggregate(a *plan.Aggregate, records string) string {
	if a.Func == plan.Count && a.Arg == nil {
		return records
	}
	if a.Func == plan.Count {
		all := both(l.refuser, a.Arg, l.where, alternatives(l.refuser, a.Arg, true))
		return l.count(all, "") + " or " + records + " * 0"
	}
	c, ok := stripped(a.Arg).(*plan.Column)
	if !ok {
		l.no(describeAggregate(a), "LogQL aggregates a field as it is", "compute the field in a transform plugin, and aggregate that")
	}
	if a.Func == plan.Distinct {
		by := strings.TrimSuffix(l.by, ")")
		if by != " by (" {
			by += ", "
		}
		lines := l.lines(l.where, c, promLabel(c.Path)+`!=""`)
		return "count" + l.by + " (sum" + by + promLabel(c.Path) + ") (count_over_time(" + lines + " " + l.span + "))) or " + records + " * 0"
	}
	if k := c.Type(); k == engine.Varchar || k == engine.Timestamp || k == engine.Bool {
		l.no(describeAggregate(a), "LogQL aggregates numbers", "use count, or aggregate a number")
	}
	return l.unwrapped(a, c)
}

func (l logWindow) unwrapped(a *plan.Aggregate, c *plan.Column) string {
	label := promLabel(c.Path)
	of := l.lines(l.where, c, label+`!=""`) + " | unwrap " + label + ` | __error__="" ` + l.span
	switch a.Func {
	case plan.Sum:
		return "sum" + l.by + " (sum_over_time(" + of + "))"
	case plan.Quantile:
		return "quantile_over_time(" + a.At.String() + ", " + of + ")" + l.by
	case plan.Avg, plan.Min, plan.Max, plan.First, plan.Last:
		return string(a.Func) + "_over_time(" + of + ")" + l.by
	}
	l.no(describeAggregate(a), "LogQL has no such aggregate", "use count, sum, avg, min, max, quantile, distinct, first or last")
	return ""
}

var lokiParameters = []Parameter{
	{"stream", `{dataset="DATASET"}`, "Selects the streams whose lines are the records. DATASET stands for the dataset's name."},
}

// lines selects the lines of records that fulfil a condition, with the fields
// that are asked for as labels.
func (l logWindow) lines(all []conjunction, field *plan.Column, filter string) string {
	if len(all) == 0 {
		l.no("a condition that no record fulfils", "there is nothing to count", "take the measure out of the rule")
	}
	needed := map[string]*plan.Column{}
	add := func(c *plan.Column) { needed[promLabel(c.Path)] = c }
	for _, k := range l.Plan.Keys {
		add(k.Column.(*plan.Column))
	}
	for _, c := range all {
		for _, a := range c {
			add(a.field)
		}
	}
	if field != nil {
		add(field)
	}
	s := l.stream
	if len(needed) > 0 {
		s += " | json " + l.extracted(needed)
	}
	for _, f := range []string{l.alternatives(all), filter, l.filter} {
		if f != "" {
			s += " | " + f
		}
	}
	if len(needed) > 0 {
		s += ` | __error__=""`
	}
	return s
}

func (w *logRule) extracted(needed map[string]*plan.Column) string {
	var parts []string
	for label, c := range needed {
		parts = append(parts, label+"="+strconv.Quote(jsonPlace(w.Source.raw(w.refuser, c.Path)[0])))
	}
	sort.Strings(parts)
	return strings.Join(parts, ", ")
}

// jsonPlace is a place in a record as LogQL's json takes it.
func jsonPlace(p engine.Path) string {
	var b strings.Builder
	for i, m := range p {
		switch {
		case promName(m) != m || m[0] >= '0' && m[0] <= '9':
			b.WriteString("[" + strconv.Quote(m) + "]")
		case i == 0:
			b.WriteString(m)
		default:
			b.WriteString("." + m)
		}
	}
	return b.String()
}

// alternatives is a condition as a filter of labels; "" takes every line.
func (w *logRule) alternatives(all []conjunction) string {
	var parts []string
	for _, c := range all {
		if len(c) == 0 {
			return ""
		}
		tests := make([]string, len(c))
		for i, a := range c {
			tests[i] = w.test(a)
			if len(c) > 1 && strings.Contains(tests[i], " or ") {
				tests[i] = "(" + tests[i] + ")"
			}
		}
		parts = append(parts, strings.Join(tests, " and "))
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return "(" + strings.Join(parts, ") or (") + ")"
}

// test is an atom as a filter. A field that is not there is empty text; a
// comparison of numbers asks for text first, as what is no number is an error.
func (w *logRule) test(a atom) string {
	label := promLabel(a.field.Path)
	switch a.rel {
	case isNull:
		return label + map[bool]string{false: `=""`, true: `!=""`}[a.not]
	case isEqual, isOneOf:
		return w.equal(a, label)
	case isLess, isAtMost, isGreater, isAtLeast:
		return label + `!="" and ` + label + " " + cwOperators[a.rel] + " " + w.number(a, a.values[0])
	}
	pattern, ok := textPattern(a)
	if !ok {
		w.no(describe(a.source), "LogQL compares text with patterns", "compare text, or a number by size")
	}
	if a.not { // and it has some text
		return label + "!~" + strconv.Quote(pattern) + " and " + label + `!=""`
	}
	return label + "=~" + strconv.Quote(pattern)
}

func (w *logRule) equal(a atom, label string) string {
	if _, number := a.values[0].Float(); !number {
		if !slices.ContainsFunc(a.values, func(v plan.Value) bool {
			_, ok := v.Text()
			return !ok && v.String() != "true" && v.String() != "false"
		}) {
			return label + textOperator(a) + strconv.Quote(textOperand(a))
		}
		w.no(describe(a.source), "LogQL compares text and numbers", "compare text or a number")
	}
	parts := make([]string, len(a.values))
	for i, v := range a.values {
		parts[i] = label + map[bool]string{false: " == ", true: " != "}[a.not] + w.number(a, v)
	}
	if a.not {
		return label + `="" or ` + strings.Join(parts, " and ")
	}
	if len(parts) == 1 {
		return label + `!="" and ` + parts[0]
	}
	return label + `!="" and (` + strings.Join(parts, " or ") + ")"
}

func textOperator(a atom) string {
	switch {
	case a.rel == isOneOf && a.not:
		return "!~"
	case a.rel == isOneOf:
		return "=~"
	case a.not:
		return "!="
	}
	return "="
}

func textOperand(a atom) string {
	if a.rel == isOneOf {
		return oneOf(a.values)
	}
	return a.values[0].String()
}

func (w *logRule) number(a atom, v plan.Value) string {
	f, ok := v.Float()
	if !ok {
		w.no(describe(a.source), "LogQL orders numbers only", "compare a number")
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

func (w *logRule) keyFilter(i int, operator string, values []plan.Value) string {
	text := ""
	switch {
	case strings.HasSuffix(operator, "~"):
		text = oneOf(values)
	case !values[0].IsNull():
		text = values[0].String()
	}
	return promLabel(w.Plan.Keys[i].Path) + operator + strconv.Quote(text)
}

// breaching is the number of breaching windows among the newest Of, for every
// group that has records in any of them.
func (w *logRule) breaching() string {
	all := logWindow{w, "[" + promDuration(w.reach()) + "]", ""}
	base := all.count(w.where, "") + " * 0"
	terms := make([]string, w.Of)
	want := w.Missing != MissingIsBreaching // else those that do not breach are counted
	for i := range terms {
		terms[i] = "(\n  count" + w.by + " (" + w.at(i, "").holds(w.Plan.When, want) + ")\nor\n  " + base + "\n)"
	}
	sum := strings.Join(terms, " + ")
	if want {
		return sum
	}
	return fmt.Sprintf("%d - (%s)", w.Of, sum) + w.silent(all)
}

// silent counts the groups without any records as breaching in all windows.
func (w *logRule) silent(all logWindow) (s string) {
	if len(w.Plan.Keys) == 0 {
		return fmt.Sprintf("\nor\nabsent_over_time(%s %s) * %d", all.lines(w.where, nil, ""), all.span, w.Of)
	}
	for _, g := range w.Groups {
		filters := make([]string, len(g))
		for i, v := range g {
			filters[i] = w.keyFilter(i, "=", []plan.Value{v})
		}
		absent := "absent_over_time(" + all.lines(w.where, nil, strings.Join(filters, " and ")) + " " + all.span + ")"
		absent = "sum (" + absent + ")"
		for i, v := range g {
			absent = fmt.Sprintf(`label_replace(%s, %q, %q, "", "")`, absent, promLabel(w.Plan.Keys[i].Path), strings.ReplaceAll(keyText(v), "$", "$$"))
		}
		s += fmt.Sprintf("\nor\n%s * %d", absent, w.Of)
	}
	return s
}

// reach is how far back the newest Of windows go.
func (w *logRule) reach() time.Duration {
	return time.Duration(w.Of-1)*every(w.Plan.Window) + w.Plan.Window.Size
}

// checked refuses an expression that is too long for Loki.
func (w *logRule) checked(expr string) string {
	if len(expr) > maxQuery {
		w.no(fmt.Sprintf("%d of %d windows", w.Datapoints, w.Of), fmt.Sprintf("as LogQL the rule has %d characters, and %d are allowed", len(expr), maxQuery), "use fewer windows, shorten the conditions, or export to prometheus")
	}
	return expr
}

// differences are those of every copy in LogQL.
func (w *logRule) differences() []Difference {
	size := engine.FormatDuration(w.Plan.Window.Size)
	list := []Difference{
		{"event time", "a line counts at the time that its shipper gave it; let it give the record's event time"},
		{"late records", "a window is evaluated once, when the clock says so; a record that comes later changes nothing"},
		{"window", "windows of " + size + " end when the rule is evaluated, not at full multiples of " + size + ", and hold their end instead of their start"},
		{"stream", "the lines of the streams " + w.stream + " are the records, as JSON; a label of such a stream must not be named as a label of the rule is"},
		{"nil", "a field that is missing and one that is empty text are the same"},
	}
	if w.Of > 1 || w.Missing == MissingIsMissing {
		list = append(list, Difference{"datapoints", fmt.Sprintf("the newest %d windows count; an older window does not stand in for a missing one", w.Of)})
	}
	if w.Missing == MissingIsBreaching && len(w.Plan.Keys) > 0 {
		list = append(list, Difference{"groups", fmt.Sprintf("the %d groups known at export are named; one that appears later and falls silent is noticed only while it has records in the newest %d windows", len(w.Groups), w.Of)})
	}
	for _, a := range w.reads {
		switch a.Func {
		case plan.Quantile:
			list = append(list, Difference{"quantile", "Loki interpolates between values; Tidemark's are within 1 % of a value that occurred"})
		case plan.Distinct:
			list = append(list, Difference{"distinct", "Loki makes a series of each value, and answers with 500 series unless its limits say otherwise"})
		case plan.Sum, plan.Avg:
			list = append(list, Difference{"sum, avg", "sums of numbers with decimals are those of floating point, in any order"})
		}
	}
	_, renamed := alertLabels(w.Rule)
	list = append(append(list, renamed...), w.Source.differences(columns(w.Rule, w.reads))...)
	return append(list, w.sentence.differences()...)
}

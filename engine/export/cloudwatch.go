package export

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// namespace is where the metrics of exported rules are.
const namespace = "Tidemark"

// cwFilter turns lines of a log group into values of a metric.
type cwFilter struct {
	id, metric, pattern, value string
	// dimensions are names and the fields that hold their values.
	dimensions [][2]string
}

// cwAlarm is an alarm over an expression of metrics.
type cwAlarm struct {
	id, name, description string
	queries               []cwQuery
	// evaluated periods, of which datapoints must breach.
	periods, datapoints int
	missing             string
}

// cwQuery is a metric or, if it has an expression, what is made of others.
type cwQuery struct {
	id, metric, stat string
	period           int // seconds
	dimensions       [][2]string
	expression       string
}

// cwStack is what rules become in CloudWatch, whatever the form it is
// written in.
type cwStack struct {
	filters []cwFilter
	alarms  []cwAlarm
}

// cloudWatch makes the stack of some rules, and checks it.
func cloudWatch(target string, rules []Rule) (cwStack, [][]Difference, error) {
	var stack cwStack
	differences, err := each(target, rules, func(r *refuser, rule Rule) []Difference {
		w := newCWRule(r, rule)
		stack.filters = append(stack.filters, w.filters()...)
		stack.alarms = append(stack.alarms, w.alarms()...)
		return w.differences()
	})
	if err != nil {
		return stack, nil, err
	}
	stack.distinguish()
	return stack, differences, stack.check()
}

// distinguish gives each resource an id of its own. Ids are letters and digits,
// so names that differ in signs alone would share one.
func (s cwStack) distinguish() {
	taken := map[string]bool{}
	unique := func(id *string, name string) {
		if taken[*id] {
			*id += "x" + nameHash(name)
		}
		taken[*id] = true
	}
	for i := range s.filters {
		unique(&s.filters[i].id, s.filters[i].metric)
	}
	for i := range s.alarms {
		unique(&s.alarms[i].id, s.alarms[i].name)
	}
}

// cwRule is one rule on its way to CloudWatch.
type cwRule struct {
	*refuser
	Rule
	where []conjunction
	// read are the aggregates that when needs; places are theirs in the plan.
	read []*plan.Aggregate
}

func newCWRule(r *refuser, rule Rule) *cwRule {
	w := &cwRule{refuser: r, Rule: rule}
	w.checkWindow()
	w.where = alternatives(r, rule.Plan.Where, true)
	if len(rule.Plan.Keys) > maxDimensions {
		r.no(fmt.Sprintf("group_by with %d paths", len(rule.Plan.Keys)), "a metric filter gives a metric at most 3 dimensions", "group by fewer paths")
	}
	if len(rule.Plan.Keys) > 0 && len(w.known()) == 0 {
		r.no("group_by: "+rule.Plan.Keys[0].Name, "an alarm watches one series, so the groups are written out, and none is known that a dimension can name", "pull some records first, or group by a field whose values are ASCII")
	}
	w.read = aggregatesOf(rule.Plan, used(rule.Plan, rule.Plan.When))
	rule.Source.readable(r, columns(rule, w.read))
	return w
}

// The limits of CloudWatch.
const (
	maxDimensions   = 3
	maxPattern      = 1024
	maxQueries      = 10
	maxShortPeriods = 24 * time.Hour
	maxLongPeriods  = 7 * 24 * time.Hour
	maxResources    = 500
	maxName         = 255
	maxDescription  = 1024
	maxDimension    = 1024
	maxMath         = 2048
)

func (w *cwRule) checkWindow() {
	window := w.Plan.Window
	size := engine.FormatDuration(window.Size)
	longest := maxLongPeriods
	if window.Size < time.Hour {
		longest = maxShortPeriods
	}
	switch {
	case window.Kind == plan.Hopping && w.Of > 1:
		w.no(fmt.Sprintf("hopping windows, %d of %d", w.Datapoints, w.Of), "CloudWatch counts periods that follow each other, and hopping windows overlap", "use tumbling windows, or alarm: {datapoints: 1, of: 1}")
	case window.Kind == plan.Session:
		w.no("window: {session: …}", "a period has a fixed length", "use a tumbling window")
	case window.Kind == plan.Cumulate:
		w.no("window: {cumulate: …}", "a period has one length, and that of a cumulate window grows", "use a tumbling window")
	case window.Zone != nil:
		w.no("time_zone: "+window.Zone.String(), "periods are cut in UTC", "leave time_zone out")
	case window.Size%time.Minute != 0:
		w.no("window of "+size, "metrics of log groups have a value a minute", "use a window of whole minutes")
	case window.Size > maxShortPeriods:
		w.no("window of "+size, "a period is a day at most", "use a smaller window")
	case time.Duration(w.Of)*window.Size > longest:
		w.no(fmt.Sprintf("%d windows of %s", w.Of, size), "an alarm looks back a day, or a week with periods of an hour and more", "use fewer or smaller windows")
	}
}

// dimensional reports whether a dimension can have a value: letters, digits
// and signs of ASCII.
func dimensional(v plan.Value) bool {
	s := v.String()
	seen := func(r rune) bool { return r > ' ' && r <= '~' }
	return !v.IsNull() && len(s) <= maxDimension && !strings.Contains(s, resolve) && strings.ContainsFunc(s, seen) &&
		!strings.ContainsFunc(s, func(r rune) bool { return !seen(r) && r != ' ' })
}

// known lists the groups that dimensions can name.
func (w *cwRule) known() (groups [][]plan.Value) {
	if len(w.Plan.Keys) == 0 {
		return [][]plan.Value{nil}
	}
	for _, g := range w.Groups {
		whole := true
		for _, v := range g {
			whole = whole && dimensional(v)
		}
		if whole {
			groups = append(groups, g)
		}
	}
	return groups
}

// unnamed counts the groups that have all their values and cannot be named.
func (w *cwRule) unnamed() (n int) {
	for _, g := range w.Groups {
		if !slices.ContainsFunc(g, func(v plan.Value) bool { return v.IsNull() || v.String() == "" }) {
			n++
		}
	}
	return n - len(w.known())
}

// metric names the metric of an aggregate; nil is the number of records.
func (w *cwRule) metric(a *plan.Aggregate) string {
	if a == nil {
		return w.Name + ".records"
	}
	if a.Func == plan.Count {
		return fmt.Sprintf("%s.count%d", w.Name, w.place(a))
	}
	return w.Name + "." + w.observed(a).Path.String()
}

func (w *cwRule) place(a *plan.Aggregate) int {
	for i, b := range w.Plan.Aggregates {
		if a == b {
			return i + 1
		}
	}
	return 0
}

// observed is the field whose values an aggregate takes.
func (w *cwRule) observed(a *plan.Aggregate) *plan.Column {
	c, ok := stripped(a.Arg).(*plan.Column)
	if !ok || c.Type() == engine.Varchar || c.Type() == engine.Timestamp {
		w.no(describeAggregate(a), "a metric filter takes the number in one field as it is", "compute the field in a transform plugin, and aggregate that")
	}
	return c
}

// filters lists the metric filters: of all records, of those that conditions
// count, and of the fields that are aggregated.
func (w *cwRule) filters() []cwFilter {
	var dimensions [][2]string
	for _, k := range w.Plan.Keys {
		dimensions = append(dimensions, [2]string{k.Name, w.selector(k.Path)})
	}
	make := func(metric, value string, all []conjunction) cwFilter {
		return cwFilter{id: resourceID(metric), metric: metric, pattern: w.pattern(all), value: value, dimensions: dimensions}
	}
	if len(w.Plan.Keys) > 0 && w.pattern(w.where) == "" {
		// Dimensions need a pattern that reads JSON.
		key := w.Plan.Keys[0].Column.(*plan.Column)
		w.where = one(atom{field: key, rel: isNull, not: true, source: key})
	}
	out := []cwFilter{make(w.metric(nil), "1", w.where)}
	seen := map[string]bool{}
	for _, a := range w.read {
		name := w.metricOf(a)
		if seen[name] || name == w.metric(nil) {
			continue
		}
		seen[name] = true
		if a.Func == plan.Count {
			out = append(out, make(name, "1", both(w.refuser, a.Arg, w.where, alternatives(w.refuser, a.Arg, true))))
			continue
		}
		out = append(out, make(name, w.selector(w.observed(a).Path), w.where))
	}
	return out
}

func (w *cwRule) metricOf(a *plan.Aggregate) string {
	if a.Func == plan.Count && a.Arg == nil {
		return w.metric(nil)
	}
	return w.metric(a)
}

// stat is the statistic that an aggregate is, of its metric.
func (w *cwRule) stat(a *plan.Aggregate) string {
	switch a.Func {
	case plan.Count, plan.Sum:
		return "Sum"
	case plan.Avg:
		return "Average"
	case plan.Min:
		return "Minimum"
	case plan.Max:
		return "Maximum"
	case plan.Quantile:
		return "p" + percent(a.At)
	}
	w.no(describeAggregate(a), "CloudWatch has no such statistic", "use count, sum, avg, min, max or quantile")
	return ""
}

// percent moves the point of a fraction: 0.95 is 95.
func percent(f plan.Fraction) string {
	s := f.String()
	whole, decimals, _ := strings.Cut(s, ".")
	for len(decimals) < 2 {
		decimals += "0"
	}
	s = strings.TrimLeft(whole+decimals[:2], "0")
	if s == "" {
		s = "0"
	}
	if rest := decimals[2:]; rest != "" {
		s += "." + rest
	}
	return s
}

// alarms writes one alarm for every known group.
func (w *cwRule) alarms() (all []cwAlarm) {
	missing := map[Missing]string{MissingIsMissing: "missing", MissingIsIgnored: "ignore", MissingIsBreaching: "breaching", MissingIsNotBreaching: "notBreaching"}
	for _, g := range w.known() {
		m := &cwMath{cwRule: w, group: g}
		expression := m.breach()
		if expression == "" {
			continue // the group never breaches
		}
		values := make([]string, len(g))
		for i, v := range g {
			values[i] = v.String()
		}
		name := alarmName(w.Name, values)
		if len(expression) > maxMath {
			w.no("when: "+oneLine(w.When), fmt.Sprintf("as metric math it has %d characters, and %d are allowed", len(expression), maxMath), "shorten the condition")
		}
		all = append(all, cwAlarm{
			id: resourceID(name), name: name,
			description: described(w.Rule, fmt.Sprintf("; %d of %d periods", w.Datapoints, w.Of), maxDescription),
			queries:     append(m.queries, cwQuery{id: "breach", expression: expression}),
			periods:     w.Of, datapoints: w.Datapoints, missing: missing[w.Missing],
		})
	}
	return all
}

// alarmName is the name of the alarm of a group; what is too long ends in
// something that tells it apart.
func alarmName(rule string, group []string) string {
	name := strings.Join(append([]string{"tidemark-" + rule}, group...), "-")
	if len(name) > maxName {
		name = name[:maxName-9] + "-" + nameHash(name)
	}
	return name
}

// resourceID is a name as the id of a resource: letters and digits.
func resourceID(name string) string {
	var b strings.Builder
	upper := true
	for _, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		switch {
		case !letter:
			upper = true
			if r != '-' && r != '_' && r != '.' {
				fmt.Fprintf(&b, "x%X", r) // two names never share an id for it
			}
			continue
		case upper && r >= 'a' && r <= 'z':
			r += 'A' - 'a'
		}
		upper = false
		b.WriteRune(r)
	}
	return b.String()
}

func (w *cwRule) differences() []Difference {
	size := engine.FormatDuration(w.Plan.Window.Size)
	list := []Difference{
		{"late records", "periods are judged by the clock and never again; a record that comes after its period was judged changes nothing"},
		{"missing", fmt.Sprintf("how far CloudWatch looks back for datapoints to replace missing ones is not published; Tidemark looks at %d windows", w.Of+2)},
		{"fields", "the log group's lines are JSON objects with the fields that the patterns name"},
	}
	if w.Plan.Window.Size > time.Minute {
		list = append(list, Difference{"window", "periods of " + size + " slide every minute; the rule's windows follow each other"})
	}
	if w.Plan.Window.Offset != 0 {
		list = append(list, Difference{"offset", "periods have none"})
	}
	if len(w.Plan.Keys) > 0 {
		list = append(list, Difference{"groups", fmt.Sprintf("there is an alarm for each of the %d groups known at export, and none for others; records without a value of %s count in no group", len(w.known()), w.Plan.Keys[0].Name)})
		if n := w.unnamed(); n > 0 {
			list = append(list, Difference{"groups", fmt.Sprintf("there is no alarm for %d groups, as a dimension has letters, digits and signs of ASCII, %d at most", n, maxDimension)})
		}
	}
	for _, a := range w.read {
		if a.Func == plan.Quantile {
			list = append(list, Difference{"quantile", "CloudWatch interpolates percentiles; Tidemark's are within 1 % of a value that occurred"})
			break
		}
	}
	if nullable(w.Plan, w.Plan.When) {
		list = append(list, Difference{"nil", "where part of when has no value the period is missing, even if the rest decides"})
	}
	list = append(list, w.Source.differences(columns(w.Rule, w.read))...)
	return append(list, Difference{"summary", "an alarm's description is fixed text; the summary is not in it"})
}

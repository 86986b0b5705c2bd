package export

import (
	"regexp"
	"strings"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// unfit for a metric's name or label.
var unfit = regexp.MustCompile(`[^A-Za-z0-9_]+`)

// promName is a path or a name as part of a metric's name, or as a label.
func promName(s string) string {
	s = strings.Trim(unfit.ReplaceAllString(s, "_"), "_")
	if s == "" || s[0] >= '0' && s[0] <= '9' {
		s = "_" + s
	}
	return s
}

func promLabel(p engine.Path) string { return promName(p.String()) }

// unbounded lists the columns that have a new value in every record, which no
// label of a metric may have.
var unbounded = map[string]bool{
	"event_time": true, "arrival_time": true, "ingest_time": true, "message": true,
	"trace_id": true, "span_id": true, "_seq": true, "_position": true,
}

// selectors writes the series of a metric whose labels fulfil a condition.
func selectors(r *refuser, metric string, all []conjunction, window string) string {
	if len(all) == 0 {
		r.no("a condition that no record fulfils", "there is no series to select", "take the measure out of the rule")
	}
	parts := make([]string, len(all))
	for i, c := range all {
		matchers := make([]string, len(c))
		for j, a := range c {
			matchers[j] = matcher(r, a)
		}
		s := metric
		if len(matchers) > 0 {
			s += "{" + strings.Join(matchers, ",") + "}"
		}
		parts[i] = "increase(" + s + "[" + window + "])"
	}
	return strings.Join(parts, " or ")
}

// matcher is an atom as a test of a label. A label that is not there is empty
// text to PromQL.
func matcher(r *refuser, a atom) string {
	name := a.field.Path.String()
	if unbounded[name] {
		r.no(describe(a.source), name+" has another value in every record, and every value of a label is a series of its own",
			"test a field with few values, or export to cloudformation, which reads the records themselves")
	}
	label := promLabel(a.field.Path)
	operator := func(yes, no string) string {
		if a.not {
			return label + no
		}
		return label + yes
	}
	switch a.rel {
	case isNull:
		return operator(`=""`, `!=""`)
	case isEqual:
		return operator("=", "!=") + promText(a.values[0].String())
	case isOneOf:
		return operator("=~", "!~") + promText(oneOf(a.values))
	}
	pattern, ok := textPattern(a)
	if !ok {
		r.no(describe(a.source), "a label can be compared for equality and with patterns, not by size",
			"list the values, as in "+name+" in [500, 502, 503], or set a field in a transform plugin")
	}
	if a.not { // and it has some text
		return label + "!~" + promText(pattern) + "," + label + `!=""`
	}
	return label + "=~" + promText(pattern)
}

func oneOf(values []plan.Value) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = regexp.QuoteMeta(v.String())
	}
	return strings.Join(parts, "|")
}

// textPattern is a test of text as an RE2 expression over all of it.
func textPattern(a atom) (string, bool) {
	if a.rel == matches {
		return "(?s:.*)(?:" + a.pattern + ")(?s:.*)", true
	}
	text, ok := a.values[0].Text()
	quoted := regexp.QuoteMeta(text)
	switch {
	case !ok:
		return "", false
	case a.rel == contains:
		return "(?s:.*)" + quoted + "(?s:.*)", true
	case a.rel == startsWith:
		return quoted + "(?s:.*)", true
	case a.rel == endsWith:
		return "(?s:.*)" + quoted, true
	}
	return "", false
}

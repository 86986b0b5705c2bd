package export

import (
	"fmt"
	"strings"

	"tidemark.dev/tidemark/engine/plan"
)

// eventBridge writes rules that one record decides: those that breach as soon
// as there is one of a kind. A pattern looks at one event and forgets it.
func eventBridge(rules []Rule) ([]byte, [][]Difference, error) {
	resources := object{}
	differences, err := each("eventbridge", rules, func(r *refuser, rule Rule) []Difference {
		w := newEventRule(r, rule)
		id := resourceID(rule.Name) + "Rule"
		if resources[id] != nil {
			id += "x" + nameHash(rule.Name)
		}
		resources[id] = object{"Type": "AWS::Events::Rule", "Properties": w.properties()}
		return w.differences()
	})
	if err != nil {
		return nil, nil, err
	}
	data, err := indented(object{
		"AWSTemplateFormatVersion": "2010-09-09",
		"Description":              "Written by tidemark rules export --target eventbridge; PARITY.md says how it differs.",
		"Parameters": object{
			"EventBusName": object{"Type": "String", "Default": "default", "Description": "The bus that the events come over."},
			"EventSource":  object{"Type": "String", "Description": "The source of the events whose detail is a record."},
			"TargetArn":    object{"Type": "String", "Description": "What is told of each event: an SNS topic, a queue or a function."},
		},
		"Resources": resources,
	})
	return data, differences, err
}

// eventRule is one rule on its way to EventBridge.
type eventRule struct {
	*refuser
	Rule
	pattern object
}

func newEventRule(r *refuser, rule Rule) *eventRule {
	w := &eventRule{refuser: r, Rule: rule}
	if rule.Datapoints > 1 {
		r.no(fmt.Sprintf("alarm: {datapoints: %d}", rule.Datapoints), "EventBridge patterns match one event at a time and forget it", "use alarm: {datapoints: 1}, or export to cloudformation")
	}
	if rule.Missing == MissingIsBreaching || rule.Missing == MissingIsIgnored {
		r.no("missing: "+string(rule.Missing), "EventBridge notices what comes, not what does not", "use missing: not_breaching, or export to cloudformation")
	}
	a := w.decisive(rule.Plan.When)
	rule.Source.readable(r, columns(rule, []*plan.Aggregate{a}))
	all := alternatives(r, rule.Plan.Where, true)
	if a.Arg != nil {
		all = both(r, a.Arg, all, alternatives(r, a.Arg, true))
	}
	detail := w.detail(all)
	w.pattern = object{"source": []any{object{"Ref": "EventSource"}}}
	if len(detail) > 0 {
		w.pattern["detail"] = detail
	}
	if err := checkEventPattern(w.pattern); err != nil {
		r.no("where with its conditions", err.Error(), "shorten the condition, or export to cloudformation")
	}
	return w
}

// decisive is the count that a condition wants to be more than nothing.
func (w *eventRule) decisive(e plan.Expr) *plan.Aggregate {
	if ref, ok := e.(*plan.Ref); ok && ref.To == plan.MeasureRef {
		return w.decisive(w.Plan.Measures[ref.Index].Expr)
	}
	if b, ok := e.(*plan.Binary); ok {
		l, lit := stripped(b.R).(*plan.Literal)
		ref, isRef := stripped(b.L).(*plan.Ref)
		for isRef && ref.To == plan.MeasureRef {
			ref, isRef = stripped(w.Plan.Measures[ref.Index].Expr).(*plan.Ref)
		}
		if lit && isRef && ref.To == plan.AggregateRef {
			a, n := w.Plan.Aggregates[ref.Index], l.Value.String()
			more := b.Op == plan.Greater && n == "0" || b.Op == plan.AtLeast && n == "1" || b.Op == plan.NotEqual && n == "0"
			if a.Func == plan.Count && more {
				return a
			}
		}
	}
	w.no("when: "+oneLine(w.When), "EventBridge patterns match one event at a time, so only a rule that one record decides can be held",
		"write measures: {n: count(CONDITION)} with when: n > 0, or export to cloudformation")
	return nil
}

func (w *eventRule) properties() object {
	return object{
		"Name":         w.name(),
		"Description":  described(w.Rule, "", maxEventDescription),
		"EventBusName": object{"Ref": "EventBusName"},
		"EventPattern": w.pattern,
		"State":        "ENABLED",
		"Targets": []object{{
			"Id": "told", "Arn": object{"Ref": "TargetArn"},
			"InputTransformer": object{
				"InputPathsMap": object{"record": "$.detail", "time": "$.time"},
				"InputTemplate": fmt.Sprintf(`{"rule": %s, "version": %q, "severity": %s, "time": <time>, "record": <record>}`, jsonText(w.Name), w.Hash, jsonText(w.Severity)),
			},
		}},
	}
}

// maxEventDescription and maxEventName bound what EventBridge takes.
const (
	maxEventDescription = 512
	maxEventName        = 64
)

// name is the rule's name, as EventBridge takes it; what is too long ends in
// something that tells it apart.
func (w *eventRule) name() string {
	name := "tidemark-" + w.Name
	if len(name) > maxEventName {
		name = name[:maxEventName-9] + "-" + nameHash(name)
	}
	return name
}

// jsonText is text in a template of what is told, in which < begins a variable.
func jsonText(s string) string {
	data, err := indented(s)
	if err != nil { // text is always JSON
		panic(fmt.Sprintf("export: %v", err))
	}
	return strings.ReplaceAll(strings.TrimSpace(string(data)), "<", `\u003c`)
}

func (w *eventRule) differences() []Difference {
	list := []Difference{
		{"windows", "every event that matches is told at once; the rule raises one alarm for a window, however many records are in it"},
		{"states", "there are none: nothing says that the alarm has ended"},
		{"event", "the detail of an event is the record as it was before it was pulled; its source is a parameter"},
		{"late records", "an event counts when it comes, however old it is"},
	}
	if len(w.Plan.Keys) > 0 {
		list = append(list, Difference{"group_by", "events of all groups are told; the record says which group it is of"})
	}
	if len(w.Summary) > 0 {
		list = append(list, Difference{"summary", "what is told is the record, with the rule's name; the summary is not in it"})
	}
	a := w.decisive(w.Plan.When)
	return append(list, w.Source.differences(columns(w.Rule, []*plan.Aggregate{a}))...)
}

package export

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// Rule is what there is to say about a rule.
type Rule struct {
	Name string
	// Hash tells versions of the rule apart.
	Hash string
	// When is the condition as it was written, for people.
	When     string
	Severity string
	Labels   map[string]string
	Runbook  string
	Summary  []Phrase
	// Plan is what the rule means; it has a condition.
	Plan *plan.Plan
	// Recover is the text of recover_when; empty if there is none.
	Recover string
	// Expects says that windows without records have too few of them.
	Expects bool
	// Datapoints of the newest Of windows must breach.
	Datapoints, Of int
	Missing        Missing
	// Source is how the records lie before they are pulled.
	Source Source
	// Replay says how far the copy agreed when it was replayed; "" if it was
	// not.
	Replay string
	// Groups lists the groups that are known, each with the values of
	// Plan.Keys in their order.
	Groups [][]plan.Value
}

// Phrase is a piece of the sentence about an alarm: plain text, or the value
// of an expression over the row of a window, as a percentage if so wanted.
type Phrase struct {
	Text    string
	Expr    plan.Expr
	Percent bool
}

// Missing says what a window without records counts as.
type Missing string

// The treatments, by the words of rule files.
const (
	MissingIsMissing      Missing = "missing"
	MissingIsIgnored      Missing = "ignore"
	MissingIsBreaching    Missing = "breaching"
	MissingIsNotBreaching Missing = "not_breaching"
)

// Artefact is what a target is given.
type Artefact struct {
	Target string
	// File is the name that the target's people would give it.
	File string
	Data []byte
	// Differences holds, for each rule in turn, how the copy differs.
	Differences [][]Difference
}

// Difference is one way in which a copy of a rule is not the rule.
type Difference struct {
	// What is the part of the rule, How what becomes of it.
	What string `json:"what"`
	How  string `json:"how"`
}

// target writes rules in one foreign form.
type target struct {
	name, file string
	about      string
	write      func(rules []Rule, set Settings) ([]byte, [][]Difference, error)
	// parameters are what the artefact must be told.
	parameters []Parameter
}

// plainly is a target whose artefact declares its own parameters.
func plainly(write func([]Rule) ([]byte, [][]Difference, error)) func([]Rule, Settings) ([]byte, [][]Difference, error) {
	return func(rules []Rule, _ Settings) ([]byte, [][]Difference, error) { return write(rules) }
}

var targets = []target{
	{"cloudformation", "template.json", "metric filters and alarms of CloudWatch as a CloudFormation template", plainly(cloudFormation), nil},
	{"connect", "pipeline.yaml", "a pipeline for Redpanda Connect, from the records to the alarms", connect, connectParameters},
	{"eventbridge", "rules.json", "event patterns of EventBridge as a CloudFormation template, for rules that one record decides", plainly(eventBridge), nil},
	{"flink", "pipeline.sql", "a job of Flink SQL, from the records to the alarms", flink, flinkParameters},
	{"grafana", "alerting.yaml", "alert rules for Grafana's provisioning, on a Loki data source", grafana, grafanaParameters},
	{"loki", "rules.yaml", "alert rules for Loki's ruler", loki, lokiParameters},
	{"prometheus", "rules.yml", "recording and alert rules for Prometheus 3 and Mimir", plainly(prometheus), nil},
	{"terraform", "main.tf.json", "metric filters and alarms of CloudWatch for Terraform", plainly(terraform), nil},
}

// Targets lists the targets by name.
func Targets() []string {
	names := make([]string, len(targets))
	for i, t := range targets {
		names[i] = t.name
	}
	return names
}

// About says in a few words what the artefact of a target is.
func About(target string) string {
	for _, t := range targets {
		if t.name == target {
			return t.about
		}
	}
	return ""
}

// Write gives the artefact of a target for some rules, in their order. The
// error joins a Refusal for every rule that the target cannot hold; then
// nothing is written for the others either.
func Write(name string, rules []Rule, set Settings) (*Artefact, error) {
	i, err := find(name)
	if err != nil {
		return nil, err
	}
	if err := set.check(targets[i]); err != nil {
		return nil, err
	}
	data, differences, err := targets[i].write(rules, set)
	if err != nil {
		return nil, err
	}
	return &Artefact{Target: name, File: targets[i].file, Data: data, Differences: differences}, nil
}

// Known fails if there is no such target.
func Known(name string) error {
	_, err := find(name)
	return err
}

// find gives the place of a target.
func find(name string) (int, error) {
	i := slices.IndexFunc(targets, func(t target) bool { return t.name == name })
	if i >= 0 {
		return i, nil
	}
	e := engine.Errorf(engine.Invalid, "export", "there is no target %q", name)
	if near := engine.Nearest(name, Targets()); near != "" {
		return i, e.WithHint("did you mean %s?", near)
	}
	return i, e.WithHint("the targets are: %s", strings.Join(Targets(), ", "))
}

// each calls f for every rule and joins what was refused.
func each(target string, rules []Rule, f func(*refuser, Rule) []Difference) (all [][]Difference, err error) {
	var problems []error
	for _, r := range rules {
		refuser := &refuser{rule: r.Name, target: target}
		differences, err := refuser.try(func() []Difference {
			if r.Recover != "" {
				refuser.no("recover_when: "+r.Recover, "an alarm of "+target+" ends by the condition that raised it", "remove recover_when, or raise alarm.of so that it ends later")
			}
			if why := noPast[target]; why != "" && len(r.Plan.Pasts) > 0 {
				refuser.no(r.Plan.PastName(0), why, pastInstead)
			}
			if r.Expects {
				refuser.no("expect", "windows without records count at once, and "+target+" waits for other datapoints", "write window, measures and when, with alarm: {missing: breaching}")
			}
			return f(refuser, r)
		})
		problems = append(problems, err)
		all = append(all, differences)
	}
	return all, errors.Join(problems...)
}

// every is how often a window ends.
func every(w plan.Window) time.Duration {
	if w.Kind == plan.Hopping || w.Kind == plan.Cumulate {
		return w.Every
	}
	return w.Size
}

// streamDifferences are those of whatever reads the stream itself, in place of
// this program.
func streamDifferences(r Rule) []Difference {
	var list []Difference
	if r.Of > 1 {
		list = append(list, Difference{"datapoints", fmt.Sprintf("the newest %d windows count; an older window does not stand in for a missing one", r.Of)})
	}
	if s := r.Source.Strategy; s != "" && s != "max_lateness" {
		list = append(list, Difference{"watermark", "the strategy " + s + " is not known; it is the newest record less " + engine.FormatDuration(r.Source.Lateness)})
	}
	if r.Source.Dedup != nil {
		list = append(list, Difference{"dedup", "records with the same " + r.Source.Dedup.String() + " count each time they come"})
	}
	if r.Source.Quota {
		list = append(list, Difference{"quota", "there is none; every record counts"})
	}
	return list
}

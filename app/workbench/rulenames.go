package workbench

import (
	"errors"
	"slices"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/rule"
)

// ruleNames checks what a rule names of the workspace: channels, other rules
// and its runbook. A rule that is wrong there is evaluated all the same: an
// alarm that reaches some is better than none.
func (b *Workbench) ruleNames(spec rule.Spec) error {
	w := b.Current()
	var channels, rules []string
	for _, c := range w.Config.Channels {
		channels = append(channels, c.Key.Value)
	}
	if len(spec.Inhibit) > 0 {
		for _, f := range w.Rules {
			if other, err := w.ReadRule(f); err == nil {
				rules = append(rules, other.Rule.Value)
			}
		}
	}
	var problems []error
	for _, n := range spec.Notify {
		problems = append(problems, named("notify", "channel", n, channels, "name it in channels of tidemark.yaml"))
	}
	for _, n := range spec.Inhibit {
		problems = append(problems, named("inhibit", "rule", n, rules, "tidemark rules list shows the rules there are"))
	}
	if r := spec.Runbook; r.Value != "" {
		problems = append(problems, named("runbook", "notebook", r, w.Notebooks, "write the path of a notebook: notebooks/NAME.md"))
	}
	return errors.Join(problems...)
}

// named is the problem of a name that nothing has.
func named(key, what string, n engine.Text, have []string, hint string) error {
	if slices.Contains(have, n.Value) {
		return nil
	}
	e := n.At(0, "%s: there is no %s %s", key, what, n.Value)
	if near := engine.Nearest(n.Value, have); near != "" {
		return e.WithHint("did you mean %s?", near)
	}
	return e.WithHint("%s", hint)
}

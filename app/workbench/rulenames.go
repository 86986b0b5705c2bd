package workbench

import (
	"errors"
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/rule"
)

// ruleNames checks what a rule names of the workspace: channels, other rules
// and its runbook. A rule that is wrong there is evaluated all the same: an
// alarm that reaches some is better than none.
func (b *Workbench) ruleNames(spec rule.Spec) error {
	w := b.Current()
	var channels, rules []string
	specs := map[string]rule.Spec{}
	for _, c := range w.Config.Channels {
		channels = append(channels, c.Key.Value)
	}
	if len(spec.Inhibit) > 0 {
		for _, f := range w.Rules {
			if other, err := w.ReadRule(f); err == nil {
				rules = append(rules, other.Rule.Value)
				specs[other.Rule.Value] = other
			}
		}
		specs[spec.Rule.Value] = spec
	}
	var problems []error
	for _, n := range spec.Notify {
		problems = append(problems, named("notify", "channel", n, channels, "name it in channels of tidemark.yaml"))
	}
	for _, n := range spec.Inhibit {
		problems = append(problems, named("inhibit", "rule", n, rules, "tidemark rules list shows the rules there are"), inCircle(specs, spec.Rule.Value, n))
	}
	if r := spec.Runbook; r.Value != "" {
		problems = append(problems, named("runbook", "notebook", r, w.Notebooks, "write the path of a notebook: notebooks/NAME.md"))
	}
	return errors.Join(problems...)
}

// inCircle is the problem of a rule that keeps one quiet which does so in turn.
func inCircle(specs map[string]rule.Spec, of string, n engine.Text) error {
	way := circle(specs, n.Value, of)
	switch len(way) {
	case 0:
		return nil
	case 1:
		return n.At(0, "inhibit: %s would keep itself quiet", of).WithHint("name another rule; until then nothing is kept back")
	}
	others := append([]string{of}, way[:len(way)-1]...)
	return n.At(0, "inhibit: %s would keep each other quiet", strings.Join(others, ", ")).
		WithHint("take one out; until then they are all told")
}

// circle is the way from a rule to another by what each inhibits; nil if there
// is none.
func circle(specs map[string]rule.Spec, from, to string) []string {
	seen := map[string]bool{}
	var visit func(name string) []string
	visit = func(name string) []string {
		if name == to {
			return []string{name}
		}
		if seen[name] {
			return nil
		}
		seen[name] = true
		for _, next := range specs[name].Inhibit {
			if rest := visit(next.Value); rest != nil {
				return append([]string{name}, rest...)
			}
		}
		return nil
	}
	return visit(from)
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

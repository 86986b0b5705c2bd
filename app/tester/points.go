package tester

import (
	"strings"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine/rule"
)

// points tests an alarm alone. Retain without a state before must hold for
// each state.
func points(t *workspace.Test) (Result, error) {
	var out Result
	list, err := rule.ParsePoints(*t.Points)
	if err != nil {
		return out, err
	}
	policy := rule.Policy{Datapoints: t.Alarm.Datapoints, Of: t.Alarm.Of, Missing: rule.Missing(t.Alarm.Missing)}
	if policy.Missing == "" {
		policy.Missing = rule.MissingIsMissing
	}
	policy.Of = max(policy.Of, 1, policy.Datapoints)
	if policy.Datapoints == 0 {
		policy.Datapoints = policy.Of
	}
	states := []rule.State{rule.State(t.State.Value)}
	if t.State.Value == "" {
		states[0] = rule.InsufficientData
		if t.Expect.Value == "retain" {
			states = []rule.State{rule.OK, rule.Alarming, rule.InsufficientData}
		}
	}
	for _, before := range states {
		want := rule.State(t.Expect.Value)
		if want == "retain" {
			want = before
		}
		if got, reason := policy.Next(list, before); got != want {
			out.fail(t.At.Key("expect"), "%s after %s is %s, not %s: %s", before, strings.TrimSpace(t.Points.Value), got, t.Expect.Value, reason)
		}
	}
	return out, nil
}

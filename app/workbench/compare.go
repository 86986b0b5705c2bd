package workbench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/export"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/rule"
)

// HistoryComparison holds what a system really did against what the rule does over
// the records that are stored; the JSON is what rules compare prints.
type HistoryComparison struct {
	Rule string `json:"rule"`
	// Source is prometheus or cloudwatch.
	Source string `json:"source"`
	Parity
	Ours   []Stay `json:"ours"`
	Theirs []Stay `json:"theirs"`
}

// Stay is one stay of a group in alarm. End is null while it lasts.
type Stay struct {
	Key   rule.Group `json:"key"`
	Start time.Time  `json:"start"`
	End   *time.Time `json:"end"`
}

// CompareHistory reads the history of a deployed copy of a rule. A window agrees when
// both were in alarm, or neither, a window's step after it ended at the latest:
// a system evaluates a window some time after its end.
func (b *Workbench) CompareHistory(ctx context.Context, name string, data []byte, from, to time.Time) (*HistoryComparison, error) {
	h, err := export.ReadHistory(data)
	if err != nil {
		return nil, err
	}
	ex, err := b.exportable(ctx, name)
	if err != nil {
		return nil, err
	}
	if from.IsZero() {
		from = h.From
	}
	if to.IsZero() {
		to = h.To
	}
	report, r, err := b.Backtest(ctx, name, rule.BacktestOptions{From: from, To: to, Datapoints: true})
	if err != nil {
		return nil, err
	}
	c := &HistoryComparison{Rule: r.Name, Source: h.Source, Parity: Parity{Differ: []ParityDiffers{}, From: &from, To: &to}, Ours: []Stay{}, Theirs: []Stay{}}
	if len(h.Firings) > 0 && !slices.ContainsFunc(h.Firings, func(f export.Firing) bool { return names(f, r.Name) }) {
		return nil, engine.Errorf(engine.NotFound, "compare "+r.Name, "the history tells nothing of this rule").WithHint("its alarms are named as the export names them; the first one in the file is %s", h.Firings[0].Alarm)
	}
	for _, e := range report.Episodes {
		c.Ours = append(c.Ours, Stay{e.Key, e.Start, e.End})
	}
	for _, g := range keysOf(report.Datapoints) {
		c.group(r, ex, h, report, g)
	}
	c.Parity.Ours, c.Parity.Theirs = c.Ours, c.Theirs
	slices.SortStableFunc(c.Differ, func(a, b ParityDiffers) int { return a.At.Compare(b.At) })
	return c, nil
}

// names reports whether a firing is of a rule, whatever its group.
func names(f export.Firing, name string) bool {
	return f.Alarm == name || f.Labels["tidemark_rule"] == name || len(f.Alarm) >= len("tidemark-"+name) && f.Alarm[:len("tidemark-"+name)] == "tidemark-"+name
}

// keysOf lists the groups of datapoints, each once.
func keysOf(points []rule.Datapoint) (groups []rule.Group) {
	seen := map[string]bool{}
	for _, d := range points {
		if id := fmt.Sprint(d.Key); !seen[id] {
			seen[id] = true
			groups = append(groups, d.Key)
		}
	}
	return groups
}

func (c *HistoryComparison) group(r *rule.Rule, ex export.Rule, h *export.History, report *rule.Report, key rule.Group) {
	values := make([]string, len(r.Plan.Keys))
	for i, k := range r.Plan.Keys {
		if v := key[k.Name]; !v.IsNull() {
			values[i] = v.String()
		}
	}
	firings := h.Of(ex, values)
	for _, f := range firings {
		s := Stay{Key: key, Start: f.From}
		if !f.To.IsZero() {
			s.End = &f.To
		}
		c.Theirs = append(c.Theirs, s)
	}
	id := fmt.Sprint(key)
	for _, d := range report.Datapoints {
		if fmt.Sprint(d.Key) != id {
			continue
		}
		ours := stateAt(report, id, d.End)
		step := r.Plan.Window.EndAfter(d.End).Sub(d.End)
		if r.Plan.Window.Kind == plan.Session {
			step = r.Plan.Window.Gap
		}
		c.Windows++
		on := ours == rule.Alarming
		if export.At(firings, d.End) == on || export.At(firings, d.End.Add(step)) == on {
			c.Agree++
			continue
		}
		theirs, why := rule.OK, "it was not in alarm there, until a window later"
		if !on {
			theirs, why = rule.Alarming, "it was in alarm there, until a window later"
		}
		c.Differ = append(c.Differ, ParityDiffers{d.End, d.Key, ours, theirs, why})
	}
}

// stateAt is the state of a group once a window has ended.
func stateAt(report *rule.Report, id string, t time.Time) rule.State {
	state := rule.InsufficientData
	for _, x := range report.Transitions {
		if fmt.Sprint(x.Key) == id && !x.At.After(t) {
			state = x.To
		}
	}
	return state
}

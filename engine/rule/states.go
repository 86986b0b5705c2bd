package rule

import (
	"cmp"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine/plan"
)

// WindowRow is what a window of one group shows now.
type WindowRow struct {
	plan.Span
	plan.Env
}

// GroupState is the state of one group's alarm.
type GroupState struct {
	Key   Group
	State State
}

// States evaluates the alarm over the windows that end by until, in any
// order, and gives the state that each group has come to.
func (r *Rule) States(rows []WindowRow, until time.Time) []GroupState {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b WindowRow) int {
		return cmp.Or(slices.CompareFunc(a.Keys, b.Keys, plan.Compare), a.End.Compare(b.End))
	})
	finisher := r.Plan.NewFinisher()
	var out []GroupState
	first := earliest(rows)
	var h *history
	var trail *plan.Trail
	for i, row := range rows {
		if i == 0 || !slices.EqualFunc(rows[i-1].Keys, row.Keys, plan.Value.Equal) {
			h, trail = newHistory(r, &Report{}, r.groupOf(row.Keys)), r.Plan.NewTrail()
			if r.Awaits(row.Keys) {
				h.await(first)
			}
		}
		if !row.End.After(until) {
			trail.Enter(row.Span, &row.Env)
			h.window(row.Span, finisher.Breaching(&row.Env), &row.Env)
		}
		if i == len(rows)-1 || !slices.EqualFunc(rows[i+1].Keys, row.Keys, plan.Value.Equal) {
			h.finish(until)
			out = append(out, GroupState{h.key, h.state})
		}
	}
	for _, keys := range r.Expected {
		if len(rows) > 0 && !slices.ContainsFunc(rows, func(w WindowRow) bool { return slices.EqualFunc(w.Keys, keys, plan.Value.Equal) }) {
			h := newHistory(r, &Report{}, r.groupOf(keys))
			h.await(first)
			h.finish(until)
			out = append(out, GroupState{h.key, h.state})
		}
	}
	return out
}

// earliest is where the first window begins.
func earliest(rows []WindowRow) (first time.Time) {
	for _, row := range rows {
		if first.IsZero() || row.Start.Before(first) {
			first = row.Start
		}
	}
	return first
}

func (r *Rule) groupOf(values []plan.Value) Group {
	g := make(Group, len(values))
	for i, k := range r.Plan.Keys {
		g[k.Name] = values[i]
	}
	return g
}

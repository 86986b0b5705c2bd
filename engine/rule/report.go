package rule

import (
	"slices"
	"time"

	"tidemark.dev/tidemark/engine/plan"
)

// Group is the group that an alarm is about: the values of group_by by the
// names written there. It is empty for a rule without group_by.
type Group map[string]plan.Value

// Report is what a rule would have done.
type Report struct {
	Rule string `json:"rule"`
	// From is the start of the first window, To the newest event time, or
	// the end asked for; both are nil when there are no records.
	From *time.Time `json:"from"`
	To   *time.Time `json:"to"`
	// Windows counts pairs of group and window with records.
	Windows int64 `json:"windows"`
	// Records entered windows; Late of them were late when they came.
	Records int64 `json:"records"`
	Late    int64 `json:"late"`
	// Overflows counts windows in which a sum is null because a value was
	// too large to enter it.
	Overflows   int64        `json:"overflows,omitempty"`
	Episodes    []Episode    `json:"episodes"`
	Transitions []Transition `json:"transitions"`
	// Score holds the episodes against the incidents that the rule's file
	// names; nil if it names none.
	Score *Score `json:"score,omitempty"`
	// AsArrived is what late records changed, if it was asked for.
	AsArrived *AsArrived `json:"as_arrived,omitempty"`
	// Datapoints holds every window, if they were asked for.
	Datapoints []Datapoint `json:"datapoints,omitempty"`

	// lead is how long before an episode the windows began that raised it.
	lead time.Duration
}

// lead is how long before an alarm the first window began that it was for.
func (r *Rule) lead() time.Duration {
	w, m := r.Plan.Window, time.Duration(r.Alarm.Datapoints)
	switch w.Kind {
	case plan.Tumbling:
		return w.Size * m
	case plan.Session:
		return w.Gap * m
	}
	return w.Size + w.Every*(m-1)
}

// Episode is one stay in ALARM.
type Episode struct {
	Key Group `json:"key"`
	// Start and End are the ends of the windows that decided it; End is nil
	// while the alarm lasts.
	Start time.Time  `json:"start"`
	End   *time.Time `json:"end"`
	// Peak is the worst value of each measure that when reads.
	Peak map[string]plan.Value `json:"peak"`
}

// Transition is a change of state.
type Transition struct {
	// At is the end of the window that decided it.
	At     time.Time `json:"at"`
	Key    Group     `json:"key"`
	From   State     `json:"from"`
	To     State     `json:"to"`
	Reason string    `json:"reason"`
}

// Datapoint is one window of one group.
type Datapoint struct {
	Start  time.Time             `json:"start"`
	End    time.Time             `json:"end"`
	Key    Group                 `json:"key"`
	Values map[string]plan.Value `json:"values"`
	// Breaching is null for a missing datapoint.
	Breaching plan.Value `json:"breaching"`
}

// finish puts a report in order and holds it against what is known.
func (r *Report) finish(of *Rule) {
	r.sort()
	if r.From != nil && r.To != nil {
		r.Score = r.score(of.Known)
	}
}

// sort puts everything in the order of time; it arrives group by group.
func (r *Report) sort() {
	slices.SortStableFunc(r.Episodes, func(a, b Episode) int { return a.Start.Compare(b.Start) })
	slices.SortStableFunc(r.Transitions, func(a, b Transition) int { return a.At.Compare(b.At) })
	slices.SortStableFunc(r.Datapoints, func(a, b Datapoint) int { return a.Start.Compare(b.Start) })
}

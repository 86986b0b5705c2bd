package window

import (
	"encoding/json"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// snapshot is what a restart needs besides the records.
type snapshot struct {
	At   time.Time
	Now  time.Time
	Seq  int64
	Open []openState
	Lost []lost
}

type openState struct {
	Group       string
	Span        plan.Span
	First, Last time.Time
	Index       int
	OnTime      bool
	Waiting     int64
	Since       time.Time
	Shown       []plan.Piece
	Standing    []standing
}

// Snapshot is the state as text. It is to be committed with the micro-batch
// whose panes were taken, so that a restart neither loses nor repeats one.
func (p *Panes) Snapshot() ([]byte, error) {
	s := snapshot{At: p.at, Now: p.now, Seq: p.seq, Lost: p.lost}
	for _, o := range p.open {
		s.Open = append(s.Open, openState{o.group, o.span, o.first, o.last, o.index, o.onTime, o.waiting, o.since, o.shown, o.standing})
	}
	slices.SortFunc(s.Open, func(a, b openState) int {
		return (&open{group: a.Group, span: a.Span}).compare(&open{group: b.Group, span: b.Span})
	})
	return json.Marshal(s)
}

// Restore goes on from a snapshot, which must have been taken with the same
// plan.
func Restore(c Config, r Records, state []byte) (*Panes, error) {
	var s snapshot
	if err := json.Unmarshal(state, &s); err != nil {
		return nil, engine.Errorf(engine.Internal, "restore windows", "%w", err)
	}
	p := New(c, r)
	p.at, p.now, p.seq, p.lost = s.At, s.Now, s.Seq, s.Lost
	for _, x := range s.Open {
		keys, err := plan.ParseKeyText(x.Group)
		if err != nil {
			return nil, engine.Errorf(engine.Internal, "restore windows", "%w", err)
		}
		o := &open{group: x.Group, keys: keys, span: x.Span, first: x.First, last: x.Last, index: x.Index, onTime: x.OnTime, waiting: x.Waiting, since: x.Since, shown: x.Shown, standing: x.Standing}
		p.open[windowID(o.group, o.span)] = o
		if p.session() {
			p.sessions[o.group] = append(p.sessions[o.group], o)
		}
	}
	return p, nil
}

package workbench

import (
	"context"
	"math"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/source/replay"
)

// reportEvery is how often somebody is told how a tail stands.
const reportEvery = 250 * time.Millisecond

// reportTails tells how tails stand until ctx ends, and once more then. The
// channel is closed after that.
func reportTails(ctx context.Context, all []*tailing, report func(TailState)) <-chan struct{} {
	done := make(chan struct{})
	if report == nil {
		close(done)
		return done
	}
	tell := func() {
		for _, t := range all {
			report(t.state())
		}
	}
	go func() {
		defer close(done)
		tick := time.NewTicker(reportEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				tell()
			case <-ctx.Done():
				tell()
				return
			}
		}
	}()
	return done
}

// Control changes how a replay is played; what is nil stays as it is.
type Control struct {
	// Speed is how many times faster than it happened.
	Speed  *float64   `json:"speed,omitempty"`
	Paused *bool      `json:"paused,omitempty"`
	Seek   *time.Time `json:"seek,omitempty" doc:"Go to this moment. Going back plays again what was played."`
	Step   bool       `json:"step,omitempty" doc:"Give out the next record of a paused play."`
}

// ControlTail controls the replay that a source is.
func (b *Workbench) ControlTail(source string, c Control) error {
	if c.Speed != nil && (!(*c.Speed > 0) || math.IsInf(*c.Speed, 0)) {
		return engine.Errorf(engine.Invalid, "set the speed of "+source, "%v is no speed", *c.Speed).WithHint("take a number above 0; 1 is as fast as it happened")
	}
	for _, t := range b.tails.list() {
		if t.source.Name != source {
			continue
		}
		r, ok := t.stream.(*replay.Source)
		if !ok {
			return engine.Errorf(engine.Invalid, "control "+source, "it is a %s source, which nobody can hurry", t.source.Type).
				WithHint("a replay has speed, step and seek; pause and resume work for all")
		}
		return c.apply(source, r)
	}
	return notTailed(source)
}

func (c Control) apply(source string, r *replay.Source) error {
	if c.Speed != nil {
		r.SetSpeed(*c.Speed)
	}
	if c.Paused != nil {
		if *c.Paused {
			r.Pause()
		} else {
			r.Resume()
		}
	}
	if c.Seek != nil {
		r.Seek(*c.Seek)
	}
	if !c.Step {
		return nil
	}
	if !r.Play().Paused {
		return engine.Errorf(engine.Conflict, "step "+source, "it is playing").WithHint("pause it first")
	}
	r.Step()
	return nil
}

// TailSources are the sources that a tail takes: those that are named, else
// all without an end.
func (b *Workbench) TailSources(names []string) ([]workspace.Source, error) {
	sources, err := b.choose("tail", names, func(s workspace.Source) bool { return !s.Bounded() })
	if err != nil {
		return nil, err
	}
	for _, s := range sources {
		if s.Bounded() {
			return nil, engine.Errorf(engine.Invalid, "tail "+s.Name, "it is a %s source, which has an end", s.Type).
				WithHint("pull takes s3 and file sources; a replay source plays one as if it were live")
		}
	}
	return sources, nil
}

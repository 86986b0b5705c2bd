package server

import (
	"context"
	"fmt"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
)

// ActInput is the action of a finding, and what the finding is about.
type ActInput struct {
	Do   string `json:"do" enum:"pull,tail,resume,test,replay_quarantine,compact" doc:"What the finding's action says."`
	Name string `json:"name,omitempty" doc:"The source, or the dataset."`
}

// Acted says what came of it.
type Acted struct {
	Said string `json:"said"`
	OK   bool   `json:"ok"`
}

func (s *Server) actOnHealth(ctx context.Context, in *struct{ Body ActInput }) (Acted, error) {
	name := in.Body.Name
	switch in.Body.Do {
	case "pull":
		_, err := s.pulls.start(PullInput{Sources: []string{name}})
		return Acted{"the pull has begun", true}, err
	case "tail":
		_, err := s.tails.start(TailInput{Sources: []string{name}})
		return Acted{"the tail has begun", true}, err
	case "resume":
		_, err := s.tails.pause(name, false)
		return Acted{"the tail goes on", true}, err
	case "test":
		return s.actTest(ctx, name)
	case "replay_quarantine":
		done, err := s.bench.Replay(ctx, store.QuarantineFilter{Dataset: name})
		return Acted{fmt.Sprintf("%d entries replayed, %d records stored, %d in quarantine again", done.Replayed, done.Records, done.Quarantined), done.Quarantined == 0}, err
	case "compact":
		done, err := s.bench.Compact(ctx)
		return Acted{fmt.Sprintf("%d MB were given back", max(0, done.Before-done.After)>>20), true}, err
	}
	return Acted{}, engine.Errorf(engine.Invalid, "act", "there is no action %q", in.Body.Do)
}

// actTest reaches a source, and forgets its failure when that works.
func (s *Server) actTest(ctx context.Context, name string) (Acted, error) {
	reports, err := s.bench.TestSources(ctx, []string{name})
	if err != nil {
		return Acted{}, err
	}
	r := reports[0]
	if !r.OK {
		return Acted{r.Error + ". " + r.Hint, false}, nil
	}
	return Acted{reached(r), true}, nil
}

func reached(r workbench.SourceReport) string {
	if r.Stream != nil {
		return fmt.Sprintf("it is reached: %d open shards", r.Stream.Open)
	}
	return fmt.Sprintf("it is reached: %d objects", r.Objects)
}

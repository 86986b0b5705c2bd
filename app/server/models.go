package server

import (
	"context"
	"log/slog"
	"time"

	"tidemark.dev/tidemark/app/workbench"
)

// RunModelsInput says which models to run.
type RunModelsInput struct {
	Names []string `json:"names,omitempty" doc:"None means all."`
	Whole bool     `json:"whole,omitempty" doc:"Compute everything anew."`
}

func (s *Server) modelsAPI() {
	handle(s, "GET", "/models", "listModels", "Derived datasets, and what they are made of", func(ctx context.Context, _ *struct{}) ([]workbench.ModelInfo, error) {
		return s.bench.Models(ctx)
	})
	handle(s, "POST", "/models/run", "runModels", "Bring derived datasets up to date", func(ctx context.Context, in *struct{ Body RunModelsInput }) ([]workbench.ModelRun, error) {
		return s.bench.RunModels(ctx, in.Body.Names, in.Body.Whole)
	})
}

// dueEvery is how often models with a schedule are looked at.
const dueEvery = time.Minute

// runDueModels runs models with a schedule until the server ends.
func (s *Server) runDueModels() {
	tick := time.NewTicker(dueEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
			if err := s.bench.RunDueModels(s.ctx); err != nil && s.ctx.Err() == nil {
				slog.Warn("models could not be run", "error", err)
			}
		}
	}
}

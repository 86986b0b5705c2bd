package server

import (
	"context"
	"slices"

	"tidemark.dev/tidemark/app/tester"
	"tidemark.dev/tidemark/engine"
)

// TestRun says which tests to run.
type TestRun struct {
	Files []string `json:"files,omitempty" doc:"Files of tests/, as the workspace lists them; absent: all."`
}

func (s *Server) testsAPI() {
	handle(s, "POST", "/tests/run", "runTests", "Run the tests of windows, rules and alarms", inTurn(s, s.runTests))
}

// runTests runs files of the workspace only: the page may name no others.
func (s *Server) runTests(ctx context.Context, in *struct{ Body TestRun }) (*tester.Report, error) {
	known := s.bench.Current().Tests
	for _, f := range in.Body.Files {
		if !slices.Contains(known, f) {
			e := engine.Errorf(engine.NotFound, "run tests", "there is no test file %s", f)
			if near := engine.Nearest(f, known); near != "" {
				return nil, e.WithHint("did you mean %s?", near)
			}
			return nil, e.WithHint("write one into tests/, ending in .yaml")
		}
	}
	return s.bench.Test(ctx, in.Body.Files)
}

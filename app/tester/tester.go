// Package tester runs test files: events, watermarks and what must come of
// them, for windows and rules; and datapoints for alarms. The windows are
// those of engine/window over records in memory, so a test needs no database.
package tester

import (
	"context"
	"fmt"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/rule"
)

// Surroundings is what tests that name a rule take from the workspace.
type Surroundings interface {
	// RuleSpec finds a rule by its name.
	RuleSpec(name engine.Text) (rule.Spec, error)
	// Settings are those of a dataset, declared or not.
	Settings(dataset string) workspace.Dataset
	// Mapping says which members of its records become which columns.
	Mapping(dataset string) (engine.Mapping, error)
	// Body is the type that a dataset's records have so far; a struct without
	// members if there are none.
	Body(dataset string) engine.Type
}

// Result is what came of one test; its JSON is what tidemark test prints.
type Result struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	// Failures say what was expected and did not happen, or the other way
	// round.
	Failures []Failure `json:"failures"`
}

// Failure is one difference.
type Failure struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	// Missing and Unexpected are the panes that differ, as a test file writes
	// them.
	Missing    []string `json:"missing,omitempty"`
	Unexpected []string `json:"unexpected,omitempty"`
}

// Report is what came of all of them.
type Report struct {
	Tests  []Result `json:"tests"`
	Passed int      `json:"passed"`
	Failed int      `json:"failed"`
}

// Run runs the tests of one file. The error is for tests that cannot be run:
// expressions that mean nothing, a rule that is not there.
func (r *Report) Run(ctx context.Context, file string, tests *workspace.TestFile, s Surroundings) error {
	for i := range tests.Tests {
		t := &tests.Tests[i]
		result, err := run(ctx, t, s)
		if err != nil {
			return err
		}
		result.File, result.Line, result.Name = file, t.At.Text.Line, t.Name.Value
		if result.Passed = len(result.Failures) == 0; result.Passed {
			r.Passed++
			result.Failures = []Failure{}
		} else {
			r.Failed++
		}
		r.Tests = append(r.Tests, result)
	}
	return nil
}

func run(ctx context.Context, t *workspace.Test, s Surroundings) (Result, error) {
	if t.Points != nil {
		return points(t)
	}
	trial, err := prepare(t, s)
	if err != nil {
		return Result{}, err
	}
	err = trial.run(ctx)
	return trial.result, err
}

func (r *Result) fail(at engine.Text, format string, args ...any) *Failure {
	r.Failures = append(r.Failures, Failure{File: at.File, Line: at.Line, Column: at.Column, Message: fmt.Sprintf(format, args...)})
	return &r.Failures[len(r.Failures)-1]
}

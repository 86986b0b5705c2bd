package workbench

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"tidemark.dev/tidemark/app/tester"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/rule"
	"tidemark.dev/tidemark/engine/schema"
)

// Test runs test files: those given, or all of the workspace.
func (b *Workbench) Test(ctx context.Context, files []string) (*tester.Report, error) {
	if len(files) == 0 {
		files = b.Current().Tests
	}
	return RunTests(ctx, files, func(f string) (string, string) {
		if f = b.relative(f); filepath.IsAbs(f) {
			return f, f
		}
		return f, b.Current().Path(f)
	}, surroundings{b})
}

// RunTests runs test files. name gives what a file is called in messages, and
// its path. All files are read before any test runs.
func RunTests(ctx context.Context, files []string, name func(string) (shown, path string), s tester.Surroundings) (*tester.Report, error) {
	report := &tester.Report{Tests: []tester.Result{}}
	read := make([]*workspace.TestFile, len(files))
	var problems []error
	for i, f := range files {
		shown, path := name(f)
		src, err := os.ReadFile(path)
		if err != nil {
			e := engine.Errorf(engine.NotFound, "read tests", "%w", err)
			problems = append(problems, e.WithHint("tests are files in tests/, ending in .yaml"))
			continue
		}
		read[i], err = workspace.DecodeTests(shown, src)
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	for i, f := range files {
		shown, _ := name(f)
		problems = append(problems, report.Run(ctx, shown, read[i], s))
	}
	return report, errors.Join(problems...)
}

// surroundings is the workspace as tests see it.
type surroundings struct{ b *Workbench }

func (s surroundings) RuleSpec(name engine.Text) (rule.Spec, error) {
	file, line, text, err := s.b.source(RuleChoice{Name: name.Value})
	if err != nil {
		var e *engine.Error
		if errors.As(err, &e) {
			return rule.Spec{}, name.At(0, "%w", e.Err).WithHint("%s", e.Hint)
		}
		return rule.Spec{}, err
	}
	return workspace.DecodeRuleAt(file, line, text)
}

func (s surroundings) Settings(dataset string) workspace.Dataset {
	return s.b.Current().Config.Dataset(dataset)
}

// Mapping is that of a pull. A dataset without a time field takes any that
// logs are known to have, and t.
func (s surroundings) Mapping(dataset string) (engine.Mapping, error) {
	m, find, err := mappingOf(s.Settings(dataset))
	if find {
		m.EventTime = append([]engine.Path{{"t"}}, schema.TimeCandidates...)
	}
	return m, err
}

func (s surroundings) Body(dataset string) engine.Type {
	if ds, err := s.b.Store.Dataset(dataset); err == nil {
		return ds.Body
	}
	return engine.Type{Kind: engine.Struct}
}

package server

import (
	"context"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
)

// TestSourceInput names a source, or describes one that is not in the
// workspace yet.
type TestSourceInput struct {
	Name   string                `json:"name,omitempty"`
	Source *workspace.SourceSpec `json:"source,omitempty"`
}

// AddSourceInput is a source for tidemark.yaml.
type AddSourceInput struct {
	Name   string               `json:"name"`
	Source workspace.SourceSpec `json:"source"`
}

func (s *Server) sourcesAPI() {
	handle(s, "GET", "/sources", "listSources", "Sources and how they are", func(ctx context.Context, _ *struct{}) ([]workbench.Source, error) {
		return s.bench.Sources(ctx)
	})
	handle(s, "POST", "/sources/test", "testSource", "Reach a source and look into a few of its objects", s.testSource)
	handle(s, "POST", "/sources", "addSource", "Write a source into tidemark.yaml", func(ctx context.Context, in *struct{ Body AddSourceInput }) (Workspace, error) {
		if err := s.addSource(in.Body.Name, in.Body.Source); err != nil {
			return Workspace{}, err
		}
		return s.workspace(ctx)
	})
}

func (s *Server) testSource(ctx context.Context, in *struct{ Body TestSourceInput }) ([]workbench.SourceReport, error) {
	if in.Body.Source != nil {
		return s.bench.TestSource(ctx, in.Body.Source.Source("new"))
	}
	var names []string
	if in.Body.Name != "" {
		names = []string{in.Body.Name}
	}
	return s.bench.TestSources(ctx, names)
}

// addSource writes a source into tidemark.yaml.
func (s *Server) addSource(name string, spec workspace.SourceSpec) error {
	s.adding.Lock()
	defer s.adding.Unlock()
	return s.writeSource(name, spec)
}

// writeSource is addSource where s.adding is held.
func (s *Server) writeSource(name string, spec workspace.SourceSpec) error {
	text, err := s.files.Read(workspace.FileName)
	if err != nil {
		return err
	}
	now, err := workspace.WithSource(text, name, spec)
	if err != nil {
		return err
	}
	if _, err := s.files.Write(workspace.FileName, now, workspace.Version(text)); err != nil {
		return err
	}
	return s.folder.reload(false)
}

package server

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/samples"
)

// SampleState is how far the sample is on its way into the workspace.
type SampleState struct {
	Running bool     `json:"running"`
	Done    int      `json:"done" doc:"Of Total hours of data."`
	Total   int      `json:"total"`
	Error   *Problem `json:"error,omitempty" doc:"Why the last attempt failed; nothing of it is left then."`
}

// sample is the one that is being written, if any.
type sample struct {
	mu    sync.Mutex
	state SampleState
	run   sync.WaitGroup
}

func (s *Server) sampleAPI() {
	handle(s, "GET", "/sample", "getSample", "How far the sample is", func(context.Context, *struct{}) (SampleState, error) {
		return s.sample.now(), nil
	})
	handle(s, "POST", "/sample", "loadSample", "Write the sample into a workspace that has no sources yet, and begin to pull it", func(context.Context, *struct{}) (SampleState, error) {
		return s.loadSample()
	})
}

func (s *sample) now() SampleState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

func (s *sample) set(change func(*SampleState)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.state)
}

const sampleOp = "load the sample"

func (s *Server) loadSample() (SampleState, error) {
	if err := s.trusted(sampleOp); err != nil {
		return SampleState{}, err
	}
	if len(s.bench.Current().Config.Sources) > 0 {
		return SampleState{}, engine.Errorf(engine.Conflict, sampleOp, "the workspace has sources of its own").
			WithHint("make another workspace for it: tidemark demo DIR")
	}
	s.sample.mu.Lock()
	defer s.sample.mu.Unlock()
	if s.sample.state.Running || s.ctx.Err() != nil {
		return s.sample.state, nil
	}
	s.sample.state = SampleState{Running: true}
	s.sample.run.Go(func() {
		err := s.writeSample(s.ctx)
		s.sample.set(func(st *SampleState) {
			st.Running = false
			if err != nil {
				st.Error = &problems(err)[0]
			}
		})
	})
	return s.sample.state, nil
}

// writeSample makes the sample beside the workspace's files, moves it among
// them, and begins to pull.
func (s *Server) writeSample(ctx context.Context) error {
	w := s.bench.Workspace
	dir := filepath.Join(w.TempDir(), "sample")
	defer os.RemoveAll(dir)
	opt := workbench.SampleOptions()
	opt.Progress = func(done, total int) { s.sample.set(func(st *SampleState) { st.Done, st.Total = done, total }) }
	_, err := samples.Write(ctx, dir, opt)
	if err != nil {
		return err
	}
	if err := moveIn(dir, w.Root); err != nil {
		return engine.Errorf(engine.Unavailable, sampleOp, "%w", err).WithHint("check the disk space, and that the folder is yours to write to")
	}
	if err := s.folder.reload(true); err != nil {
		return err
	}
	s.events.publish("", Event{Type: "files", Paths: []string{workspace.FileName}})
	_, err = s.pulls.start(PullInput{})
	return err
}

// moveIn moves the files of a folder into another. What is there already
// stays, but for tidemark.yaml, which names no sources and goes to the trash.
func moveIn(from, to string) error {
	files := workspace.NewFiles(to)
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == from {
			return err
		}
		rel, err := filepath.Rel(from, path)
		switch {
		case err != nil:
			return err
		case rel == workspace.FileName:
			return nil // last, for with it the rest counts
		case d.IsDir() && strings.HasPrefix(rel, "."):
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		if err := os.Link(path, filepath.Join(to, rel)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(from, workspace.FileName))
	if err != nil {
		return err
	}
	was, err := files.Read(workspace.FileName)
	if err != nil {
		return err
	}
	_, err = files.Replace(workspace.FileName, text, workspace.Version(was))
	return err
}

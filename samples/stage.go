package samples

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"tidemark.dev/tidemark/engine"
)

// workspaceFile makes a folder a workspace, so it is published last.
const workspaceFile = "tidemark.yaml"

// stage is the folder the workspace is built in before anybody sees it. For a
// target that does not exist it lies beside it and becomes it by one rename;
// a target that is there, empty, keeps its identity (it may be a mount, or
// somebody's working directory) and gets the entries moved in.
type stage struct {
	path   string
	target string
	inside bool
}

func newStage(dir string) (*stage, error) {
	op := "write demo workspace " + dir
	target, err := filepath.Abs(dir)
	if err != nil {
		return nil, asError(err, op)
	}
	s := &stage{target: target}
	entries, err := os.ReadDir(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return nil, asError(err, op)
		}
	case err != nil:
		e := engine.Errorf(engine.Invalid, op, "%w", err)
		return nil, e.WithHint("name a folder that does not exist yet")
	case len(entries) > 0:
		e := engine.Errorf(engine.Conflict, op, "the folder is not empty: it has %s", entries[0].Name())
		return nil, e.WithHint("name a folder that does not exist yet, or empty this one")
	default:
		s.inside = true
	}
	parent := filepath.Dir(target)
	if s.inside {
		parent = target
	}
	if s.path, err = os.MkdirTemp(parent, ".tidemark-demo-*"); err != nil {
		return nil, asError(err, op)
	}
	// MkdirTemp keeps others out; a workspace is an ordinary folder.
	if err := os.Chmod(s.path, 0o755); err != nil {
		s.discard()
		return nil, asError(err, op)
	}
	return s, nil
}

// publish moves the finished workspace to its place.
func (s *stage) publish() error {
	if !s.inside {
		return os.Rename(s.path, s.target)
	}
	entries, err := os.ReadDir(s.path)
	if err != nil {
		return err
	}
	slices.SortStableFunc(entries, func(a, b fs.DirEntry) int {
		return rank(a.Name()) - rank(b.Name())
	})
	for i, e := range entries {
		err := os.Rename(filepath.Join(s.path, e.Name()), filepath.Join(s.target, e.Name()))
		if err == nil {
			continue
		}
		for _, moved := range entries[:i] {
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.target, moved.Name())))
		}
		return err
	}
	return nil
}

// rank puts the workspace file after all others.
func rank(name string) int {
	if name == workspaceFile {
		return 1
	}
	return 0
}

// discard removes what was not published; after publish there is nothing.
func (s *stage) discard() { _ = os.RemoveAll(s.path) }

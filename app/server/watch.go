package server

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"tidemark.dev/tidemark/app/workspace"
)

const (
	// settle is how long the folder must be quiet before it is read again: an
	// editor, or git, changes several files in a row.
	settle = 80 * time.Millisecond
	// settleMost is how long that may go on.
	settleMost = time.Second
)

// watched are the folders of a workspace whose files mean something.
var watched = []string{"rules", "tests", "notebooks", "dashboards", "models", "plugins"}

// folder keeps the workbench in step with the workspace's files.
type folder struct {
	s *Server

	mu       sync.Mutex // one reload at a time
	problems []Problem  // of the files as they are now; the last good ones are in use
}

// reload reads the files. Broken ones leave what was there before.
func (f *folder) reload(plugins bool) error {
	if f.s.opt.Reload == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	w, err := f.s.opt.Reload()
	if err != nil {
		f.problems = problems(err)
		return err
	}
	f.problems = nil
	f.s.bench.Reload(w, plugins)
	return nil
}

// wrong are the problems of the files as they are now.
func (f *folder) wrong() []Problem {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Problem{}, f.problems...)
}

// watch follows the folder until the server ends. Where that cannot be done
// (some network drives), only what is changed through the server is seen.
func (f *folder) watch() {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return
	}
	root := f.s.bench.Workspace.Root
	if err := w.Add(root); err != nil {
		w.Close()
		return
	}
	for _, name := range watched {
		_ = w.Add(filepath.Join(root, name)) // it may not exist yet
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer w.Close()
		f.follow(w, root)
	}()
	f.s.after = append(f.s.after, func() { <-over })
}

func (f *folder) follow(w *fsnotify.Watcher, root string) {
	changed := map[string]bool{}
	var due <-chan time.Time
	var since time.Time
	for {
		select {
		case <-f.s.ctx.Done():
			return
		case <-due:
			f.told(changed)
			clear(changed)
			due = nil
			continue
		case <-w.Errors: // events were lost: everything may have changed
			changed[workspace.FileName] = true
		case e, ok := <-w.Events:
			if !ok {
				return
			}
			name, ok := meant(root, e.Name)
			if !ok || e.Op == fsnotify.Chmod {
				continue
			}
			changed[name] = true
			if e.Has(fsnotify.Create) && slices.Contains(watched, name) {
				_ = w.Add(e.Name)
				for _, inside := range filesIn(e.Name) {
					changed[name+"/"+inside] = true
				}
			}
		}
		if due == nil {
			since = time.Now()
		}
		due = time.After(min(settle, max(0, settleMost-time.Since(since))))
	}
}

// meant gives the path of a file that means something, as the workspace
// writes it.
func meant(root, path string) (string, bool) {
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return "", false
	}
	rel = filepath.ToSlash(rel)
	top, base, nested := strings.Cut(rel, "/")
	if !nested {
		return rel, rel == workspace.FileName || slices.Contains(watched, rel)
	}
	return rel, slices.Contains(watched, top) && !strings.HasPrefix(base, ".") && !strings.HasSuffix(base, "~")
}

func filesIn(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if e.Type()&fs.ModeDir == 0 && !strings.HasPrefix(e.Name(), ".") {
			out = append(out, e.Name())
		}
	}
	return out
}

// told reads the workspace anew and says what changed.
func (f *folder) told(changed map[string]bool) {
	paths := []string{}
	plugins := false
	for p := range changed {
		if !slices.Contains(watched, p) {
			paths = append(paths, p)
		}
		plugins = plugins || strings.HasPrefix(p, "plugins")
	}
	slices.Sort(paths)
	_ = f.reload(plugins) // what is wrong stands in Workspace.Problems
	f.s.events.publish("", Event{Type: "files", Paths: paths})
}

// Package workspace is a folder of plain text that says what a user watches:
// its configuration, the lists of its rules, tests, notebooks, dashboards and
// plugins, where its state lives, and whether the user trusts it.
//
// It reads and checks tidemark.yaml, test and dashboard files and the YAML
// beside plugins. What a rule means is known by engine/rule, how a source is
// reached by engine/source; this package contacts nothing.
package workspace

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// FileName is the file that makes a folder a workspace.
const FileName = "tidemark.yaml"

// Workspace is a workspace as it stood on disk when it was loaded.
type Workspace struct {
	// Root is the folder: absolute, without symbolic links.
	Root   string
	Config Config
	// Trusted says whether variables were expanded, sources may be contacted
	// and plugins run.
	Trusted bool
	// Allowed says whether a plugin's file of that SHA-256 may run; nil allows
	// all.
	Allowed func(sha256 string) bool
	// Rules, Tests, Notebooks, Dashboards and Models are files, relative to Root with
	// slashes, sorted.
	Rules, Tests, Notebooks, Dashboards, Models []string
	Plugins                                     []Plugin
}

// Options says how a workspace is loaded.
type Options struct {
	// Trusted workspaces have their variables expanded.
	Trusted bool
	// Allowed becomes the workspace's.
	Allowed func(sha256 string) bool
	// LookupEnv finds those variables.
	LookupEnv LookupEnv
}

// Find gives the workspace that dir is in: dir or the nearest folder above it
// that holds a tidemark.yaml.
func Find(dir string) (string, error) {
	start, err := Root(dir)
	if err != nil {
		return "", err
	}
	for at := start; ; at = filepath.Dir(at) {
		if isWorkspace(at) {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", notFound(dir)
		}
	}
}

// Root makes a folder's name absolute and free of symbolic links, so that one
// folder has one name.
func Root(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "", engine.Errorf(engine.NotFound, "find workspace", "there is no folder %s", dir).
			WithHint("check the name, or create a workspace there: tidemark init %s", dir)
	}
	if err != nil {
		return "", engine.Errorf(engine.Unavailable, "find workspace", "%w", err)
	}
	return abs, nil
}

// Check fails with NotFound if the folder is not a workspace.
func Check(dir string) error {
	if isWorkspace(dir) {
		return nil
	}
	return engine.Errorf(engine.NotFound, "find workspace", "there is no %s in %s", FileName, dir).
		WithHint("create a workspace there: tidemark init %s", dir)
}

func isWorkspace(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, FileName))
	return err == nil && info.Mode().IsRegular()
}

func notFound(dir string) error {
	return engine.Errorf(engine.NotFound, "find workspace", "no %s in %s or above it", FileName, dir).
		WithHint("run tidemark init DIR to create a workspace, or name one with -w DIR")
}

// New is a workspace in a folder whose configuration did not come from a
// file. It has no rules, notebooks or the like.
func New(root string, c Config) *Workspace {
	c.fill()
	return &Workspace{Root: root, Config: c, Trusted: true}
}

// Load reads the workspace in the folder dir. A file that is wrong gives all
// its problems; they name files relative to dir.
func Load(dir string, o Options) (*Workspace, error) {
	root, err := Root(dir)
	if err != nil {
		return nil, err
	}
	src, err := os.ReadFile(filepath.Join(root, FileName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, Check(root)
	}
	if err != nil {
		return nil, engine.Errorf(engine.Unavailable, "open workspace", "%w", err)
	}
	var lookup LookupEnv
	if o.Trusted {
		lookup = o.LookupEnv
	}
	w := &Workspace{Root: root, Trusted: o.Trusted, Allowed: o.Allowed}
	var configErr, pluginErr error
	w.Config, configErr = decodeConfig(FileName, src, lookup)
	if w.Config.Name == "" {
		w.Config.Name = filepath.Base(root)
	}
	listErr := w.list()
	if listErr == nil {
		pluginErr = w.loadPlugins(lookup)
	}
	if err := errors.Join(configErr, listErr, pluginErr); err != nil {
		return nil, err
	}
	return w, nil
}

// list finds the files of the workspace.
func (w *Workspace) list() error {
	for _, l := range []struct {
		folder, suffix string
		into           *[]string
	}{
		{"rules", ".yaml", &w.Rules},
		{"tests", ".yaml", &w.Tests},
		{"notebooks", ".md", &w.Notebooks},
		{"dashboards", ".yaml", &w.Dashboards},
		{"models", ".sql", &w.Models},
	} {
		files, err := w.files(l.folder, l.suffix)
		if err != nil {
			return err
		}
		*l.into = files
	}
	return nil
}

// files lists the files of a folder that end in suffix, hidden ones left out.
// A folder that does not exist is empty.
func (w *Workspace) files(folder, suffix string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(w.Root, folder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, engine.Errorf(engine.Unavailable, "open workspace", "%w", err)
	}
	var out []string
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, suffix) && !strings.HasPrefix(name, ".") && !e.IsDir() {
			out = append(out, folder+"/"+name)
		}
	}
	return out, nil
}

// Path makes a file name of the workspace, as the lists have it, one that can
// be opened.
func (w *Workspace) Path(name string) string { return filepath.Join(w.Root, filepath.FromSlash(name)) }

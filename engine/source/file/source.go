// Package file is the source of objects that are files: of a workspace, of
// another folder of this machine, or of any fs.FS.
//
// It owns walking, links and the check that a file stays what it was while it
// is read. What a pattern takes is the business of package glob, and what the
// bytes mean that of the formats.
package file

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/source/glob"
)

var _ engine.RangeSource = (*Source)(nil)

// Source lists the files a pattern takes. Its methods may be called from
// several goroutines.
type Source struct {
	name string
	// base is where the walk begins and pattern what it takes there. Keys are
	// the two joined: base is "", "data", "../data" or "/var/log".
	base    string
	pattern glob.Pattern
	// tree holds base, and dir is its place on the disk, if it has one.
	tree fs.FS
	dir  string
	// folder reads any folder by its key, also above base.
	folder func(key string) ([]fs.DirEntry, error)
}

// New makes the source called name of the files that pattern takes. The
// pattern is relative to the folder root, unless it is absolute; see
// glob.Pattern for its form. Nothing is read yet.
func New(name, root, pattern string) (*Source, error) {
	s, err := parse(name, filepath.ToSlash(pattern))
	if err != nil {
		return nil, err
	}
	if root, err = filepath.Abs(root); err != nil {
		return nil, engine.Errorf(engine.Unavailable, "find the folder "+root, "%w", err)
	}
	place := func(key string) string {
		if filepath.IsAbs(key) {
			return filepath.FromSlash(key)
		}
		return filepath.Join(root, filepath.FromSlash(key))
	}
	s.dir = place(s.base)
	s.tree = os.DirFS(s.dir)
	s.folder = func(key string) ([]fs.DirEntry, error) { return os.ReadDir(place(key)) }
	return s, nil
}

// NewFS is New for the files of any file system, whose root the pattern is
// relative to. Links in it are not followed into folders.
func NewFS(name string, files fs.FS, pattern string) (*Source, error) {
	s, err := parse(name, pattern)
	if err != nil {
		return nil, err
	}
	start := path.Join(".", s.base)
	if s.tree, err = fs.Sub(files, start); err != nil {
		return nil, invalid(pattern, errors.New("it leads out of the folder it starts in"))
	}
	s.folder = func(key string) ([]fs.DirEntry, error) { return fs.ReadDir(files, path.Join(".", key)) }
	return s, nil
}

// parse makes a source of a name, a base and a pattern.
func parse(name, text string) (*Source, error) {
	if text == "" {
		return nil, invalid(text, errors.New("it is empty")).WithHint(`name files, as in path: "data/**/*.ndjson.gz"`)
	}
	whole, err := glob.Parse(text)
	if err != nil {
		return nil, invalid(text, err)
	}
	base, rest := split(whole)
	for segment := range strings.SplitSeq(rest, "/") {
		if segment == ".." {
			return nil, invalid(text, errors.New(`".." may not follow a *, ?, [ or {`))
		}
	}
	pattern, err := glob.Parse(rest)
	if err != nil {
		return nil, invalid(text, err)
	}
	return &Source{name: name, base: base, pattern: pattern}, nil
}

// split cuts a pattern into the folders that it names plainly and the rest. Of
// a plain name the rest keeps the last segment, be it a file or a folder.
func split(whole glob.Pattern) (base, rest string) {
	if !whole.Literal() {
		dir := whole.Dir()
		return clean(dir), whole.String()[len(glob.Quote(dir)):]
	}
	name := path.Clean(whole.Prefix())
	if last := path.Base(name); last != "." && last != ".." && last != "/" {
		return clean(path.Dir(name)), glob.Quote(last)
	}
	return clean(name), ""
}

// clean is path.Clean with "" for the folder that paths are relative to.
func clean(dir string) string {
	if dir = path.Clean(dir); dir == "." {
		return ""
	}
	return dir
}

func invalid(pattern string, err error) *engine.Error {
	return &engine.Error{Kind: engine.Invalid, Op: "read the path " + pattern, Err: err}
}

// key is the name within the source of a file of the tree.
func (s *Source) key(name string) string { return path.Join(s.base, name) }

// named is the reverse of key; ok is false for what the pattern does not take.
func (s *Source) named(key string) (name string, ok bool) {
	name = key
	if s.base != "" {
		var under bool
		if name, under = strings.CutPrefix(key, strings.TrimSuffix(s.base, "/")+"/"); !under {
			return "", false
		}
	}
	return name, fs.ValidPath(name) && s.pattern.Takes(name)
}

// Path is where the object lies on this machine's disk, or "" if the source
// has no such object or is not of the disk.
func (s *Source) Path(o engine.Object) string {
	name, ok := s.named(o.Key)
	if !ok || s.dir == "" {
		return ""
	}
	return s.onDisk(name)
}

func (s *Source) onDisk(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

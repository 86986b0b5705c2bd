package file

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// maxLinks bounds how many links to folders one name may pass through: links
// that fan out to one another multiply the names of what lies behind them.
const maxLinks = 8

// walk is one listing in progress.
type walk struct {
	*Source
	found []engine.Object
	// linked are the files that were reached through a link.
	linked []linkedFile
	// plain are the real names of the files that were not.
	plain map[string]bool
}

type linkedFile struct {
	engine.Object
	real string
}

// place is a folder of the walk: its name in the tree, its one real name on
// the disk, and the real places that a link was followed from to get there.
type place struct {
	name, real string
	from       []string
}

// walk finds what the pattern takes, each file once.
func (s *Source) walk(ctx context.Context) ([]engine.Object, error) {
	w := &walk{Source: s, plain: map[string]bool{}}
	start := place{name: "."}
	if s.dir != "" {
		real, err := filepath.EvalSymlinks(s.dir)
		if err != nil {
			return nil, ifThere(err)
		}
		if info, err := os.Stat(real); err == nil && !info.IsDir() {
			return nil, nil
		}
		start.real = real
	}
	if err := w.enter(ctx, start); err != nil {
		return nil, err
	}
	w.addLinked()
	return w.found, nil
}

// ifThere drops the error of a file that does not exist: names may go between
// being read and being looked at.
func ifThere(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// enter walks one folder.
func (w *walk) enter(ctx context.Context, at place) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := fs.ReadDir(w.tree, at.name)
	if err != nil {
		return ifThere(err)
	}
	for _, entry := range entries {
		if err := w.entry(ctx, at, entry); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) entry(ctx context.Context, at place, entry fs.DirEntry) error {
	name := path.Join(at.name, entry.Name())
	enters, takes := w.pattern.Enters(name), w.pattern.Takes(name)
	if !enters && !takes {
		return nil
	}
	if entry.Type()&fs.ModeSymlink != 0 {
		return w.link(ctx, at, name)
	}
	if entry.IsDir() && enters {
		return w.enter(ctx, place{name: name, real: filepath.Join(at.real, entry.Name()), from: at.from})
	}
	if !entry.Type().IsRegular() || !takes { // a pipe or a device has no end to read to
		return nil
	}
	info, err := entry.Info()
	if err != nil {
		return ifThere(err)
	}
	w.take(w.object(name, info), filepath.Join(at.real, entry.Name()), len(at.from) > 0)
	return nil
}

// link takes the file or enters the folder that a link leads to.
func (w *walk) link(ctx context.Context, at place, name string) error {
	info, err := fs.Stat(w.tree, name)
	if err != nil {
		if w.pattern.Takes(name) {
			w.found = append(w.found, w.object(name, nil))
		}
		return nil
	}
	if w.dir == "" {
		if info.Mode().IsRegular() && w.pattern.Takes(name) {
			w.found = append(w.found, w.object(name, info))
		}
		return nil
	}
	real, err := filepath.EvalSymlinks(w.onDisk(name))
	if err != nil {
		return ifThere(err)
	}
	from := append(slices.Clip(at.from), at.real)
	switch {
	case info.IsDir() && !leadsBack(real, from) && len(from) <= maxLinks && w.pattern.Enters(name):
		return w.enter(ctx, place{name: name, real: real, from: from})
	case info.Mode().IsRegular() && w.pattern.Takes(name):
		w.take(w.object(name, info), real, true)
	}
	return nil
}

// leadsBack reports whether a folder holds one of the places it was reached
// from, so that the walk would come by here again and again.
func leadsBack(real string, from []string) bool {
	folder := strings.TrimSuffix(real, string(filepath.Separator)) + string(filepath.Separator)
	return slices.ContainsFunc(from, func(place string) bool {
		return place == real || strings.HasPrefix(place, folder)
	})
}

func (w *walk) take(o engine.Object, real string, linked bool) {
	if linked {
		w.linked = append(w.linked, linkedFile{o, real})
		return
	}
	w.found = append(w.found, o)
	w.plain[real] = true
}

// addLinked adds the files behind links that were not found otherwise.
func (w *walk) addLinked() {
	slices.SortFunc(w.linked, func(a, b linkedFile) int { return cmp.Compare(a.Key, b.Key) })
	for _, l := range w.linked {
		if !w.plain[l.real] {
			w.plain[l.real] = true
			w.found = append(w.found, l.Object)
		}
	}
}

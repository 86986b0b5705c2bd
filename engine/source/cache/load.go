package cache

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"tidemark.dev/tidemark/engine"
)

// stored is a file found in the folder.
type stored struct {
	id   string
	size int64
	used time.Time
}

// load makes the folder ready and takes in what it holds, the latest used
// first as far as the limit allows. The time a file was last used is kept as
// its modification time.
func (c *Cache) load() error {
	if err := os.RemoveAll(c.partial()); err != nil {
		return err
	}
	for _, folder := range []string{c.dir, c.partial(), filepath.Join(c.dir, "objects")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
	}
	found, err := c.scan()
	if err != nil {
		return err
	}
	slices.SortFunc(found, func(a, b stored) int {
		return cmp.Or(b.used.Compare(a.used), cmp.Compare(a.id, b.id))
	})
	for _, f := range found {
		if c.used+f.size > c.max {
			if err := os.Remove(c.path(f.id)); err != nil {
				return err
			}
			continue
		}
		e := c.add(f.id, f.size)
		c.recent.MoveToBack(e.place)
	}
	return nil
}

// scan lists the files of the folder and removes what is not an object's.
func (c *Cache) scan() ([]stored, error) {
	var found []stored
	root := filepath.Join(c.dir, "objects")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		id := d.Name()
		if len(id) != 64 || path != c.path(id) || !d.Type().IsRegular() {
			return os.Remove(path)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		found = append(found, stored{id, info.Size(), info.ModTime()})
		return nil
	})
	return found, err
}

// diskError explains a failure of the disk to the user.
func (c *Cache) diskError(op string, err error) error {
	e := engine.Errorf(engine.Unavailable, op, "%w", err)
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		e.Hint = "free space on the disk of " + c.dir + ", or delete that folder: what it holds can be fetched again"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		e.Hint = "give this user the right to write in " + c.dir
	}
	return e
}

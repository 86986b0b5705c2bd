package file

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// unreadable makes the error of a file or folder that could not be read.
func unreadable(ctx context.Context, op string, err error) error {
	if ended := ctx.Err(); ended != nil {
		return engine.Errorf(engine.Canceled, op, "%w", ended)
	}
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err // the operation names the file already
	}
	e := engine.Errorf(engine.Unavailable, op, "%w", err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Kind, e.Hint = engine.NotFound, "it was there when it was listed; pull again"
	case errors.Is(err, fs.ErrPermission):
		e.Hint = "give this user the right to read it, or leave it out of the path"
	}
	return e
}

// failed makes the error of a listing.
func (s *Source) failed(ctx context.Context, err error) error {
	where := s.where()
	var at *fs.PathError
	if errors.As(err, &at) && fs.ValidPath(at.Path) {
		where = s.key(at.Path)
	}
	return unreadable(ctx, "list "+where, err)
}

// where is the whole pattern, about as the user wrote it.
func (s *Source) where() string { return path.Join(s.base, s.pattern.String()) }

// nothing makes the error of a pattern that takes no file, with a hint at what
// there is.
func (s *Source) nothing() error {
	op := "list " + s.where()
	missing := path.Join(s.base, strings.TrimSuffix(s.pattern.Prefix(), "/"))
	if !s.pattern.Literal() {
		missing = s.base
	}
	if s.exists(missing) {
		return engine.Errorf(engine.NotFound, op, "no file matches").WithHint("%s", s.contents(missing))
	}
	what := "there is no folder"
	if s.pattern.Literal() {
		what = "there is no file or folder"
	}
	above := parent(missing)
	for !s.exists(above) && above != parent(above) {
		what, missing, above = "there is no folder", above, parent(above)
	}
	return engine.Errorf(engine.NotFound, op, "%s %s", what, missing).WithHint("%s", s.instead(missing, above))
}

// parent is the folder above a key; the top is its own parent.
func parent(key string) string { return clean(path.Dir(key)) }

func (s *Source) exists(key string) bool {
	_, err := s.folder(key)
	return err == nil
}

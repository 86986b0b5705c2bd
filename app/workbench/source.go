package workbench

import (
	"context"
	"errors"
	"io"
	"os"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/engine/source/cache"
	"tidemark.dev/tidemark/engine/source/file"
	"tidemark.dev/tidemark/engine/source/glob"
	"tidemark.dev/tidemark/engine/source/s3"
)

// archive is a bounded source and how its objects come to this machine.
type archive struct {
	engine.Source
	config workspace.Source
	// fetch gives an object as a local file.
	fetch func(ctx context.Context, o engine.Object) (pipeline.Local, error)
	// ranges hands out parts of objects; place is what their keys are unique
	// in, empty for those that lie on this machine.
	ranges engine.RangeSource
	place  string
	// forget lets go of the object's bytes in the cache, where none may lie.
	forget func(o engine.Object)
	// requests is how many requests listing has cost so far.
	requests func() int64
}

// openSource wires up a bounded source. Nothing is contacted yet.
func (b *Workbench) openSource(ctx context.Context, c workspace.Source) (a *archive, err error) {
	only, err := glob.NewFilter(c.Include, c.Exclude)
	if err != nil {
		return nil, engine.Errorf(engine.Invalid, "pull "+c.Name, "%w", err)
	}
	switch c.Type {
	case "file":
		a, err = b.openFiles(c)
	case "s3":
		a, err = b.openBucket(ctx, c)
	default:
		return nil, endless(c)
	}
	if err == nil && a.forget == nil {
		a.forget = func(engine.Object) {}
	}
	if err == nil && !only.Empty() {
		a.Source = filtered{a.Source, c.Name, only}
	}
	return a, err
}

// filtered is a source of which names choose the objects.
type filtered struct {
	engine.Source
	name string
	only glob.Filter
}

// List is that of the source without what the names leave out. That nothing
// is left is NotFound, as with a prefix that takes nothing.
func (f filtered) List(ctx context.Context, yield func(engine.Object) bool) error {
	var left, out int
	err := f.Source.List(ctx, func(o engine.Object) bool {
		if !f.only.Takes(o.Key) {
			out++
			return true
		}
		left++
		return yield(o)
	})
	if err == nil && left == 0 {
		return engine.Errorf(engine.NotFound, "list "+f.name, "include and exclude leave none of its %d objects", out).
			WithHint("patterns are compared with whole keys, or, without a slash, with each name in them: write team-* or logs/team-*/**")
	}
	return err
}

func endless(c workspace.Source) error {
	return engine.Errorf(engine.Invalid, "pull "+c.Name, "it is a %s source, which has no end", c.Type).
		WithHint("pull takes s3 and file sources")
}

func (b *Workbench) openFiles(c workspace.Source) (*archive, error) {
	s, err := file.New(c.Name, b.Current().Root, c.Path)
	if err != nil {
		return nil, err
	}
	fetch := func(_ context.Context, o engine.Object) (pipeline.Local, error) {
		path := s.Path(o)
		info, err := os.Stat(path)
		if err != nil {
			return pipeline.Local{}, engine.Errorf(engine.Unavailable, "read "+o.URL, "%w", err)
		}
		if info.Size() != o.Size || !info.ModTime().Equal(o.Modified) {
			return pipeline.Local{}, engine.Errorf(engine.Conflict, "read "+o.URL, "the file changed while it was being read").
				WithHint("pull again when nothing writes to it")
		}
		return pipeline.Local{Path: path}, nil
	}
	return &archive{Source: s, ranges: s, config: c, fetch: fetch, requests: func() int64 { return 0 }}, nil
}

func (b *Workbench) openBucket(ctx context.Context, c workspace.Source) (*archive, error) {
	s, err := s3.New(ctx, s3.Config{
		Name: c.Name, URL: c.URL, Endpoint: c.Endpoint, Region: c.Region, PathStyle: c.PathStyle, Profile: c.Profile, RoleARN: c.RoleARN,
	})
	if err != nil {
		return nil, err
	}
	if b.private(c) {
		return b.openPrivately(c, s), nil
	}
	fetch := func(ctx context.Context, o engine.Object) (pipeline.Local, error) {
		r, hit, err := b.cache.Open(ctx, s.Place(), o, func(ctx context.Context) (io.ReadCloser, error) { return s.Open(ctx, o) })
		if err != nil {
			return pipeline.Local{}, err
		}
		local := pipeline.Local{Fetched: o.Size}
		if hit {
			local.Fetched = 0
		}
		if f, ok := r.(*cache.File); ok {
			local.Path, local.Release = f.Path(), func() { f.Close() }
			return local, nil
		}
		// Larger than the cache: it lies in a file of its own while it is read.
		defer r.Close()
		if local.Path, err = b.spool(r); err != nil {
			return pipeline.Local{}, err
		}
		local.Release = func() { os.Remove(local.Path) }
		return local, nil
	}
	return &archive{Source: s, ranges: s, place: s.Place(), config: c, fetch: fetch, requests: func() int64 { return s.Stats().Requests }}, nil
}

// private reports whether the objects of a source must not be written to any
// disk as they are.
func (b *Workbench) private(c workspace.Source) bool {
	for _, e := range b.Current().Config.Datasets {
		if len(e.Value.Columns) > 0 && (e.Key.Value == c.Dataset || c.Route.May(e.Key.Value)) {
			return true
		}
	}
	return false
}

// openPrivately is a bucket whose objects stream through memory. What an
// earlier pull has put in the cache goes.
func (b *Workbench) openPrivately(c workspace.Source, s *s3.Source) *archive {
	return &archive{
		Source: s, config: c, requests: func() int64 { return s.Stats().Requests },
		fetch: func(ctx context.Context, o engine.Object) (pipeline.Local, error) {
			stream, err := s.Open(ctx, o)
			return pipeline.Local{Stream: stream, Remote: true}, err
		},
		forget: func(o engine.Object) { b.cache.Forget(s.Place(), o) },
	}
}

// spool writes a stream to a file in the folder for temporary files.
func (b *Workbench) spool(r io.Reader) (string, error) {
	f, err := os.CreateTemp(b.Current().TempDir(), "object-*")
	if err != nil {
		return "", engine.Errorf(engine.Unavailable, "keep an object", "%w", err)
	}
	defer f.Close()
	if _, err := io.Copy(f, r); err != nil {
		os.Remove(f.Name())
		var known *engine.Error
		if errors.As(err, &known) {
			return "", err
		}
		return "", engine.Errorf(engine.Unavailable, "keep an object", "%w", err).WithHint("free some disk space")
	}
	return f.Name(), nil
}

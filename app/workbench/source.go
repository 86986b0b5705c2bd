package workbench

import (
	"context"
	"os"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/engine/source/file"
	"tidemark.dev/tidemark/engine/source/s3"
)

// archive is a bounded source and how its objects come to this machine.
type archive struct {
	engine.Source
	config workspace.Source
	// fetch gives an object as a local file.
	fetch func(ctx context.Context, o engine.Object) (pipeline.Local, error)
	// requests is how many requests listing has cost so far.
	requests func() int64
}

// openSource wires up a bounded source. Nothing is contacted yet.
func (b *Workbench) openSource(ctx context.Context, c workspace.Source) (*archive, error) {
	switch c.Type {
	case "file":
		return b.openFiles(c)
	case "s3":
		return b.openBucket(ctx, c)
	}
	return nil, engine.Errorf(engine.Invalid, "pull "+c.Name, "it is a %s source, which has no end", c.Type).
		WithHint("pull takes s3 and file sources")
}

func (b *Workbench) openFiles(c workspace.Source) (*archive, error) {
	s, err := file.New(c.Name, b.Workspace.Root, c.Path)
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
	return &archive{Source: s, config: c, fetch: fetch, requests: func() int64 { return 0 }}, nil
}

func (b *Workbench) openBucket(ctx context.Context, c workspace.Source) (*archive, error) {
	s, err := s3.New(ctx, s3.Options{
		Name: c.Name, URL: c.URL, Endpoint: c.Endpoint, Region: c.Region, PathStyle: c.PathStyle, Profile: c.Profile, RoleARN: c.RoleARN,
	})
	if err != nil {
		return nil, err
	}
	fetch := func(ctx context.Context, o engine.Object) (pipeline.Local, error) {
		local, err := b.cache.Open(ctx, s.Identity(), o, s.Open)
		if err != nil {
			return pipeline.Local{}, err
		}
		return pipeline.Local{Path: local.Path, Fetched: local.Fetched, Release: local.Release}, nil
	}
	return &archive{Source: s, config: c, fetch: fetch, requests: s.Requests}, nil
}

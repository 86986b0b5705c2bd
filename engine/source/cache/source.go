package cache

import (
	"context"
	"io"

	"tidemark.dev/tidemark/engine"
)

// Source puts the cache in front of a source. Place names what the keys of the
// source are unique in, such as a bucket of an endpoint, so that two sources
// of the same place share what they fetched.
func (c *Cache) Source(of engine.Source, place string) engine.Source {
	return &source{Source: of, cache: c, place: place}
}

type source struct {
	engine.Source
	cache *Cache
	place string
}

// Open gives the object's bytes; see Cache.Open for when it is a *File.
func (s *source) Open(ctx context.Context, o engine.Object) (io.ReadCloser, error) {
	r, _, err := s.cache.Open(ctx, s.place, o, func(ctx context.Context) (io.ReadCloser, error) {
		return s.Source.Open(ctx, o)
	})
	return r, err
}

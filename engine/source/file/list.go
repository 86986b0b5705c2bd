package file

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"slices"

	"tidemark.dev/tidemark/engine"
)

// dangling is the ETag of a link that leads nowhere. Such a file is listed,
// and cannot be opened, so that it is counted rather than overlooked.
const dangling = "dangling link"

// List yields the files in key order. Links are followed; a file that several
// names lead to is listed once, by the name that passes through no link if
// there is one. A pattern that takes nothing is NotFound.
func (s *Source) List(ctx context.Context, yield func(engine.Object) bool) error {
	found, err := s.walk(ctx)
	if err != nil {
		return s.failed(ctx, err)
	}
	if len(found) == 0 {
		return s.nothing()
	}
	slices.SortFunc(found, func(a, b engine.Object) int { return cmp.Compare(a.Key, b.Key) })
	for _, o := range found {
		if ctx.Err() != nil {
			return s.failed(ctx, ctx.Err())
		}
		if !yield(o) {
			return nil
		}
	}
	return nil
}

// object describes a file; without info it is a dangling link.
func (s *Source) object(name string, info fs.FileInfo) engine.Object {
	o := engine.Object{Source: s.name, Key: s.key(name), ETag: dangling}
	o.URL = o.Key
	if s.dir != "" {
		o.URL = s.onDisk(name)
	}
	if info != nil {
		o.ETag, o.Size, o.Modified = etag(info), info.Size(), info.ModTime().UTC()
	}
	return o
}

// etag changes whenever the file is written, on any file system that keeps time.
func etag(info fs.FileInfo) string {
	return fmt.Sprintf("%d-%d", info.Size(), info.ModTime().UnixNano())
}

package engine

import (
	"context"
	"io"
	"strconv"
	"time"
)

// Object is one file of an archive: what a listing says of it.
type Object struct {
	// Source is the name of the source in the workspace.
	Source string
	// Key names the object within its source and stays the same over time:
	// an S3 key, or a path relative to the workspace.
	Key string
	// URL is for people: s3://bucket/key or a path.
	URL string
	// ETag changes whenever the bytes do. For files it is size and mtime.
	ETag     string
	Size     int64 // in bytes, as stored
	Modified time.Time
}

// Version tells one state of the object's bytes from another: its ETag, or,
// where the server gives none, its size and time of change.
func (o Object) Version() string {
	if o.ETag != "" {
		return o.ETag
	}
	return strconv.FormatInt(o.Size, 10) + "-" + strconv.FormatInt(o.Modified.UnixNano(), 36)
}

// Source is a bounded source: it lists objects and hands out their bytes.
// Both methods may be called from several goroutines.
type Source interface {
	// List calls yield for every object, in key order, until yield returns
	// false. Folder markers and bookkeeping objects are left out.
	List(ctx context.Context, yield func(Object) bool) error
	// Open gives the bytes of the object exactly as stored, and fails with
	// Conflict if they are no longer those of o.ETag. The caller closes it.
	Open(ctx context.Context, o Object) (io.ReadCloser, error)
}

// RangeSource is a Source that also hands out parts of its objects.
type RangeSource interface {
	Source
	// OpenRange gives n bytes of the object from offset on, all of which it
	// must have, and fails with Conflict as Open does. The caller closes it.
	OpenRange(ctx context.Context, o Object, offset, n int64) (io.ReadCloser, error)
}

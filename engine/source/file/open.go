package file

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"tidemark.dev/tidemark/engine"
)

// Open gives the bytes of a file. It fails with Conflict, at once or at the
// end of the bytes, if the file is not or does not stay the one that was
// listed. A blocked read of a network file system is not interrupted by ctx;
// the next one is.
func (s *Source) Open(ctx context.Context, o engine.Object) (io.ReadCloser, error) {
	op := "read " + o.Key
	name, ok := s.named(o.Key)
	if !ok {
		return nil, engine.Errorf(engine.NotFound, op, "the source %s has no such file", s.name)
	}
	if o.ETag == dangling {
		return nil, engine.Errorf(engine.NotFound, op, "it is a link that leads nowhere").
			WithHint("remove the link, or put back what it leads to")
	}
	info, err := fs.Stat(s.tree, name)
	if err != nil || ctx.Err() != nil {
		return nil, unreadable(ctx, op, err)
	}
	if etag(info) != o.ETag || !info.Mode().IsRegular() { // opening a pipe could wait for ever
		return nil, changed(op)
	}
	f, err := s.tree.Open(name)
	if err != nil {
		return nil, unreadable(ctx, op, err)
	}
	return &reader{ctx: ctx, op: op, file: f, etag: o.ETag, size: o.Size}, nil
}

// OpenRange gives n bytes of a file from offset on; see Open.
func (s *Source) OpenRange(ctx context.Context, o engine.Object, offset, n int64) (io.ReadCloser, error) {
	op := "read " + o.Key
	if offset < 0 || n <= 0 || offset > o.Size-n {
		return nil, engine.Errorf(engine.Invalid, op, "it has %d bytes, not %d from byte %d on", o.Size, n, offset)
	}
	r, err := s.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	whole := r.(*reader)
	seeker, ok := whole.file.(io.Seeker)
	if !ok {
		r.Close()
		return nil, engine.Errorf(engine.Unavailable, op, "it cannot be read in parts")
	}
	if _, err := seeker.Seek(offset, io.SeekStart); err != nil {
		r.Close()
		return nil, unreadable(ctx, op, err)
	}
	return &section{whole, n}, nil
}

// section is a part of a file.
type section struct {
	*reader
	left int64
}

func (s *section) Read(p []byte) (int, error) {
	if s.left == 0 {
		info, err := s.file.Stat()
		switch {
		case err != nil:
			return 0, unreadable(s.ctx, s.op, err)
		case etag(info) != s.etag:
			return 0, changed(s.op)
		}
		return 0, io.EOF
	}
	n, err := s.reader.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	return n, err
}

// reader reads a file and watches that it stays the same.
type reader struct {
	ctx  context.Context
	op   string
	file fs.File
	etag string
	size int64
	read int64
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, unreadable(r.ctx, r.op, err)
	}
	n, err := r.file.Read(p)
	r.read += int64(n)
	switch {
	case errors.Is(err, io.EOF):
		return n, r.end()
	case err != nil:
		return n, unreadable(r.ctx, r.op, err)
	case r.read > r.size:
		return n, changed(r.op)
	}
	return n, nil
}

// Close closes the file.
func (r *reader) Close() error { return r.file.Close() }

// end is io.EOF if the file is still the one that was listed.
func (r *reader) end() error {
	info, err := r.file.Stat()
	if err != nil {
		return unreadable(r.ctx, r.op, err)
	}
	if r.read != r.size || etag(info) != r.etag {
		return changed(r.op)
	}
	return io.EOF
}

func changed(op string) error {
	return engine.Errorf(engine.Conflict, op, "the file has changed since it was listed").
		WithHint("pull again once nothing writes to it")
}

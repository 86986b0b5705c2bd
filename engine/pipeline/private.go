package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/format"
	"tidemark.dev/tidemark/engine/schema"
)

// protector applies the dataset's policies; nil where there are none.
func (p *puller) protector() *schema.Protector {
	if len(p.opt.Policies) == 0 {
		return nil
	}
	return schema.NewProtector(p.opt.Policies, p.opt.Mapping, p.opt.Key)
}

// partitions are what the key of an object says of its rows, without what a
// policy takes out of the labels.
func (p *puller) partitions(url string) []engine.Partition {
	return slices.DeleteFunc(format.Partitions(url), func(part engine.Partition) bool {
		return slices.ContainsFunc(p.opt.Policies, func(policy engine.Policy) bool {
			return len(policy.Path) == 2 && policy.Path[0] == "labels" && policy.Path[1] == part.Name
		})
	})
}

// Digest is the keyed hash that stands in quarantine for the bytes of a
// private record.
func Digest(key, raw []byte) string {
	return schema.NewProtector(nil, engine.Mapping{}, key).Digest(raw)
}

// open gives the object's bytes; what is read of a remote stream is counted.
func (r *reading) open() (*opened, error) {
	from := r.local.Stream
	if from == nil {
		f, err := os.Open(r.local.Path)
		if err != nil {
			return nil, err
		}
		from = f
	}
	return &opened{ReadCloser: from, reading: r}, nil
}

// opened is an object that is being read.
type opened struct {
	io.ReadCloser
	reading *reading
	err     error // why its source broke off
}

func (o *opened) Read(b []byte) (int, error) {
	n, err := o.ReadCloser.Read(b)
	if o.reading.local.Remote {
		o.reading.local.Fetched += int64(n)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		o.err = err
	}
	return n, err
}

// interrupted tells an object whose source broke off from a damaged one.
func (r *reading) interrupted(o *opened) {
	if o.err != nil && r.local.Stream != nil {
		r.failed, r.damaged = o.err, nil
	}
}

// discreet keeps what a decoder says of single records to itself where that
// may quote them.
func (p *puller) discreet(f format.Format, records format.Reader) format.Reader {
	if !p.opt.Private || f == format.JSON {
		return records
	}
	return discreetReader{f, records}
}

type discreetReader struct {
	format format.Format
	from   format.Reader
}

func (d discreetReader) Next() (format.Chunk, error) {
	c, err := d.from.Next()
	for i := range c.Records {
		if c.Records[i].Problem != "" {
			c.Records[i].Problem = fmt.Sprintf("it is no record of %s", d.format)
		}
	}
	return c, err
}

// discreetly is discreet for a whole object.
func (p *puller) discreetly(f format.Format, err error) error {
	if err == nil || !p.opt.Private || f == format.JSON || engine.KindOf(err) != engine.Invalid {
		return err
	}
	return undecodable(f)
}

// undecodable is all that is said of a private object: what a decoder says of
// it may quote it.
func undecodable(f format.Format) error {
	return engine.Errorf(engine.Invalid, "", "its %s data cannot be decoded; the decoder's words are not kept, for they may quote it", f)
}

// readPrivateTable decodes a columnar file that must not touch a disk: its
// bytes lie in memory, and its rows come through a pipe. One file at a time is
// held so, when its turn has come.
func (p *puller) readPrivateTable(ctx context.Context, r *reading, s *format.Stream) {
	select {
	case <-r.turn:
	case <-ctx.Done():
		return
	}
	err := p.feedPrivate(ctx, r, s)
	switch {
	case err == nil || ctx.Err() != nil:
	case engine.KindOf(err) == engine.Invalid:
		r.damaged = undecodable(s.Format)
	default:
		_ = r.send(ctx, &piece{err: err})
	}
}

func (p *puller) feedPrivate(ctx context.Context, r *reading, s *format.Stream) error {
	t, free, err := p.openPrivate(ctx, r, s)
	if err != nil {
		return err
	}
	defer free()
	if err := r.send(ctx, &piece{columns: p.protected(t.Columns())}); err != nil {
		return err
	}
	rows, into, err := os.Pipe()
	if err != nil {
		return stagingError(err)
	}
	defer rows.Close()
	written := make(chan error, 1)
	go func() {
		err := t.WriteLines(ctx, memoryPath(into))
		into.Close()
		written <- err
	}()
	r.columns = columnNames(t.Columns())
	err = p.feed(ctx, r, p.rows(r, rows))
	_, _ = io.Copy(io.Discard, rows) // whoever still writes must not meet a closed pipe
	if failed := <-written; failed != nil {
		return failed
	}
	return err
}

// openPrivate opens a columnar file that lies on a disk already, uncompressed,
// or in memory.
func (p *puller) openPrivate(ctx context.Context, r *reading, s *format.Stream) (engine.ForeignTable, func(), error) {
	path, drop := r.local.Path, func() {}
	if path == "" || !s.Plain() {
		f, err := memoryFile("object")
		if err != nil {
			return nil, nil, err
		}
		path, drop = memoryPath(f), func() { f.Close() }
		if _, err := io.Copy(f, s); err != nil {
			drop()
			return nil, nil, err
		}
	}
	t, err := p.opt.Store.OpenForeign(ctx, path, string(s.Format), "")
	if err != nil {
		drop()
		return nil, nil, err
	}
	return t, func() { t.Close(); drop() }, nil
}

func (p *puller) privateColumns(ctx context.Context, r *reading, s *format.Stream) []engine.ForeignColumn {
	t, free, err := p.openPrivate(ctx, r, s)
	if err != nil {
		return nil
	}
	defer free()
	return p.protected(t.Columns())
}

// protected are the columns of a file as the policies leave them.
func (p *puller) protected(columns []engine.ForeignColumn) []engine.ForeignColumn {
	if protect := p.protector(); protect != nil {
		return protect.Columns(columns)
	}
	return columns
}

// memoryPath is how another part of this process opens a file by its handle.
func memoryPath(f *os.File) string { return fmt.Sprintf("/dev/fd/%d", f.Fd()) }

package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/format"
)

// reading is one object on its way: pieces with its records, or a columnar
// file.
type reading struct {
	task    Task
	started time.Time
	pieces  chan *piece
	turn    chan struct{} // closed when the pieces are asked for
	// The fields below are set before pieces is closed.
	format string
	// columns are the names of a columnar file's.
	columns []string
	whole   *wholeTable // instead of pieces
	local   Local
	// failed is why the object could not be reached; damaged, why it could
	// not be decoded (to its end).
	failed  error
	damaged error
}

// onRelease adds to what frees the object's bytes.
func (r *reading) onRelease(f func()) {
	before := r.local.Release
	r.local.Release = func() {
		f()
		if before != nil {
			before()
		}
	}
}

// release frees the object's bytes.
func (r *reading) release() {
	if r.local.Release != nil {
		r.local.Release()
	}
}

// readAhead fetches and decodes tasks with a few workers and yields them in
// order. It stops when ctx ends.
func (p *puller) readAhead(ctx context.Context, tasks []Task) <-chan *reading {
	out := make(chan *reading, p.opt.Workers)
	go func() {
		defer close(out)
		slots := make(chan struct{}, p.opt.Workers)
		for _, t := range tasks {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			r := &reading{task: t, pieces: make(chan *piece, chunksAhead), turn: make(chan struct{})}
			go func() {
				defer func() { <-slots }()
				p.read(ctx, r)
			}()
			select {
			case out <- r:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func (p *puller) read(ctx context.Context, r *reading) {
	defer close(r.pieces)
	r.started = time.Now()
	r.local, r.failed = p.opt.Fetch(ctx, r.task.Object)
	if r.failed != nil {
		return
	}
	f, err := r.open()
	if err != nil {
		r.failed = &engine.Error{Kind: engine.Unavailable, Op: "read " + r.task.URL, Err: err}
		return
	}
	defer f.Close()
	defer r.interrupted(f)
	if r.task.Record > 0 {
		r.format = string(format.JSON)
		r.damaged = p.feedOne(ctx, r, f)
		return
	}
	s, err := p.opt.Formats.Open(f, p.hint(r.task))
	if err != nil {
		r.format, r.damaged = "unknown", err
		return
	}
	defer s.Close()
	r.format = string(s.Format)
	switch {
	case s.Columnar() && p.opt.Private:
		p.readPrivateTable(ctx, r, s)
	case s.Columnar():
		p.readTable(ctx, r, s)
	case s.Format == format.Unknown:
		r.damaged = engine.Errorf(engine.Invalid, "", "%s", s.Unrecognised()).
			WithHint("docs/archives.md lists the formats that are; name one as the source's format if you know it")
	case s.Format != format.Empty:
		if r.damaged = p.weigh(r, s); r.damaged != nil {
			return
		}
		r.damaged = p.feed(ctx, r, p.discreet(s.Format, s.Records(chunkBytes)))
		r.damaged = p.discreetly(s.Format, r.damaged)
	}
}

// weigh refuses an object that unpacks to too much while nothing of it has been
// taken. What is read only once is watched while it is.
func (p *puller) weigh(r *reading, s *format.Stream) error {
	if s.Plain() || r.local.Path == "" {
		return nil
	}
	f, err := os.Open(r.local.Path)
	if err != nil {
		return nil //nolint:nilerr // it is open already, and is read there
	}
	defer f.Close()
	return format.Weigh(f, r.task.Size, p.opt.Unpack)
}

// hint is what is known of an object's format beforehand.
func (p *puller) hint(t Task) format.Hint {
	return format.Hint{Want: p.opt.Format, Key: t.Key, Modified: t.Modified, Private: p.opt.Private, Unpack: p.opt.Unpack}
}

// feed prepares the chunks of an object and sends them; the bound of the
// channel is what holds a fast reader back.
func (p *puller) feed(ctx context.Context, r *reading, split format.Reader) error {
	prepare := p.preparer(r.task)
	defer prepare.done()
	for {
		c, err := split.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := enter(ctx, p.preparing); err != nil {
			return err
		}
		ready := prepare.piece(ctx, c)
		<-p.preparing
		if err := r.send(ctx, ready); err != nil {
			return err
		}
	}
}

// feedOne prepares a record that was set aside before.
func (p *puller) feedOne(ctx context.Context, r *reading, from io.Reader) error {
	raw, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	if len(raw) > 0 && raw[0] != '{' && raw[0] != '[' { // perhaps a line of a text format
		whole := raw
		if r.task.Head != "" {
			whole = slices.Concat([]byte(r.task.Head), []byte("\n"), raw)
		}
		s, err := p.opt.Formats.Open(bytes.NewReader(whole), p.hint(r.task))
		if err == nil && s.Text() {
			defer s.Close()
			return p.feed(ctx, r, s.Records(chunkBytes))
		}
	}
	return r.send(ctx, p.preparer(r.task).piece(ctx, format.One(raw)))
}

func (r *reading) send(ctx context.Context, c *piece) error {
	select {
	case r.pieces <- c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// enter takes one of the places there are; who has it gives it back by
// receiving.
func enter(ctx context.Context, places chan struct{}) error {
	select {
	case places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// localTable gives a path that DuckDB can open: the object itself if it is
// not compressed, else a copy without the compression.
func (p *puller) localTable(r *reading, s *format.Stream) (string, error) {
	if s.Plain() {
		return r.local.Path, nil
	}
	f, err := os.CreateTemp(p.opt.Scratch, "unpacked-*")
	if err != nil {
		return "", err
	}
	defer f.Close()
	r.onRelease(func() { os.Remove(f.Name()) })
	_, err = io.Copy(f, s)
	return f.Name(), err
}

// tempName is an unused name in a folder of ours.
func tempName(dir string) string {
	return filepath.Join(dir, fmt.Sprintf("lines-%d-%d", os.Getpid(), tempCount.Add(1)))
}

var tempCount atomic.Int64

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		os.Remove(to)
		return err
	}
	return out.Close()
}

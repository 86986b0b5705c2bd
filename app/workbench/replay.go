package workbench

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/format"
	"tidemark.dev/tidemark/engine/source/replay"
)

// openReplay makes a stream of the archive of another source.
func (b *Workbench) openReplay(ctx context.Context, c workspace.Source) (*replay.Source, error) {
	of, ok := b.Current().Config.Source(c.Of)
	if !ok {
		return nil, engine.Errorf(engine.NotFound, "replay "+c.Name, "there is no source %s", c.Of)
	}
	a, err := b.openSource(ctx, of)
	if err != nil {
		return nil, err
	}
	r := &replayed{b: b, archive: a, format: of.Format, groups: map[string][]engine.Object{}}
	return replay.New(replay.Config{
		Name: c.Name, Of: c.Of, Speed: c.Speed, Clock: b.clock, Parts: r.parts, Records: r.records,
	}), nil
}

// replayed is an archive cut into parts: the objects that were delivered in
// the same span, whose records are played side by side.
type replayed struct {
	b       *Workbench
	archive *archive
	format  string
	groups  map[string][]engine.Object // by the key of the first
}

// unknownSpan is how long an object is taken to have been gathered, where
// nothing says it.
const unknownSpan = time.Minute

func (r *replayed) parts(ctx context.Context) ([]replay.Part, error) {
	type span struct{ from, to time.Time }
	first := map[span]string{}
	var parts []replay.Part
	err := r.archive.List(ctx, func(o engine.Object) bool {
		from, to := delivered(o)
		key, known := first[span{from, to}]
		if !known {
			key = o.Key
			first[span{from, to}] = key
			parts = append(parts, replay.Part{Object: o, From: from, To: to})
		}
		r.groups[key] = append(r.groups[key], o)
		return true
	})
	return parts, err
}

// delivered is the span in which an object's records arrived, as far as its
// key or its time of change tells.
func delivered(o engine.Object) (from, to time.Time) {
	if from, to, ok := dated(o.Key); ok {
		return from, to
	}
	return o.Modified.Add(-unknownSpan), o.Modified
}

// records yields the records of a part's objects, one of each in turn.
func (r *replayed) records(ctx context.Context, o engine.Object) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		type puller struct {
			next func() ([]byte, error, bool)
			stop func()
		}
		var open []puller
		defer func() {
			for _, p := range open {
				p.stop()
			}
		}()
		for _, one := range r.groups[o.Key] {
			next, stop := iter.Pull2(r.object(ctx, one))
			open = append(open, puller{next, stop})
		}
		for left := len(open); left > 0; {
			left = 0
			for i := range open {
				raw, err, ok := open[i].next()
				if !ok {
					continue
				}
				left++
				if !yield(raw, err) || err != nil {
					return
				}
			}
		}
	}
}

// object yields the records of one object; a table's rows are objects of JSON.
func (r *replayed) object(ctx context.Context, o engine.Object) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		local, err := r.archive.fetch(ctx, o)
		if err != nil {
			yield(nil, err)
			return
		}
		if local.Release != nil {
			defer local.Release()
		}
		if local.Stream != nil {
			defer local.Stream.Close()
			yield(nil, engine.Errorf(engine.Invalid, "replay "+o.URL, "the records of a dataset with columns: must not be written to any disk as they came").
				WithHint("replay into a dataset of the same policies, from a source whose dataset has none"))
			return
		}
		if err := r.read(ctx, o, local.Path, yield); err != nil && !errors.Is(err, errEnough) {
			yield(nil, err)
		}
	}
}

// errEnough ends a reading that nobody listens to any more.
var errEnough = errors.New("enough")

func (r *replayed) read(ctx context.Context, o engine.Object, path string, yield func([]byte, error) bool) error {
	f, err := os.Open(path)
	if err != nil {
		return engine.Errorf(engine.Unavailable, "read "+o.URL, "%w", err)
	}
	defer f.Close()
	s, err := format.Builtin().Open(f, format.Hint{Want: r.format, Key: o.Key, Modified: o.Modified})
	if err != nil {
		return err
	}
	defer s.Close()
	switch {
	case s.Columnar():
		return r.readTable(ctx, path, s, yield)
	case s.Format == format.Unknown || s.Format == format.Empty:
		return nil // a pull says so; there is nothing to play
	}
	return eachRecord(s.Records(replayChunk), yield)
}

const replayChunk = 1 << 20

func eachRecord(records format.Reader, yield func([]byte, error) bool) error {
	for {
		c, err := records.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, rec := range c.Records {
			if rec.Dropped {
				continue
			}
			if !yield(c.Bytes(rec), nil) {
				return errEnough
			}
		}
	}
}

// readTable plays the rows of a columnar file, which is decoded where it can
// do no harm.
func (r *replayed) readTable(ctx context.Context, path string, s *format.Stream, yield func([]byte, error) bool) error {
	scratch := r.b.Current().TempDir()
	if !s.Plain() {
		unpacked, err := r.b.spool(s)
		if err != nil {
			return err
		}
		defer os.Remove(unpacked)
		path = unpacked
	}
	t, err := r.b.Store.OpenForeign(ctx, path, string(s.Format), scratch)
	if err != nil {
		return err
	}
	defer t.Close()
	dir, err := os.MkdirTemp(scratch, "replay-*")
	if err != nil {
		return engine.Errorf(engine.Unavailable, "replay a table", "%w", err)
	}
	defer os.RemoveAll(dir)
	lines := filepath.Join(dir, "rows")
	if err := t.WriteLines(ctx, lines); err != nil {
		return err
	}
	f, err := os.Open(lines)
	if err != nil {
		return err
	}
	defer f.Close()
	return eachRecord(format.NewSplitter(f, replayChunk), yield)
}

package workbench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/source/cache"
	"tidemark.dev/tidemark/engine/source/parquet"
)

// rangeObject is a part of an object, as the cache knows it.
func rangeObject(o engine.Object, offset, n int64) engine.Object {
	part := o
	part.Key, part.Size = fmt.Sprintf("%s\x00%d+%d", o.Key, offset, n), n
	return part
}

// readRange reads a small part of an object, through the cache.
func (b *Workbench) readRange(ctx context.Context, a *archive, o engine.Object, offset, n int64) (out []byte, fetched int64, err error) {
	r, hit, err := b.openRange(ctx, a, o, offset, n)
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	out = make([]byte, n)
	if _, err := io.ReadFull(r, out); err != nil {
		return nil, 0, shortened(o, err)
	}
	if !hit && a.place != "" {
		fetched = n
	}
	return out, fetched, nil
}

func (b *Workbench) openRange(ctx context.Context, a *archive, o engine.Object, offset, n int64) (io.ReadCloser, bool, error) {
	fetch := func(ctx context.Context) (io.ReadCloser, error) { return a.ranges.OpenRange(ctx, o, offset, n) }
	if a.place == "" { // it lies on this machine already
		r, err := fetch(ctx)
		return r, false, err
	}
	return b.cache.Open(ctx, a.place, rangeObject(o, offset, n), fetch)
}

func shortened(o engine.Object, err error) error {
	if engine.KindOf(err) != engine.Internal {
		return err
	}
	return engine.Errorf(engine.Unavailable, "read "+o.URL, "%w", err).WithHint("try again")
}

// readFooter reads the footer of an object. The error is Invalid if it has
// none that can be used.
func (b *Workbench) readFooter(ctx context.Context, a *archive, o engine.Object) (*parquet.Footer, int64, error) {
	damaged := func(err error) error { return engine.Errorf(engine.Invalid, "attach "+o.URL, "%w", err) }
	if o.Size == 0 {
		return nil, 0, damaged(parquet.ErrNotParquet)
	}
	guess := min(o.Size, parquet.TailGuess)
	tail, fetched, err := b.readRange(ctx, a, o, o.Size-guess, guess)
	if err != nil {
		return nil, fetched, err
	}
	n, err := parquet.FooterLength(tail, o.Size)
	if err != nil {
		return nil, fetched, damaged(err)
	}
	if n > guess {
		head, more, err := b.readRange(ctx, a, o, o.Size-n, n-guess)
		fetched += more
		if err != nil {
			return nil, fetched, err
		}
		tail = append(head, tail...)
	}
	f, err := parquet.Read(tail, o.Size)
	if err != nil {
		return nil, fetched, damaged(err)
	}
	return f, fetched, nil
}

// footer gives the footer of an object that was looked at before.
func (b *Workbench) footer(ctx context.Context, at *attachment, a *archive, o engine.Object) (*parquet.Footer, int64, error) {
	if f := at.footers[footerKey(o)]; f != nil {
		return f, 0, nil
	}
	f, fetched, err := b.readFooter(ctx, a, o)
	if err == nil {
		at.keepFooter(o, f)
	}
	return f, fetched, err
}

func footerKey(o engine.Object) string { return o.Source + "\x00" + o.Key + "\x00" + o.Version() }

func (a *attachment) keepFooter(o engine.Object, f *parquet.Footer) {
	if len(a.footers) >= maxFooters {
		a.footers = map[string]*parquet.Footer{}
	}
	a.footers[footerKey(o)] = f
}

// fill puts the pieces of one range where they belong in a file, and counts
// the bytes that came over the network.
func (b *Workbench) fill(ctx context.Context, a *archive, o engine.Object, r parquet.Range, into *os.File) (fetched int64, err error) {
	if len(r.Pieces) == 1 {
		p := r.Pieces[0]
		body, hit, err := b.openRange(ctx, a, o, p.Offset, p.Length)
		if err != nil {
			return 0, err
		}
		defer body.Close()
		if err := copyPiece(into, p, body, o); err != nil {
			return 0, err
		}
		if hit || a.place == "" {
			return 0, nil
		}
		return p.Length, nil
	}
	body, err := a.ranges.OpenRange(ctx, o, r.Offset, r.Length)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	all := make([]byte, r.Length)
	if _, err := io.ReadFull(body, all); err != nil {
		return 0, shortened(o, err)
	}
	for _, p := range r.Pieces {
		piece := all[p.Offset-r.Offset:][:p.Length]
		if _, err := into.WriteAt(piece, p.At); err != nil {
			return 0, diskFull(err)
		}
		if a.place == "" {
			continue
		}
		kept, _, err := b.cache.Open(ctx, a.place, rangeObject(o, p.Offset, p.Length), func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(piece)), nil
		})
		if err != nil {
			return 0, err
		}
		kept.Close()
	}
	if a.place == "" {
		return 0, nil
	}
	return r.Length, nil
}

func copyPiece(into *os.File, p parquet.Piece, from io.Reader, o engine.Object) error {
	n, err := io.Copy(io.NewOffsetWriter(into, p.At), from)
	if err != nil {
		return shortened(o, err)
	}
	if n != p.Length {
		return engine.Errorf(engine.Conflict, "read "+o.URL, "%d of %d bytes came", n, p.Length).WithHint("try again")
	}
	return nil
}

func diskFull(err error) error {
	return engine.Errorf(engine.Unavailable, "keep a part of an object", "%w", err).WithHint("free some disk space")
}

var _ io.ReadCloser = (*cache.File)(nil)

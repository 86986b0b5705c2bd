package format

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"

	"tidemark.dev/tidemark/engine"
)

// Reader yields the records of an object, chunk by chunk, and io.EOF after the
// last. A read error comes after the records before it. It is used by one
// goroutine.
type Reader interface {
	Next() (Chunk, error)
}

// Decoder is what a format of one's own has to be: it turns the unpacked bytes
// of one object, or of one live record, into records.
//
// Decode reads r to its end and calls emit once a record, in their order, from
// the goroutine that called it. A record is one JSON object in UTF-8, without
// a line break; members named by engine.Derived fill the envelope. Emit keeps
// nothing of what it is given after it returns; an error of its must end
// Decode at once and be returned as it is. An error of Decode's own means that
// the object cannot be decoded any further: what was emitted before stays, and
// the rest stands in quarantine as one entry with the error as its reason.
// Decode must not keep more than a few records in memory, must end soon after
// ctx does, and may be called from several goroutines at once, each with a
// reader of its own.
type Decoder interface {
	Decode(ctx context.Context, r io.Reader, emit func(Emitted) error) error
}

// Emitted is one record of a Decoder.
type Emitted struct {
	// JSON is the record. It is checked like every record.
	JSON []byte
	// Problem is set for bytes that are no record: Raw goes to quarantine with
	// it as the reason, and JSON is not looked at.
	Problem string
	Raw     []byte
	// Dropped counts the record as read and left out on purpose.
	Dropped bool
}

// decodeFunc turns one value or line of an object into records.
type decodeFunc func(raw []byte, out *sink)

// sink gathers the records of a chunk.
type sink struct {
	c Chunk
	// outer is what stands around the array that the records come from, as an
	// object without it; nil where there is none.
	outer []byte
	// private says that no message may repeat what the record says, and
	// repeats that those of the format do.
	private, repeats bool
}

func (s *sink) begin() *event {
	e := begin(s.c.Buf)
	e.quiet = s.private && s.repeats
	return e
}

// add takes the event in.
func (s *sink) add(e *event) { s.whole(e.end()) }

// whole takes in what was written behind the buffer as one record.
func (s *sink) whole(buf []byte) {
	s.c.Records = append(s.c.Records, Record{Start: len(s.c.Buf), End: len(buf)})
	s.c.Buf = buf
}

// keep takes a JSON value in as it is.
func (s *sink) keep(raw []byte) { s.whole(append(s.c.Buf, raw...)) }

// problem takes bytes in that are no record.
func (s *sink) problem(raw []byte, reason string) {
	s.keep(raw)
	s.c.Records[len(s.c.Records)-1].Problem = reason
}

// problemUnder takes bytes in that are no record, with the lines before them
// without which they cannot be read again.
func (s *sink) problemUnder(head string, raw []byte, reason string) {
	s.problem(raw, reason)
	if head == "" || s.private {
		return
	}
	if s.c.Heads == nil {
		s.c.Heads = map[int]string{}
	}
	s.c.Heads[len(s.c.Records)-1] = head
}

// drop counts bytes that are left out on purpose.
func (s *sink) drop(raw []byte) {
	s.keep(raw)
	s.c.Records[len(s.c.Records)-1].Dropped = true
}

// transcoder turns what a splitter cuts into records.
type transcoder struct {
	from   *Splitter
	decode decodeFunc
	text   bool // what is cut is text, not JSON

	private, repeats bool
}

const notUTF8 = "the record is not valid UTF-8"

// Next decodes the next chunk.
func (t *transcoder) Next() (Chunk, error) {
	for {
		in, err := t.from.Next()
		if err != nil {
			return Chunk{}, err
		}
		out := sink{c: Chunk{Buf: make([]byte, 0, len(in.Buf)+len(in.Buf)/2)}, outer: t.from.outer, private: t.private, repeats: t.repeats}
		for _, r := range in.Records {
			t.one(in, r, &out)
		}
		in.Recycle() // all of it was copied
		if len(out.c.Records) > 0 {
			return out.c, nil
		}
	}
}

func (t *transcoder) one(in Chunk, r Record, out *sink) {
	raw := in.Bytes(r)
	switch {
	case r.Size > 0:
		at := len(out.c.Buf)
		out.c.Records = append(out.c.Records, Record{Start: at, End: at, Problem: r.Problem, Size: r.Size})
	case r.Problem != "":
		out.problem(raw, r.Problem)
	case t.text && !utf8.Valid(raw):
		out.problem(raw, notUTF8)
	case t.text:
		t.decode(raw, out)
	default:
		t.values(raw, out)
	}
}

// values decodes a JSON value, or several on one line. What is no object, or
// malformed, is kept as it came for the conformer to say what is wrong.
func (t *transcoder) values(raw []byte, out *sink) {
	for {
		end, state := value(raw, nil)
		if state != isWhole || end <= 0 || raw[0] != '{' {
			out.keep(raw)
			return
		}
		one, more := raw[:end], bytes.TrimLeft(raw[end:], " \t\r\n,")
		if len(more) > 0 && more[0] != '{' {
			out.keep(raw)
			return
		}
		if !json.Valid(one) || !utf8.Valid(one) {
			out.keep(one)
		} else {
			t.decode(one, out)
		}
		if len(more) == 0 {
			return
		}
		raw = more
	}
}

// pushed makes a Reader of a Decoder: the decoder runs on a goroutine of its
// own and waits while nobody asks for the next chunk.
type pushed struct {
	chunks chan Chunk
	err    error // set before chunks is closed
	stop   context.CancelFunc
}

func newPushed(d Decoder, r io.Reader, size int) *pushed {
	ctx, stop := context.WithCancel(context.Background())
	p := &pushed{chunks: make(chan Chunk), stop: stop}
	go p.run(ctx, d, r, size)
	return p
}

func (p *pushed) run(ctx context.Context, d Decoder, r io.Reader, size int) {
	defer close(p.chunks)
	var out sink
	send := func() error {
		select {
		case p.chunks <- out.c:
			out = sink{}
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p.err = d.Decode(ctx, r, func(e Emitted) error {
		switch {
		case e.Problem != "":
			out.problem(e.Raw, e.Problem)
		case e.Dropped:
			out.drop(e.Raw)
		default:
			out.keep(e.JSON)
		}
		if len(out.c.Buf) >= size {
			return send()
		}
		return ctx.Err()
	})
	if len(out.c.Records) > 0 && ctx.Err() == nil {
		if err := send(); p.err == nil {
			p.err = err
		}
	}
	if p.err != nil && engine.KindOf(p.err) == engine.Internal {
		p.err = engine.Errorf(engine.Invalid, "", "%w", p.err)
	}
}

// close ends the decoder and waits for it, for it may be reading.
func (p *pushed) close() {
	p.stop()
	for range p.chunks { //nolint:revive // until it is closed
	}
}

// Next gives what the decoder emitted since the last call.
func (p *pushed) Next() (Chunk, error) {
	c, more := <-p.chunks
	switch {
	case more:
		return c, nil
	case p.err != nil && !errors.Is(p.err, io.EOF):
		return Chunk{}, p.err
	}
	return Chunk{}, io.EOF
}

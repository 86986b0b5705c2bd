package pipeline

import (
	"context"
	"maps"
	"slices"
	"sync"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/format"
	"tidemark.dev/tidemark/engine/schema"
)

// shape is what lines are conformed to. It is not changed once it is made, so
// that the goroutines that read ahead can use it.
type shape struct {
	body    engine.Type
	mapping engine.Mapping
	refused map[string]string
}

func (s *shape) conformer() *schema.Conformer {
	return schema.NewConformer(s.body, s.mapping, s.refused)
}

// reshape takes up the type of p.version.
func (p *puller) reshape() {
	long := p.conform != nil && p.conform.LongIntegers()
	s := &shape{p.version.Body, p.opt.Mapping, maps.Clone(p.refused)}
	p.conform = s.conformer()
	p.conform.KeepLongIntegers(long)
	p.shape.Store(s)
}

// piece is a chunk of an object, with all done to it that can be done before
// its turn comes. What needs the batch, or the lines before, is left.
type piece struct {
	columns []engine.ForeignColumn // of a columnar file; there is nothing else then
	chunk   format.Chunk
	kept    bool // somebody holds on to lines of the chunk, or of the call of the stream

	// values say where each line is routed to; "" where it has none.
	values []string

	next    int64 // number of the record after the piece
	read    int64 // what it adds to the records read
	dropped int64
	asides  []problem
	lines   []line
	err     error // ends the pull

	// Lines that fit shape are conformed: block has them as rows, or rows has
	// their values as text, one after the other; ends[i] is where in it those of
	// lines[i] end. A line that takes up nothing is left to the puller, and so
	// are all of them when the dataset has another shape by then.
	shape     *shape
	block     *engine.Block
	rows      []byte
	ends      []int
	conflicts []schema.Conflict
	met       []int64 // values that each policy met
	untimed   int64
	over      map[string]engine.QuotaCount // of a live dataset's quota
	times     span
	long      bool

	// Of a live piece: its shard, where each record came from (a line's row is its
	// place here), the event times of those conformed, and what it is made of.
	url     string
	places  []place
	moments []int64
	room    *pieceRoom
	refuted bool // a record was taken for plain JSON, and may be something else
}

type problem struct {
	line
	reason string
	head   string // what stood before the line and says what its fields are
	size   int64  // of a record that is too long to be kept
}

// preparer makes pieces of one object's chunks.
type preparer struct {
	p       *puller
	skip    int64
	only    int64
	next    int64
	stages  []*stageRunner
	protect *schema.Protector // nil: nothing to protect
	shape   *shape
	conform *schema.Conformer
	gathers bool // conform makes blocks
	// position is used again for each live record.
	position []byte
	// met remembers which members plain records of a stream had, as conform
	// tells them; last are those of the record before.
	met    map[uint64]struct{}
	last   uint64
	routes *schema.Extractor // of a routed source
}

func (p *puller) preparer(t Task) *preparer {
	a := &preparer{p: p, skip: t.Skip, only: t.Only, next: max(1, t.Record), protect: p.protector()}
	if idle, has := p.runners.Get().([]*stageRunner); has {
		a.stages = idle
		return a
	}
	for _, s := range p.opt.Stages {
		runner := newStageRunner(s, p.opt.Mapping)
		runner.private = p.opt.Private
		a.stages = append(a.stages, runner)
	}
	return a
}

// done lets another object have what the transforms were given.
func (a *preparer) done() {
	if a.stages != nil {
		a.p.runners.Put(a.stages) //nolint:staticcheck // a slice header an object costs nothing
	}
}

// rowsBuffers are used again: a piece is short-lived and as large as its chunk.
var rowsBuffers = sync.Pool{New: func() any { return new([]byte) }}

// done gives back what the piece holds.
func (c *piece) done() {
	if c.rows != nil {
		rows := c.rows[:0]
		rowsBuffers.Put(&rows)
		c.rows = nil
	}
	if c.block != nil {
		c.block.Free()
		c.block = nil
	}
	if c.room != nil {
		c.room.free(c)
		c.room = nil
	}
	if !c.kept && c.chunk.Buf != nil {
		c.chunk.Recycle()
		c.chunk = format.Chunk{}
	}
}

func (a *preparer) piece(ctx context.Context, c format.Chunk) *piece {
	out := &piece{chunk: c, lines: make([]line, 0, len(c.Records))}
	for i, r := range c.Records {
		row := a.next
		a.next++
		if row <= a.skip || a.only > 0 && row != a.only {
			continue
		}
		out.read++
		if r.Dropped {
			out.dropped++
			continue
		}
		l := line{raw: c.Bytes(r), row: row}
		if a.p.opt.Private {
			l.came = l.raw
		}
		if r.Problem != "" {
			out.asides = append(out.asides, problem{l, r.Problem, c.Heads[i], r.Size})
			continue
		}
		out.lines = append(out.lines, l)
	}
	out.next = a.next
	if a.p.router != nil {
		a.route(out)
		return out
	}
	a.prepare(ctx, out)
	return out
}

// prepare does to the lines of a piece all that can be done ahead.
func (a *preparer) prepare(ctx context.Context, c *piece) {
	if c.err = a.transform(ctx, c); c.err != nil {
		return
	}
	if a.protect != nil {
		for i := range c.lines {
			c.lines[i].raw = a.protect.Protect(c.lines[i].raw)
		}
		c.met = a.protect.Seen()
	}
	a.conformLines(c)
}

func (a *preparer) transform(ctx context.Context, c *piece) error {
	for _, s := range a.stages {
		rejected := int64(0)
		lines, dropped, err := s.run(ctx, c.lines, func(l line, reason string) {
			rejected++
			c.asides = append(c.asides, problem{line: l, reason: reason})
		})
		if err != nil {
			return err
		}
		c.dropped += dropped
		// A transform may also make several records of one; each counts.
		c.read += int64(len(lines)) + dropped + rejected - int64(len(c.lines))
		c.lines = lines
	}
	return nil
}

// conformLines conforms the lines that are as the dataset has them. What is
// not, and could change its type or must be set aside, waits for its turn.
func (a *preparer) conformLines(c *piece) {
	if now := a.p.shape.Load(); now != a.shape {
		a.shape, a.conform = now, now.conformer()
		a.gathers = !a.p.opt.text && a.conform.Gather(now.body)
		a.met, a.last = nil, 0
	}
	c.shape = a.shape
	if !a.gathers {
		c.rows = *rowsBuffers.Get().(*[]byte)
	}
	c.ends = slices.Grow(c.ends[:0], len(c.lines))[:len(c.lines)]
	taken := 0
	for i, l := range c.lines {
		out := a.conform.Conform(l.raw)
		if len(c.places) > 0 && !a.settled(c.places[l.row].look, out) {
			c.refuted = true
			break
		}
		if out.Reason == "" && !out.Unknown && !a.p.opt.leavesOut(out) && (!a.p.opt.Strict || len(out.Conflicts) == 0 && !out.Untimed) {
			if taken++; a.gathers {
				a.gather(c, l)
			} else {
				c.rows = a.conform.AppendValues(c.rows)
			}
			c.conflicts = append(c.conflicts, out.Conflicts...)
			c.times.add(out)
			if a.p.keepMoments {
				c.moments = appendMoment(c.moments, out, c.places[l.row].at, len(a.shape.mapping.EventTime) == 0)
			}
			if out.Untimed {
				c.untimed++
			}
		}
		c.ends[i] = len(c.rows)
		if a.gathers {
			c.ends[i] = taken
		}
	}
	if c.long = a.conform.LongIntegers(); a.gathers {
		c.block = newBlock(a.conform)
	}
}

// gather makes the line that was conformed last a row of the piece's block.
func (a *preparer) gather(c *piece, l line) {
	if len(c.places) == 0 {
		a.conform.TakeRow(l.row)
		return
	}
	at := &c.places[l.row]
	a.position = at.append(append(append(a.position[:0], c.url...), '#'))
	a.conform.TakeArrival(at.at, a.position)
}

// span is the oldest and the newest event time of some records.
type span struct {
	min, max int64
	some     bool
}

func (s *span) add(out schema.Outcome) {
	if out.HasTime {
		s.join(span{out.EventTime, out.EventTime, true})
	}
}

func (s *span) join(t span) {
	switch {
	case !t.some:
	case !s.some:
		*s = t
	default:
		s.min, s.max = min(s.min, t.min), max(s.max, t.max)
	}
}

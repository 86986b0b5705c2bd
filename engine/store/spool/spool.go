// Package spool keeps the result of a query while it is computed, and gives
// out windows of its rows. What one process holds in memory is bounded: past
// that, rows lie in files. Which query it is, and who may look, is not its
// business.
package spool

import (
	"bytes"
	"context"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
	"tidemark.dev/tidemark/engine/store/result"
)

const op = "query"

// State is how far a result has come.
type State string

// The states. A result is stopped when it reached a limit.
const (
	Running  State = "running"
	Done     State = "done"
	Canceled State = "canceled"
	Failed   State = "failed"
	Stopped  State = "stopped"
)

// Options bound a spool. Sizes are in bytes.
type Options struct {
	// Rows and Bytes (of Arrow) are how much of a result is kept.
	Rows, Bytes int64
	// Memory is how much of it stays in memory, and Shared, if not nil, what
	// all results together may take there.
	Memory int64
	Shared *Budget
	// Dir is where the file lies that holds the rest.
	Dir string
}

// Budget is memory that several spools share; Limit is in bytes. It may be used
// from several goroutines.
type Budget struct {
	Limit int64
	used  atomic.Int64
}

func (b *Budget) take(n int64) bool {
	if b == nil {
		return true
	}
	if b.used.Add(n) > b.Limit {
		b.used.Add(-n)
		return false
	}
	return true
}

func (b *Budget) give(n int64) {
	if b != nil {
		b.used.Add(-n)
	}
}

// Status is what is known of a result.
type Status struct {
	State State
	// Columns is nil until the query has begun to run.
	Columns *result.Delivered
	Rows    int64
	Bytes   int64
	// Truncated says that the query has more rows than are kept.
	Truncated bool
	Seconds   float64
	Err       error
}

// Over reports whether no more rows will come.
func (s Status) Over() bool { return s.State != Running }

// Spool is one result. One goroutine fills it, any number read it.
type Spool struct {
	opt     Options
	started time.Time
	encoder encoder
	waiting []arrow.RecordBatch // small batches that will be one
	small   int64
	flushed time.Time

	mu      sync.Mutex
	changed chan struct{} // closed at the next change
	status  Status
	head    []byte // the schema, as a stream begins
	parts   []part
	memory  int64
	file    *os.File
	end     int64 // of the file
	closed  bool
}

// part is a batch of rows as Arrow writes it.
type part struct {
	first, rows int64
	bytes       []byte // nil when it lies in the file
	at, size    int64
}

// New makes an empty spool. Close frees it.
func New(opt Options) *Spool {
	return &Spool{opt: opt, started: time.Now(), changed: make(chan struct{}), status: Status{State: Running}}
}

// Run fills the spool with what a query gives and says how it ended. It does
// not fail by itself: the status tells.
func (s *Spool) Run(ctx context.Context, query func(ctx context.Context, sink store.Sink) error) {
	err := query(ctx, s)
	if err == nil {
		err = s.flush()
	}
	for _, b := range s.waiting {
		b.Release()
	}
	s.waiting = nil
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.status
	st.Seconds = time.Since(s.started).Seconds()
	switch {
	case st.State != Running: // it was stopped
	case err == nil:
		st.State = Done
	case engine.KindOf(err) == engine.Canceled:
		st.State, st.Err = Canceled, err
	default:
		st.State, st.Err = Failed, err
	}
	s.tell()
}

// tell wakes who waits; the lock is held.
func (s *Spool) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Begin takes the columns.
func (s *Spool) Begin(columns result.Delivered, schema *arrow.Schema) error {
	head, err := s.encoder.begin(schema)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Columns, s.head = &columns, head
	s.tell()
	return nil
}

const (
	// Batches smaller than this wait for others, but not for long.
	smallBatch = 2048
	smallWait  = 100 * time.Millisecond
)

// Batch takes rows, up to the limit.
func (s *Spool) Batch(batch arrow.RecordBatch) error {
	have := s.rows() + s.small
	if over := have + batch.NumRows() - s.opt.Rows; over > 0 {
		if keep := batch.NumRows() - over; keep > 0 {
			batch = batch.NewSlice(0, keep)
			defer batch.Release()
			s.hold(batch)
		}
		return s.stop()
	}
	s.hold(batch)
	if s.small < smallBatch && have > 0 && time.Since(s.flushed) < smallWait {
		return nil
	}
	if err := s.flush(); err != nil {
		return err
	}
	if s.opt.Bytes > 0 && s.bytes() >= s.opt.Bytes {
		return s.stop()
	}
	return nil
}

func (s *Spool) hold(batch arrow.RecordBatch) {
	batch.Retain()
	s.waiting = append(s.waiting, batch)
	s.small += batch.NumRows()
}

// stop ends the result at a limit.
func (s *Spool) stop() error {
	if err := s.flush(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.State, s.status.Truncated = Stopped, true
	s.status.Seconds = time.Since(s.started).Seconds()
	s.tell()
	return store.ErrEnough
}

func (s *Spool) rows() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status.Rows
}

func (s *Spool) bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status.Bytes
}

// flush keeps the batches that wait.
func (s *Spool) flush() error {
	if len(s.waiting) == 0 {
		return nil
	}
	defer func() {
		for _, b := range s.waiting {
			b.Release()
		}
		s.waiting, s.small, s.flushed = s.waiting[:0], 0, time.Now()
	}()
	data, err := s.encoder.encode(s.waiting)
	if err != nil {
		return engine.Errorf(engine.Internal, op, "%w", err)
	}
	return s.keep(data, s.small)
}

// keep adds a part, in memory or in the file.
func (s *Spool) keep(data []byte, rows int64) error {
	size := int64(len(data))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return engine.Errorf(engine.Canceled, op, "%w", context.Canceled)
	}
	p := part{first: s.status.Rows, rows: rows, size: size}
	if s.memory+size <= s.opt.Memory && s.file == nil && s.opt.Shared.take(size) {
		p.bytes = data
		s.memory += size
	} else {
		if err := s.spill(data); err != nil {
			return err
		}
		p.at = s.end - size
	}
	s.parts = append(s.parts, p)
	s.status.Rows += rows
	s.status.Bytes += size
	s.tell()
	return nil
}

func (s *Spool) spill(data []byte) error {
	if s.file == nil {
		f, err := os.CreateTemp(s.opt.Dir, "result-*")
		if err != nil {
			return noRoom(err)
		}
		s.file = f
	}
	n, err := s.file.WriteAt(data, s.end)
	s.end += int64(n)
	if err != nil {
		return noRoom(err)
	}
	return nil
}

func noRoom(err error) error {
	return engine.Errorf(engine.Unavailable, "keep the result", "%w", err).WithHint("free some disk space, or ask for less")
}

// Close frees the result; what fills it must have ended. Windows that are
// still read fail.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.opt.Shared.give(s.memory)
	s.parts = nil
	s.tell()
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if removed := os.Remove(s.file.Name()); err == nil {
		err = removed
	}
	return err
}

// Status is how far the result is.
func (s *Spool) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

func (s *Spool) now() Status {
	st := s.status
	if st.State == Running {
		st.Seconds = time.Since(s.started).Seconds()
	}
	return st
}

// Wait waits until enough holds of the status, no more rows will come, or ctx
// ends.
func (s *Spool) Wait(ctx context.Context, enough func(Status) bool) Status {
	for {
		s.mu.Lock()
		st, changed, closed := s.now(), s.changed, s.closed
		s.mu.Unlock()
		if st.Over() || closed || enough(st) {
			return st
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return s.Status()
		}
	}
}

// encoder writes batches as parts of an Arrow stream.
type encoder struct {
	out    bytes.Buffer
	writer *ipc.Writer
	schema *arrow.Schema
	skip   int // what the first batch has in front of it
}

// endOfStream is how an Arrow stream ends.
var endOfStream = []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}

// begin gives what a stream begins with.
func (e *encoder) begin(schema *arrow.Schema) ([]byte, error) {
	var head bytes.Buffer
	w := ipc.NewWriter(&head, ipc.WithSchema(schema))
	if err := w.Close(); err != nil {
		return nil, err
	}
	e.schema, e.writer = schema, ipc.NewWriter(&e.out, ipc.WithSchema(schema))
	e.skip = head.Len() - len(endOfStream)
	return head.Bytes()[:e.skip], nil
}

// encode gives several batches as one part.
func (e *encoder) encode(batches []arrow.RecordBatch) ([]byte, error) {
	one, err := merged(e.schema, batches)
	if err != nil {
		return nil, err
	}
	defer one.Release()
	e.out.Reset()
	if err := e.writer.Write(one); err != nil {
		return nil, err
	}
	data := bytes.Clone(e.out.Bytes()[e.skip:])
	e.skip = 0
	return data, nil
}

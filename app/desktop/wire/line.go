package wire

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// MaxLine is the longest line that is read or written, in bytes: enough for
// tens of thousands of dropped files.
const MaxLine = 16 << 20

// ErrTooLong is a line of more than MaxLine bytes.
var ErrTooLong = errors.New("a message is too long")

// Reader reads messages, a line each. It is used by one goroutine at a time.
type Reader[M message] struct{ in *bufio.Reader }

// NewReader reads from in.
func NewReader[M message](in io.Reader) *Reader[M] {
	return &Reader[M]{bufio.NewReader(in)}
}

// Read gives the next message. Its error is io.EOF after the last one,
// io.ErrUnexpectedEOF where the last one was cut off, ErrTooLong, and one of
// its own for a line that is no message; after any of these nothing more can
// be trusted to be read.
func (r *Reader[M]) Read() (M, error) {
	var m M
	line, err := r.line()
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(line, &m); err != nil {
		return m, fmt.Errorf("a line is no message: %w", err)
	}
	return m, m.check()
}

// line gives the next line, with its end.
func (r *Reader[M]) line() ([]byte, error) {
	var line []byte
	for {
		part, err := r.in.ReadSlice('\n')
		if len(line)+len(part) > MaxLine {
			return nil, ErrTooLong
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, io.ErrUnexpectedEOF
		default:
			return nil, err
		}
	}
}

// Writer writes messages, a line each. It may be used by several goroutines.
type Writer[M message] struct {
	mu  sync.Mutex
	out io.Writer
}

// NewWriter writes to out.
func NewWriter[M message](out io.Writer) *Writer[M] { return &Writer[M]{out: out} }

// Write writes one message, in one call of out's. What could not be read again
// is not written.
func (w *Writer[M]) Write(m M) error {
	if err := m.check(); err != nil {
		return err
	}
	line, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if len(line) >= MaxLine {
		return ErrTooLong
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err = w.out.Write(append(line, '\n'))
	return err
}

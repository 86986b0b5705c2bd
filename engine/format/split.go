package format

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

var (
	buffers     = sync.Pool{New: func() any { return new([]byte) }}
	recordLists = sync.Pool{New: func() any { return new([]Record) }}
)

// Splitter cuts JSON text into records: a line each (NDJSON), or, where the
// text is an array or spread over lines, a value each.
type Splitter struct {
	r       io.Reader
	buf     []byte
	eof     bool
	err     error
	begun   bool
	lines   bool
	inArray bool
	indent  int // blanks before here on this line, or -1 when it has more
	stack   []byte
	size    int // of a chunk

	text    bool                   // any text: lines are not trimmed but for their ends
	starts  func(line []byte) bool // whether a line begins a record; nil: each does
	wrapper string                 // the array member whose elements are the records
	wrapped bool                   // inside of one
	outer   []byte                 // what stands before it, as an object
}

// NewSplitter cuts what r yields into chunks of about size bytes.
func NewSplitter(r io.Reader, size int) *Splitter { return &Splitter{r: r, size: size} }

// Next gives the next chunk, and io.EOF after the last. A read error comes
// after the records before it.
func (s *Splitter) Next() (Chunk, error) {
	if !s.begun {
		s.fill(max(s.size, headSize))
		s.begin()
	}
	s.fill(s.size)
	for {
		c := Chunk{Buf: s.buf, Records: *recordLists.Get().(*[]Record)}
		var used int
		if s.lines {
			used = s.cutLines(&c)
		} else {
			used = s.cutValues(&c)
		}
		s.buf = bytes.Clone(s.buf[used:])
		if len(c.Records) > 0 {
			return c, nil
		}
		if s.eof {
			if s.err != nil {
				return Chunk{}, s.err
			}
			return Chunk{}, io.EOF
		}
		if len(s.buf) >= MaxRecord {
			return s.overlong()
		}
		s.fill(min(max(s.size, 2*len(s.buf)), max(s.size, MaxRecord)))
	}
}

// fill reads until the buffer holds n bytes or the input ends.
func (s *Splitter) fill(n int) {
	if s.eof || len(s.buf) >= n {
		return
	}
	grown := buffer(n)
	have := copy(grown, s.buf)
	got, err := io.ReadFull(s.r, grown[have:])
	s.buf = grown[:have+got]
	if err != nil {
		s.eof = true
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			s.err = err
		}
	}
}

// begin decides how records are told apart, from the first chunk.
func (s *Splitter) begin() {
	s.begun = true
	s.buf = bytes.TrimPrefix(s.buf, bom)
	if s.text {
		s.lines = true
		return
	}
	text := bytes.TrimLeft(s.buf, " \t\r\n")
	if s.wrapper != "" && len(text) > 0 && text[0] == '{' && bytes.Contains(text[:min(len(text), wrapperHead)], []byte(`"`+s.wrapper+`"`)) {
		s.indent = -1 // values, the first of which is a wrapper
		s.buf = text
		return
	}
	if len(text) > 0 && text[0] == '[' && (!laterObject(text) || jsonArray(text) && !wholeLine(text)) {
		s.inArray, s.indent = true, -1
		s.buf = text[1:]
		return
	}
	s.lines = objectLines(text) && !joinedLines(text)
}

// wholeLine reports whether text begins with a value that ends on its line.
func wholeLine(text []byte) bool {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	_, state := value(line, nil)
	return state == isWhole
}

// objectLines reports whether any of the first lines is an object that closes
// on the same line.
func objectLines(text []byte) bool {
	n := 0
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if line[0] == '{' && wholeLine(line) {
			return true
		}
		if n++; n == 20 {
			return false
		}
	}
	return false
}

func (s *Splitter) cutLines(c *Chunk) (used int) {
	if s.text {
		return s.cutText(c)
	}
	for used < len(s.buf) {
		end := bytes.IndexByte(s.buf[used:], '\n')
		next := used + end + 1
		if end < 0 {
			if !s.eof {
				return used
			}
			end, next = len(s.buf)-used, len(s.buf)
		}
		c.add(used, used+end)
		used = next
	}
	return used
}

func blank(b byte) bool { return b == ' ' || b == '\t' || b == '\n' || b == '\r' }

// overlong passes over a record that is too long to keep.
func (s *Splitter) overlong() (Chunk, error) {
	size := int64(len(s.buf))
	for {
		if i := bytes.IndexByte(s.buf, '\n'); i >= 0 && size > int64(len(s.buf)) {
			size += int64(i) - int64(len(s.buf))
			s.buf = s.buf[i+1:]
			break
		}
		if s.eof {
			s.buf = nil
			break
		}
		s.buf = s.buf[:0]
		s.fill(s.size)
		size += int64(len(s.buf))
	}
	return Chunk{Records: []Record{{Problem: "the record is longer than 64 MiB", Size: size}}}, nil
}

package format

import (
	"bytes"
	"errors"
	"io"
)

// MaxRecord is the longest record that is taken in, in bytes. A longer one
// goes to quarantine by its length alone.
const MaxRecord = 64 << 20

// Record is one record's bytes within its chunk.
type Record struct {
	Start, End int
	// Problem is set when these bytes are known not to be a whole record.
	Problem string
	// Size is the length of a record too long to keep; Start equals End then.
	Size int64
}

// Chunk is a run of records. Buf must not be changed while others read it.
type Chunk struct {
	Buf     []byte
	Records []Record
}

// Bytes is one record of the chunk.
func (c Chunk) Bytes(r Record) []byte { return c.Buf[r.Start:r.End] }

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
	size    int // of a chunk
}

// NewSplitter cuts what r yields into chunks of about size bytes.
func NewSplitter(r io.Reader, size int) *Splitter { return &Splitter{r: r, size: size} }

// Next gives the next chunk, and io.EOF after the last. A read error comes
// after the records before it.
func (s *Splitter) Next() (Chunk, error) {
	s.fill(s.size)
	if !s.begun {
		s.begin()
	}
	for {
		c := Chunk{Buf: s.buf}
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
		s.fill(max(s.size, 2*len(s.buf)))
	}
}

// fill reads until the buffer holds n bytes or the input ends.
func (s *Splitter) fill(n int) {
	if s.eof || len(s.buf) >= n {
		return
	}
	grown := make([]byte, n)
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
	text := bytes.TrimLeft(s.buf, " \t\r\n")
	if len(text) > 0 && text[0] == '[' && !laterObject(text) {
		s.inArray = true
		s.buf = text[1:]
		return
	}
	s.lines = objectLines(text)
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
		if end, whole := value(line); line[0] == '{' && whole && end > 0 {
			return true
		}
		if n++; n == 20 {
			return false
		}
	}
	return false
}

func (s *Splitter) cutLines(c *Chunk) (used int) {
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

// add takes a record in, without the space around it.
func (c *Chunk) add(start, end int) {
	for start < end && blank(c.Buf[start]) {
		start++
	}
	for end > start && blank(c.Buf[end-1]) {
		end--
	}
	if end > start {
		c.Records = append(c.Records, Record{Start: start, End: end})
	}
}

func blank(b byte) bool { return b == ' ' || b == '\t' || b == '\n' || b == '\r' }

// cutValues takes whole values; commas between the elements of an array and
// its brackets are passed over.
func (s *Splitter) cutValues(c *Chunk) (used int) {
	for used < len(s.buf) {
		b := s.buf[used]
		switch {
		case blank(b):
			used++
			continue
		case s.inArray && b == ',':
			used++
			continue
		case s.inArray && b == ']':
			s.inArray = false
			used++
			continue
		case !s.inArray && b == '[':
			s.inArray = true
			used++
			continue
		}
		end, whole := value(s.buf[used:])
		if !whole && !s.eof {
			return used
		}
		if !whole {
			c.Records = append(c.Records, Record{Start: used, End: len(s.buf), Problem: "the record ends early"})
			return len(s.buf)
		}
		c.add(used, used+end)
		used += max(end, 1)
	}
	return used
}

// value finds the end of the JSON value that b begins with, by brackets and
// quotes alone. whole is false when b ends first.
func value(b []byte) (end int, whole bool) {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			n := stringEnd(b[i:])
			if n < 0 {
				return len(b), false
			}
			i += n
			if depth == 0 {
				return i + 1, true
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth == 0 {
				return i + 1, true
			}
			if depth < 0 {
				return max(i, 1), true
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return max(i, 1), true
			}
		}
	}
	return len(b), depth == 0
}

// stringEnd is the offset of the quote that closes the string b begins with.
func stringEnd(b []byte) int {
	for i := 1; i < len(b); i++ {
		n := bytes.IndexAny(b[i:], `"\`)
		if n < 0 {
			return -1
		}
		i += n
		if b[i] == '"' {
			return i
		}
		i++
	}
	return -1
}

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

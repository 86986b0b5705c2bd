package format

import (
	"bytes"
	"errors"
	"io"
	"sync"
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
	// Dropped is set for bytes that the format leaves out on purpose; they
	// count as read.
	Dropped bool
}

// Chunk is a run of records. Buf must not be changed while others read it.
type Chunk struct {
	Buf     []byte
	Records []Record
	// Heads are what stood before records with a Problem and says what their
	// fields are, by their place in Records.
	Heads map[int]string
}

// One is a chunk of a single record, whatever is in it.
func One(record []byte) Chunk {
	return Chunk{Buf: record, Records: []Record{{End: len(record)}}}
}

// Recycle lets later chunks have the memory of this one. Nobody may hold on to
// any of its records then.
func (c Chunk) Recycle() {
	if cap(c.Buf) <= maxRecycled {
		buf, records := c.Buf[:0], c.Records[:0]
		buffers.Put(&buf)
		recordLists.Put(&records)
	}
}

// What chunks are made of is used again: a stream of them would keep the
// garbage collector busy. A chunk with a long record is not worth keeping.
const maxRecycled = 4 << 20

var (
	buffers     = sync.Pool{New: func() any { return new([]byte) }}
	recordLists = sync.Pool{New: func() any { return new([]Record) }}
)

// buffer gives n bytes that hold anything.
func buffer(n int) []byte {
	if b := *buffers.Get().(*[]byte); cap(b) >= n {
		return b[:n]
	}
	return make([]byte, n)
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
		if s.wrapper != "" {
			switch skip, state := s.atWrapper(s.buf[used:], len(c.Records) > 0); state {
			case wrapperPassed:
				used += skip
				continue
			case wrapperOpen:
				return used
			}
		}
		if s.between(s.buf[used]) {
			used++
			continue
		}
		if s.stack == nil {
			s.stack = make([]byte, 0, 64)
		}
		end, state := value(s.buf[used:], s.stack)
		problem := ""
		if state != isWhole {
			if end, problem = s.resync(s.buf[used:], end, state); end < 0 {
				return used
			}
		}
		if problem != "" {
			c.addProblem(used, used+end, problem)
		} else {
			c.add(used, used+end)
		}
		used += end
		s.indent = -1
	}
	return used
}

// between passes over what separates values, and keeps count of the blanks
// that a line begins with.
func (s *Splitter) between(b byte) bool {
	switch {
	case b == '\n':
		s.indent = 0
	case blank(b):
		if s.indent >= 0 {
			s.indent++
		}
	case s.inArray && b == ',':
		s.indent = -1
	case s.inArray && b == ']', !s.inArray && b == '[':
		s.inArray, s.indent = !s.inArray, -1
	default:
		return false
	}
	return true
}

const endsEarly = "the record ends early"

// resync finds the end of a value that is not whole, so that it takes no more
// with it than it must. Where values begin on lines of their own, the next
// line that is indented like this one and opens an object begins another one.
// Else the value ends where its own brackets close. end is -1 when that takes
// more bytes.
func (s *Splitter) resync(b []byte, end int, state wholeness) (int, string) {
	if state == isOpen && !s.eof {
		return -1, ""
	}
	next := -1
	if s.indent >= 0 && b[0] == '{' {
		next = lineLike(b, s.indent)
	}
	switch {
	case end > 0 && (next < 0 || end <= next) && separated(b[end:]):
		return end, "" // the conformer will say what is wrong with it
	case next > 0:
		return next, endsEarly
	case !s.eof && (end < 0 || s.indent >= 0):
		return -1, ""
	case end > 0:
		return end, ""
	}
	if b[0] != '{' && b[0] != '[' && b[0] != '"' {
		return len(b), ""
	}
	return len(b), endsEarly
}

// separated reports whether b begins with what may follow a value.
func separated(b []byte) bool {
	b = bytes.TrimLeft(b, " \t\r")
	return len(b) == 0 || b[0] == ',' || b[0] == ']' || b[0] == '\n'
}

// lineLike is the start of the next line that has an indent and opens an
// object.
func lineLike(b []byte, indent int) int {
	for at := 0; ; {
		n := bytes.IndexByte(b[at:], '\n')
		if n < 0 {
			return -1
		}
		at += n + 1
		line := b[at:]
		text := bytes.TrimLeft(line, " \t")
		if len(line)-len(text) == indent && len(text) > 0 && text[0] == '{' {
			return at
		}
	}
}

// addProblem takes a part in that is no whole record.
func (c *Chunk) addProblem(start, end int, problem string) {
	n := len(c.Records)
	if c.add(start, end); len(c.Records) > n {
		c.Records[n].Problem = problem
	}
}

// wholeness says how the value that bytes begin with ends in them.
type wholeness uint8

const (
	isWhole  wholeness = iota
	isOpen             // the bytes end first
	isBroken           // its brackets or quotes do not match
)

// value finds the end of the JSON value that b begins with, by brackets and
// quotes alone. Where they do not match the end is where the value would close
// if what is missing were there, or -1. The stack is room for brackets.
func value(b, stack []byte) (end int, state wholeness) {
	stack, last := stack[:0], byte(0)
	for i := 0; i < len(b); i++ {
		switch ch := b[i]; ch {
		case '"':
			n := stringEnd(b[i:])
			if line := bytes.IndexByte(b[i:i+max(n, 0)], '\n'); line >= 0 || n < 0 && bytes.IndexByte(b[i:], '\n') >= 0 {
				state, n = isBroken, bytes.IndexByte(b[i:], '\n') // a string ends on its line
			} else if n < 0 {
				return -1, max(state, isOpen)
			}
			i += n
			if len(stack) == 0 {
				return i + 1, state
			}
		case '{', '[':
			if len(stack) > 0 && last != ':' && (stack[len(stack)-1] == '{' || last != ',' && last != '[') {
				state = isBroken
			}
			stack = append(stack, ch)
		case '}', ']':
			if len(stack) == 0 {
				return max(i, 1), state
			}
			if ch-2 != stack[len(stack)-1] { // '{' is '}'-2, and '[' is ']'-2
				state = isBroken
			}
			if at := bytes.LastIndexByte(stack, ch-2); at >= 0 {
				stack = stack[:at]
			}
			if len(stack) == 0 {
				return i + 1, state
			}
		case ',', ' ', '\t', '\r', '\n':
			if len(stack) == 0 {
				return max(i, 1), state
			}
			if ch != ',' {
				continue
			}
		}
		last = b[i]
	}
	return -1, max(state, isOpen)
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

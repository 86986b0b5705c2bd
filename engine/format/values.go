package format

import "bytes"

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

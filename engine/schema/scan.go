package schema

import (
	"encoding/binary"
	"math/bits"
)

// maxDepth is how deep a record may nest. Past it the record is set aside:
// what walks it later (DuckDB, a browser) recurses.
const maxDepth = 256

// fault says why bytes are not one JSON object, and where.
type fault struct {
	reason string
	offset int
	// more is set when one whole object was read and something follows it.
	more bool
}

// scanner walks the bytes of one JSON text (RFC 8259). It never allocates;
// a failure leaves the first fault behind and every further call fails too.
type scanner struct {
	b   []byte
	pos int
	bad fault
	// escaped: the last string read holds an escape.
	escaped bool
}

func (s *scanner) fail(reason string) bool {
	if s.bad.reason == "" {
		s.bad = fault{reason: reason, offset: s.pos}
	}
	return false
}

func (s *scanner) space() {
	if s.pos < len(s.b) && s.b[s.pos] > ' ' {
		return
	}
	s.spaces()
}

func (s *scanner) spaces() {
	for s.pos < len(s.b) {
		switch s.b[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek is the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.b) {
		return s.b[s.pos]
	}
	return 0
}

func (s *scanner) expect(c byte) bool {
	if s.pos < len(s.b) && s.b[s.pos] == c {
		s.pos++
		return true
	}
	if s.pos >= len(s.b) {
		return s.fail("the record ends early")
	}
	return s.fail("expected " + string(rune(c)))
}

// literal goes past a text if it comes next.
func (s *scanner) literal(text string) bool {
	if end := s.pos + len(text); end <= len(s.b) && string(s.b[s.pos:end]) == text {
		s.pos = end
		return true
	}
	return false
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// str reads a string token, quotes included, and tells whether it holds an
// escape. Eight bytes are tested at a time for a quote, a backslash or a
// control character (Mycroft's zero-in-word test).
func (s *scanner) str() (start, end int, escaped, ok bool) {
	start = s.pos
	if !s.expect('"') {
		return start, s.pos, false, false
	}
	for {
		for s.pos+8 <= len(s.b) {
			w := binary.LittleEndian.Uint64(s.b[s.pos:])
			quote, slash := w^(ones*'"'), w^(ones*'\\')
			hit := ((quote - ones) & ^quote) | ((slash - ones) & ^slash) | ((w - ones*0x20) & ^w)
			if hit &= highs; hit != 0 {
				s.pos += bits.TrailingZeros64(hit) / 8
				break
			}
			s.pos += 8
		}
		if s.pos >= len(s.b) {
			return start, s.pos, escaped, s.fail("a string is not closed")
		}
		switch c := s.b[s.pos]; {
		case c == '"':
			s.pos++
			return start, s.pos, escaped, true
		case c == '\\':
			escaped = true
			if !s.escape() {
				return start, s.pos, true, false
			}
		case c < 0x20:
			return start, s.pos, escaped, s.fail("a string holds a raw control character")
		default:
			s.pos++
		}
	}
}

func (s *scanner) escape() bool {
	s.pos++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return true
	case 'u':
		u, ok := s.hex4(s.pos + 1)
		if !ok {
			return s.fail("a \\u escape needs four hexadecimal digits")
		}
		s.pos += 5
		switch {
		case u >= 0xDC00 && u <= 0xDFFF:
			return s.fail("a \\u escape is half of a surrogate pair")
		case u >= 0xD800 && u <= 0xDBFF:
			if s.pos+1 < len(s.b) && s.b[s.pos] == '\\' && s.b[s.pos+1] == 'u' {
				if low, ok := s.hex4(s.pos + 2); ok && low >= 0xDC00 && low <= 0xDFFF {
					s.pos += 6
					return true
				}
			}
			return s.fail("a \\u escape is half of a surrogate pair")
		}
		return true
	}
	return s.fail("unknown escape in a string")
}

func (s *scanner) hex4(at int) (v uint32, ok bool) {
	if at+4 > len(s.b) {
		return 0, false
	}
	for _, c := range s.b[at : at+4] {
		switch {
		case '0' <= c && c <= '9':
			v = v<<4 | uint32(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			v = v<<4 | uint32(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}

// number reads a number token; integer is false when it has a fraction or an
// exponent.
func (s *scanner) number() (integer, ok bool) {
	if s.peek() == '-' {
		s.pos++
	}
	switch c := s.peek(); {
	case c == '0':
		s.pos++
	case '1' <= c && c <= '9':
		s.digits()
	default:
		return false, s.fail("a number has no digits")
	}
	integer = true
	if s.peek() == '.' {
		s.pos++
		integer = false
		if s.digits() == 0 {
			return false, s.fail("a number has no digits after its point")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		integer = false
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if s.digits() == 0 {
			return false, s.fail("a number has no digits in its exponent")
		}
	}
	return integer, true
}

func (s *scanner) digits() (n int) {
	for s.pos < len(s.b) && '0' <= s.b[s.pos] && s.b[s.pos] <= '9' {
		s.pos++
		n++
	}
	return n
}

func (s *scanner) word(w string) bool {
	if s.pos+len(w) <= len(s.b) && string(s.b[s.pos:s.pos+len(w)]) == w {
		s.pos += len(w)
		return true
	}
	return s.fail("not a JSON value")
}

// skip reads one whole value, checks it and gives its shape.
func (s *scanner) skip(depth int) (shape, bool) {
	if depth > maxDepth {
		return isNull, s.fail("the record is nested too deeply")
	}
	switch c := s.peek(); c {
	case '"':
		var ok bool
		_, _, s.escaped, ok = s.str()
		return isText, ok
	case '{':
		s.pos++
		s.space()
		if s.peek() == '}' {
			s.pos++
			return isEmptyObject, true
		}
		for {
			if _, _, _, ok := s.str(); !ok {
				return isObject, false
			}
			s.space()
			if !s.expect(':') {
				return isObject, false
			}
			s.space()
			if _, ok := s.skip(depth + 1); !ok {
				return isObject, false
			}
			if done, ok := s.next('}'); !ok || done {
				return isObject, ok
			}
		}
	case '[':
		s.pos++
		s.space()
		if s.peek() == ']' {
			s.pos++
			return isEmptyList, true
		}
		for {
			if _, ok := s.skip(depth + 1); !ok {
				return isList, false
			}
			if done, ok := s.next(']'); !ok || done {
				return isList, ok
			}
		}
	case 't':
		return isBool, s.word("true")
	case 'f':
		return isBool, s.word("false")
	case 'n':
		return isNull, s.word("null")
	default:
		switch {
		case s.pos >= len(s.b):
			return isNull, s.fail("the record ends early")
		case c != '-' && (c < '0' || c > '9'):
			return isNull, s.fail("not a JSON value")
		}
	}
	integer, ok := s.number()
	if integer {
		return isInt, ok
	}
	return isFloat, ok
}

// next reads what follows a member or an element: a comma, or the end.
func (s *scanner) next(closer byte) (done, ok bool) {
	s.space()
	switch s.peek() {
	case ',':
		s.pos++
		s.space()
		return false, true
	case closer:
		s.pos++
		return true, true
	}
	if s.pos >= len(s.b) {
		return false, s.fail("the record ends early")
	}
	return false, s.fail("expected , or " + string(rune(closer)))
}

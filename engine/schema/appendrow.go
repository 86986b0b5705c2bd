package schema

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// Append writes the last line as one row for the loader, newline included.
func (c *Conformer) Append(dst []byte, object int, row, seq int64) []byte {
	return c.AppendValues(AppendPosition(dst, object, row, seq))
}

// AppendPosition begins a row for the loader; AppendValues of its line must
// follow.
func AppendPosition(dst []byte, object int, row, seq int64) []byte {
	dst = append(dst, `{"_o":`...)
	dst = strconv.AppendInt(dst, int64(object), 10)
	dst = append(dst, `,"_r":`...)
	dst = strconv.AppendInt(dst, row, 10)
	dst = append(dst, `,"_seq":`...)
	return strconv.AppendInt(dst, seq, 10)
}

// AppendArrival begins the row of a live record: when it arrived, in
// microseconds since 1970, and its position.
func AppendArrival(dst []byte, origin int, at, seq int64, position []byte) []byte {
	dst = append(dst, `{"_o":`...)
	dst = strconv.AppendInt(dst, int64(origin), 10)
	dst = append(dst, `,"_r":`...)
	dst = strconv.AppendInt(dst, at, 10)
	dst = append(dst, `,"_seq":`...)
	dst = strconv.AppendInt(dst, seq, 10)
	return AppendQuoted(append(dst, `,"_p":`...), position)
}

// AppendValues writes the last line to the end of its row, newline included.
// The text depends on nothing but the line and the conformer's version.
func (c *Conformer) AppendValues(dst []byte) []byte {
	if t := c.slots[timeSlot]; t.set {
		dst = append(dst, `,"_t":`...)
		dst = strconv.AppendInt(dst, t.at.micros, 10)
	}
	for i, column := range envelopeColumns {
		if c.slots[i].set {
			dst = append(append(append(dst, `,"`...), column...), `":`...)
			dst = c.appendSlot(dst, c.slots[i])
		}
	}
	dst = c.appendLabels(dst)
	dst = append(dst, `,"body":`...)
	dst = c.appendBody(dst)
	if len(c.asides) > 0 || c.raw != nil {
		dst = append(dst, `,"rest":`...)
		dst = AppendQuoted(dst, c.rest())
	}
	return append(dst, '}', '\n')
}

// appendSlot writes a mapped value as text.
func (c *Conformer) appendSlot(dst []byte, s slot) []byte {
	token := c.s.b[s.start:s.end]
	if s.kind == isText {
		return append(dst, token...)
	}
	return append(append(append(dst, '"'), token...), '"')
}

func (c *Conformer) appendLabels(dst []byte) []byte {
	first := true
	for i, p := range c.labels {
		s := c.slots[firstLabel+i]
		if !s.set {
			continue
		}
		if first {
			dst = append(dst, `,"labels":{`...)
		} else {
			dst = append(dst, ',')
		}
		first = false
		dst = append(AppendQuoted(dst, []byte(p.String())), ':')
		dst = c.appendSlot(dst, s)
	}
	if !first {
		dst = append(dst, '}')
	}
	return dst
}

// appendBody copies the line with its edits. Members without a value are left
// out: the loader is the faster for it. Line breaks between tokens become
// spaces, for it reads one row a line.
func (c *Conformer) appendBody(dst []byte) []byte {
	mark, at := len(dst), 0
	for _, e := range c.edits {
		if e.text == nil && e.start > 0 { // else it is all of the text, which is a value then
			dst = append(dst, c.s.b[at:memberStart(c.s.b, e.start)]...)
			dst, at = dropMember(dst, c.s.b, e.end)
			continue
		}
		dst = append(dst, c.s.b[at:e.start]...)
		if e.text == nil {
			dst = append(dst, "null"...)
		} else {
			dst = append(dst, e.text...)
		}
		at = e.end
	}
	dst = append(dst, bytes.TrimRight(c.s.b[at:], " \t\r\n")...)
	for i := mark; i < len(dst); i++ {
		n := bytes.IndexByte(dst[i:], '\n')
		if n < 0 {
			break
		}
		i += n
		dst[i] = ' '
	}
	return dst
}

// memberStart finds the name of the member whose value begins at value.
func memberStart(line []byte, value int) int {
	at := bytes.LastIndexByte(line[:value], '"')
	for at = bytes.LastIndexByte(line[:at], '"'); line[at-1] == '\\'; {
		at = bytes.LastIndexByte(line[:at], '"')
	}
	return at
}

// dropMember takes away the comma that a left out member, whose value ends at
// end, leaves over, and says where the copy goes on.
func dropMember(dst, line []byte, end int) (copied []byte, next int) {
	after := scanner{b: line, pos: end}
	after.space()
	if after.peek() == ',' {
		return dst, after.pos + 1
	}
	return bytes.TrimSuffix(bytes.TrimRight(dst, " \t\r\n"), []byte{','}), end
}

// rest is one flat object: full path to raw value. Where a record repeated a
// key, _raw keeps its whole text; a member of that name is then found there.
func (c *Conformer) rest() []byte {
	out := []byte{'{'}
	for _, a := range c.asides {
		if c.raw != nil && a.path == "_raw" {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(AppendQuoted(out, []byte(a.path)), ':')
		out = append(out, c.s.b[a.start:a.end]...)
	}
	if c.raw != nil {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = AppendQuoted(append(out, `"_raw":`...), c.raw)
	}
	return append(out, '}')
}

func firstInvalid(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(b)
}

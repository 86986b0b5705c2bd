package format

import "bytes"

// maxJoined bounds a record of several lines, in bytes: what goes on for
// longer is no stack trace.
const maxJoined = 1 << 20

// cutText cuts lines of text. Where starts tells how a record begins, the
// lines up to the next beginning belong to it.
func (s *Splitter) cutText(c *Chunk) (used int) {
	open := -1 // where the record that may go on begins
	for at := 0; at < len(s.buf); {
		end, next := s.lineEnd(at)
		if end < 0 {
			if open >= 0 {
				return open
			}
			return at
		}
		line := s.buf[at:end]
		switch {
		case s.starts == nil:
			c.addLine(at, end)
			used = next
		case open < 0 || s.starts(line) || end-open > maxJoined:
			if open >= 0 {
				c.addLine(open, at)
			}
			open, used = at, at
		}
		at = next
	}
	if open < 0 {
		return used
	}
	if !s.eof {
		return open
	}
	c.addLine(open, len(s.buf))
	return len(s.buf)
}

// lineEnd is where the line that begins at a place ends, and the next begins;
// -1 when more bytes are needed to tell.
func (s *Splitter) lineEnd(at int) (end, next int) {
	if n := bytes.IndexByte(s.buf[at:], '\n'); n >= 0 {
		return at + n, at + n + 1
	}
	if s.eof {
		return len(s.buf), len(s.buf)
	}
	return -1, -1
}

// addLine takes a line in without what ends it; one of nothing but blanks is
// no record.
func (c *Chunk) addLine(start, end int) {
	for end > start && (c.Buf[end-1] == '\n' || c.Buf[end-1] == '\r') {
		end--
	}
	if len(bytes.TrimSpace(c.Buf[start:end])) > 0 {
		c.Records = append(c.Records, Record{Start: start, End: end})
	}
}

// joinedLines reports whether the first line has a second object behind the
// first, as Firehose writes them.
func joinedLines(text []byte) bool {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	if len(line) == 0 || line[0] != '{' {
		return false
	}
	end, state := value(line, nil)
	if state != isWhole || end <= 0 {
		return false
	}
	next := skipBlanks(line[end:])
	return len(next) > 0 && next[0] == '{'
}

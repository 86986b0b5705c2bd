package format

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tidemark.dev/tidemark/engine"
)

// event is a record being written: a JSON object with what fills the envelope
// first, then the record's own members.
type event struct {
	b     []byte
	start int
	quiet bool // without messages that repeat what the record says
}

// begin opens an object at the end of dst.
func begin(dst []byte) *event { return &event{b: append(dst, '{'), start: len(dst) + 1} }

// end closes the object and gives everything written.
func (e *event) end() []byte { return append(e.b, '}') }

func (e *event) name(name string) {
	if len(e.b) > e.start {
		e.b = append(e.b, ',')
	}
	e.b = append(appendQuoted(e.b, name), ':')
}

// raw writes a JSON value as it stands.
func (e *event) raw(name string, value []byte) {
	if len(value) > 0 {
		e.name(name)
		e.b = append(e.b, value...)
	}
}

// text writes a text, unless it is empty.
func (e *event) text(name, value string) {
	if value != "" {
		e.name(name)
		e.b = appendQuoted(e.b, value)
	}
}

// number writes a number as one; what is none stays the text it is.
func (e *event) number(name, value string) {
	if value != "" && isNumber(value) {
		e.name(name)
		e.b = append(e.b, value...)
		return
	}
	e.text(name, value)
}

// The members that fill the envelope.

var (
	derivedTime    = engine.Derived("event_time")
	derivedService = engine.Derived("service")
	derivedLevel   = engine.Derived("level")
	derivedMessage = engine.Derived("message")
	derivedTrace   = engine.Derived("trace_id")
	derivedSpan    = engine.Derived("span_id")
)

// at writes the event's time; the zero time is none.
func (e *event) at(t time.Time) {
	if t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return
	}
	e.name(derivedTime)
	e.b = append(e.b, '"')
	e.b = t.UTC().AppendFormat(e.b, "2006-01-02T15:04:05.000000Z")
	e.b = append(e.b, '"')
}

// head writes the three columns that nearly every format has; empty ones are
// left out.
func (e *event) head(t time.Time, service, level, message string) {
	e.at(t)
	e.text(derivedService, service)
	e.text(derivedLevel, level)
	if !e.quiet {
		e.text(derivedMessage, message)
	}
}

// rest writes the members of an object behind what is there already, as they
// stand.
func (e *event) rest(object []byte) []byte {
	inner := skipBlanks(object)
	inner = skipBlanks(inner[min(1, len(inner)):])
	if len(inner) == 0 || inner[0] == '}' {
		return e.end()
	}
	if len(e.b) > e.start {
		e.b = append(e.b, ',')
	}
	return append(e.b, inner...) // its own closing bracket is ours
}

// without writes the members of an object but for those whose text the
// envelope has as it is: told is what was written, by name.
func (e *event) without(object []byte, told ...pair) []byte {
	for m := range members(object) {
		if !slices.ContainsFunc(told, func(p pair) bool { return p.name == m.name && p.said(m.value) }) {
			e.raw(m.name, m.value)
		}
	}
	return e.end()
}

// eventTime is the value of a pair that stands for the event's time.
const eventTime = "\x00time"

// said reports whether the envelope gives a value back exactly. A time it does
// when it was text in UTC to the microsecond at most, or a whole epoch.
func (p pair) said(value []byte) bool {
	text := textOf(value)
	switch {
	case p.value != eventTime:
		return text != "" && text == p.value
	case text == "":
		return isPlainNumber(value) && !bytes.Contains(value, []byte(".")) && !anyEpoch(string(value)).IsZero()
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	return err == nil && strings.HasSuffix(text, "Z") && t.Nanosecond()%1000 == 0
}

// isNumber reports whether s is a number as JSON writes them.
func isNumber(s string) bool {
	if s == "" {
		return false
	}
	if s[0] == '-' {
		s = s[1:]
	}
	if s == "" || s[0] < '0' || s[0] > '9' || len(s) > 1 && s[0] == '0' && s[1] >= '0' && s[1] <= '9' {
		return false
	}
	dot := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '.' && !dot && i+1 < len(s):
			dot = true
		case s[i] < '0' || s[i] > '9':
			return false
		}
	}
	return true
}

// appendQuoted writes text as a JSON string.
func appendQuoted(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		}
		i++
	}
	return append(dst, '"')
}

// levels maps the words for a severity to the six that Tidemark's own formats
// use.
var levels = map[string]string{
	"trace": "TRACE", "verbose": "TRACE", "finest": "TRACE",
	"debug": "DEBUG", "fine": "DEBUG", "d": "DEBUG",
	"info": "INFO", "information": "INFO", "informational": "INFO", "notice": "INFO", "i": "INFO", "log": "INFO",
	"warn": "WARN", "warning": "WARN", "w": "WARN",
	"error": "ERROR", "err": "ERROR", "e": "ERROR", "severe": "ERROR",
	"fatal": "FATAL", "critical": "FATAL", "crit": "FATAL", "panic": "FATAL", "dpanic": "FATAL", "alert": "FATAL", "emerg": "FATAL", "emergency": "FATAL", "f": "FATAL",
}

// levelOf gives the usual word for a severity; one that is not known stays as
// it is.
func levelOf(word string) string {
	if len(word) <= 16 {
		lower := make([]byte, len(word))
		for i := 0; i < len(word); i++ {
			lower[i] = word[i]
			if 'A' <= word[i] && word[i] <= 'Z' {
				lower[i] |= 0x20
			}
		}
		if known, ok := levels[string(lower)]; ok {
			return known
		}
	}
	return word
}

// statusLevel is the severity of an HTTP status: 5xx ERROR, 4xx WARN.
func statusLevel(status string) string {
	if len(status) == 3 && status[0] == '5' || status == "000" {
		return "ERROR"
	}
	if len(status) == 3 && status[0] == '4' {
		return "WARN"
	}
	return "INFO"
}

// atoi reads a decimal integer, or reports false.
func atoi(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

package format

import (
	"strconv"
	"strings"
	"time"
)

// syslog5424 is syslog as RFC 5424 has it.
var syslog5424 = &Kind{
	Name: "syslog-5424", Title: "syslog (RFC 5424)",
	Envelope: Origins{
		Time: "TIMESTAMP", Service: "APP-NAME", Level: "the severity in PRI", Message: "MSG",
	},
	line: func(line []byte) bool { return head5424().Match(line) },
	sure: 0.98, says: "lines that begin with <PRI>1 and a time",
	decoder: func(Hint) decodeFunc { return decode5424 },
}

var head5424 = pattern(`^(?:\d+ )?<(\d{1,3})>1 (\S+) (\S+) (\S+) (\S+) (\S+) ?`)

func decode5424(raw []byte, out *sink) {
	m := head5424().FindStringSubmatch(string(raw))
	if m == nil {
		out.problem(raw, "the line does not have the head of RFC 5424")
		return
	}
	rest := string(raw[len(m[0]):])
	data, message, ok := structuredData(rest)
	if !ok {
		out.problem(raw, "its structured data is not closed")
		return
	}
	facility, level := priority(m[1])
	t := rfc3339(m[2])
	e := out.begin()
	e.head(t, dash(m[4]), level, strings.TrimPrefix(message, "\ufeff"))
	e.exactTime("time", dash(m[2]), !t.IsZero() && strings.HasSuffix(m[2], "Z"))
	e.number("facility", facility)
	e.text("hostname", dash(m[3]))
	e.text("procid", dash(m[5]))
	e.text("msgid", dash(m[6]))
	if len(data) > 0 {
		e.name("structured_data")
		e.b = append(e.b, data...)
	}
	out.add(e)
}

// structuredData reads [id name="value" …]… and gives it as a JSON object of
// objects, and the message behind it.
func structuredData(s string) (object []byte, message string, ok bool) {
	if tail, none := strings.CutPrefix(s, "-"); none {
		return nil, strings.TrimPrefix(tail, " "), true
	}
	e := begin(nil)
	for strings.HasPrefix(s, "[") {
		end := strings.IndexAny(s, " ]")
		if end < 0 {
			return nil, "", false
		}
		e.name(s[1:end])
		inner := begin(e.b)
		s = s[end:]
		for strings.HasPrefix(s, " ") {
			name, tail, found := strings.Cut(s[1:], `="`)
			if !found {
				return nil, "", false
			}
			value, tail, closed := sdValue(tail)
			if !closed {
				return nil, "", false
			}
			inner.name(name)
			inner.b = appendQuoted(inner.b, value)
			s = tail
		}
		if !strings.HasPrefix(s, "]") {
			return nil, "", false
		}
		e.b = inner.end()
		s = s[1:]
	}
	if len(e.b) == e.start {
		return nil, s, true
	}
	return e.end(), strings.TrimPrefix(s, " "), true
}

// sdValue reads a value up to its quote; \" \\ and \] are escapes.
func sdValue(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\' || s[i+1] == ']'):
			i++
			b.WriteByte(s[i])
		case s[i] == '"':
			return b.String(), s[i+1:], true
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", false
}

// priority splits PRI into its facility and the word for its severity.
func priority(pri string) (facility, level string) {
	n, err := strconv.Atoi(pri)
	if err != nil || n > 191 {
		return pri, ""
	}
	return strconv.Itoa(n / 8), [...]string{"FATAL", "FATAL", "FATAL", "ERROR", "WARN", "INFO", "INFO", "DEBUG"}[n%8]
}

// syslog3164 is syslog as it was before: RFC 3164 wrote down what was seen.
// Each line is a record of its own, for nothing says that one goes on.
var syslog3164 = &Kind{
	Name: "syslog-3164", Title: "syslog (RFC 3164)",
	Envelope: Origins{
		Time: "the time, in UTC; the year is the latest that is not after the object's", Service: "the tag", Level: "the severity in <PRI>, which files mostly lack", Message: "what follows the tag",
	},
	line: func(line []byte) bool { return head3164().Match(line) },
	sure: 0.9, says: "lines of a month, a day, a time and a host",
	decoder: func(h Hint) decodeFunc {
		return func(raw []byte, out *sink) { decode3164(raw, out, h.Modified) }
	},
}

var (
	head3164 = pattern(`^(?:<(\d{1,3})>)?((?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) (\S+) `)
	tag3164  = pattern(`^([^\s:\[\]]+)(?:\[([^\]]*)\])?: ?`)
)

func decode3164(raw []byte, out *sink, seen time.Time) {
	m := head3164().FindStringSubmatch(string(raw))
	if m == nil {
		out.problem(raw, "the line does not begin like one of syslog")
		return
	}
	t, exact := time3164(m[2], seen)
	facility, level := "", ""
	if m[1] != "" {
		facility, level = priority(m[1])
	}
	message := string(raw[len(m[0]):])
	var service, pid string
	if tag := tag3164().FindStringSubmatch(message); tag != nil {
		service, pid, message = tag[1], tag[2], message[len(tag[0]):]
	}
	e := out.begin()
	e.head(t, service, level, message)
	e.exactTime("time", m[2], exact)
	e.number("facility", facility)
	e.text("hostname", m[3])
	e.text("procid", pid)
	out.add(e)
}

// time3164 reads the time of a line; exact says that nothing was assumed.
func time3164(s string, seen time.Time) (t time.Time, exact bool) {
	if s[0] >= '0' && s[0] <= '9' {
		return rfc3339(s), strings.HasSuffix(s, "Z")
	}
	t, err := time.Parse(time.Stamp, s)
	if err != nil {
		return time.Time{}, false
	}
	return withYear(t, seen), false
}

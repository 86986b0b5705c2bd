package format

import (
	"slices"
	"strings"
)

// logfmt is key=value pairs on a line.
var logfmt = &Kind{
	Name: "logfmt", Title: "logfmt",
	Envelope: Origins{
		Time: "time, ts, timestamp, t or @timestamp", Service: "service, service.name, svc, app, else logger or component, else the object's name up to its first dot",
		Level: "level, lvl or severity", Message: "msg or message", Trace: "trace_id or traceId", Span: "span_id or spanId",
	},
	line: func(line []byte) bool {
		pairs, ok := logfmtPairs(string(line))
		keyed := 0
		for _, p := range pairs {
			if p.given {
				keyed++
			}
		}
		return ok && keyed >= 2 && 2*keyed > len(pairs)
	},
	sure: 0.85, says: "lines of key=value pairs",
	decoder: func(h Hint) decodeFunc {
		name := objectName(h.Key)
		return func(raw []byte, out *sink) { decodeLogfmt(raw, out, name) }
	},
}

// logPair is one key of a line; given is false for a key without a value.
type logPair struct {
	key, value    string
	quoted, given bool
}

// logfmtPairs reads a line; ok is false where it is no logfmt.
func logfmtPairs(line string) (pairs []logPair, ok bool) {
	for {
		line = strings.TrimLeft(line, " \t")
		if line == "" {
			return pairs, len(pairs) > 0
		}
		end := strings.IndexAny(line, "= \t\"")
		if end < 0 {
			end = len(line)
		}
		p := logPair{key: line[:end]}
		if p.key == "" || end < len(line) && line[end] == '"' {
			return pairs, false
		}
		line = line[end:]
		if strings.HasPrefix(line, "=") {
			p.given = true
			if p.value, line, p.quoted, ok = logfmtValue(line[1:]); !ok {
				return pairs, false
			}
		}
		pairs = append(pairs, p)
	}
}

func logfmtValue(s string) (value, rest string, quoted, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, " \t")
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:], false, true
	}
	n := stringEnd([]byte(s))
	if n < 0 {
		return "", s, true, false
	}
	return unquoted([]byte(s[:n+1])), s[n+1:], true, true
}

func decodeLogfmt(raw []byte, out *sink, object string) {
	pairs, ok := logfmtPairs(string(raw))
	if !ok || !slices.ContainsFunc(pairs, func(p logPair) bool { return p.given }) {
		out.problem(raw, "the line is not key=value pairs")
		return
	}
	get := func(names ...string) (string, int) {
		for _, name := range names {
			for i, p := range pairs {
				if p.key == name && p.value != "" {
					return p.value, i
				}
			}
		}
		return "", -1
	}
	when, atTime := get("time", "ts", "timestamp", "t", "@timestamp")
	t := rfc3339(when)
	if t.IsZero() {
		t = anyEpoch(when)
	}
	if !strings.HasSuffix(when, "Z") {
		atTime = -1 // event_time alone would not say it exactly
	}
	level, atLevel := get("level", "lvl", "severity")
	if levelOf(level) != level {
		atLevel = -1
	}
	message, atMessage := get("msg", "message")
	service, atService := get("service", "service.name", "svc", "app")
	if service == "" {
		service, _ = get("logger", "component")
	}
	trace, atTrace := get("trace_id", "traceId")
	span, atSpan := get("span_id", "spanId")
	e := out.begin()
	e.head(t, firstOf(service, object), levelOf(level), message)
	e.text(derivedTrace, trace)
	e.text(derivedSpan, span)
	for i, p := range pairs {
		if !has([]int{atTime, atLevel, atMessage, atService, atTrace, atSpan}, i) {
			e.logPair(p)
		}
	}
	out.add(e)
}

// logPair writes a pair: numbers and bools without quotes are what they look
// like, a key without a value is true.
func (e *event) logPair(p logPair) {
	switch {
	case !p.given, !p.quoted && p.value == "true":
		e.raw(p.key, []byte("true"))
	case !p.quoted && p.value == "false":
		e.raw(p.key, []byte("false"))
	case p.quoted || p.value == "":
		e.name(p.key)
		e.b = appendQuoted(e.b, p.value)
	default:
		e.number(p.key, p.value)
	}
}

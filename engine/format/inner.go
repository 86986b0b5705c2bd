package format

import (
	"encoding/json"
	"strings"
	"time"
)

// inner is what a message inside an envelope tells about itself: containers,
// functions and log groups carry the lines of other programs.
type inner struct {
	at                                   time.Time
	service, level, message, trace, span string
	// object is set when the message is a JSON object.
	object []byte
	// fields are what else a text line says, in order.
	fields []pair
}

type pair struct{ name, value string }

// lookInside reads a message: a JSON object, a line of a Lambda function, or a
// line that begins with its level.
func lookInside(message string) inner {
	trimmed := strings.TrimSpace(message)
	if strings.HasPrefix(trimmed, "{") && json.Valid([]byte(trimmed)) {
		return insideObject([]byte(trimmed))
	}
	if in, ok := lambdaLine(trimmed); ok {
		return in
	}
	return inner{level: leadingLevel(trimmed), message: strings.TrimRight(message, "\r\n")}
}

// usual are the names under which loggers keep what the envelope has.
var usual = map[string]string{
	"level": "level", "severity": "level", "severity_text": "level", "lvl": "level", "log.level": "level", "levelname": "level",
	"message": "message", "msg": "message", "event": "message",
	"service": "service", "service.name": "service", "svc": "service", "app": "service",
	"trace_id": "trace", "traceId": "trace", "trace.id": "trace", "xray_trace_id": "trace",
	"span_id": "span", "spanId": "span", "span.id": "span",
	"time": "time", "timestamp": "time", "@timestamp": "time", "ts": "time",
}

func insideObject(b []byte) inner {
	in := inner{object: b}
	for m := range members(b) {
		text := scalarOf(m.value)
		if text == "" {
			continue
		}
		first := func(into *string) {
			if *into == "" {
				*into = text
			}
		}
		switch usual[m.name] {
		case "level":
			if in.level == "" {
				in.level = levelOf(numberedLevel(text))
			}
		case "message":
			first(&in.message)
		case "service":
			first(&in.service)
		case "trace":
			first(&in.trace)
		case "span":
			first(&in.span)
		case "time":
			if in.at.IsZero() {
				in.at = anyTime(m.value)
			}
		}
	}
	return in
}

// numberedLevel turns the levels of pino and bunyan into words.
func numberedLevel(level string) string {
	switch level {
	case "10":
		return "TRACE"
	case "20":
		return "DEBUG"
	case "30":
		return "INFO"
	case "40":
		return "WARN"
	case "50":
		return "ERROR"
	case "60":
		return "FATAL"
	}
	return level
}

// leadingLevel is the level that a line begins with: ERROR …, [ERROR] …,
// error: ….
func leadingLevel(line string) string {
	word, _, _ := strings.Cut(strings.TrimLeft(line, "[<("), " ")
	word, _, _ = strings.Cut(word, "\t")
	word = strings.TrimRight(word, "])>:")
	if len(word) < 3 {
		return ""
	}
	if level := levelOf(word); level != word || levels[strings.ToLower(word)] == word {
		return level
	}
	return ""
}

// lambdaLine reads what AWS Lambda and its runtimes write: lines of a time, a
// request id, perhaps a level, and a text, with tabs between; and the platform's
// START, END and REPORT.
func lambdaLine(line string) (inner, bool) {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "START", "END", "REPORT":
		if id, ok := strings.CutPrefix(rest, "RequestId: "); ok {
			return platformLine(line, id), true
		}
	}
	parts := strings.SplitN(line, "\t", 4)
	in := inner{}
	if len(parts) >= 3 && strings.HasPrefix(parts[0], "[") && strings.HasSuffix(parts[0], "]") { // Python: the level comes first
		in.level = levelOf(strings.Trim(parts[0], "[]"))
		parts = parts[1:]
	} else if len(parts) == 4 {
		if level := levelOf(parts[2]); levels[strings.ToLower(parts[2])] != "" {
			in.level = level
			parts = []string{parts[0], parts[1], parts[3]}
		}
	}
	if len(parts) < 3 || len(parts[1]) != 36 || strings.Count(parts[1], "-") != 4 {
		return inner{}, false
	}
	if in.at = rfc3339(parts[0]); in.at.IsZero() {
		return inner{}, false
	}
	in.message = strings.Join(parts[2:], "\t")
	in.fields = []pair{{"request_id", parts[1]}}
	return in, true
}

// platformLine reads START, END and REPORT; the numbers of a REPORT become
// fields: Duration: 12.3 ms is duration_ms.
func platformLine(line, rest string) inner {
	in := inner{level: "INFO", message: line}
	id, rest, _ := strings.Cut(rest, "\t")
	id, _, _ = strings.Cut(id, " ")
	in.fields = append(in.fields, pair{"request_id", id})
	for part := range strings.SplitSeq(rest, "\t") {
		name, value, ok := strings.Cut(part, ": ")
		number, unit, _ := strings.Cut(strings.TrimSpace(value), " ")
		if ok && number != "" && isNumber(number) && len(in.fields) < 12 {
			in.fields = append(in.fields, pair{plainName(name + "_" + unit), number})
		}
	}
	return in
}

// write fills what the envelope around the message left open, and adds what
// the message says besides.
func (in inner) write(e *event) {
	e.text(derivedTrace, in.trace)
	e.text(derivedSpan, in.span)
	for _, f := range in.fields {
		e.number(f.name, f.value)
	}
}

// firstOf is the first that is not empty.
func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

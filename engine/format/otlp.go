package format

import (
	"strconv"
	"time"
)

// otlp is OpenTelemetry's OTLP in JSON, as the file and S3 exporters of the
// collector write it: a row for each log record, span and data point.
var otlp = &Kind{
	Name: "otlp", Title: "OpenTelemetry OTLP/JSON",
	Key: pattern(`/(?:logs|traces|metrics)_\d+\.json`),
	Envelope: Origins{
		Time:    "timeUnixNano, else observedTimeUnixNano; startTimeUnixNano of a span",
		Service: "service.name of the resource", Level: "severityNumber, else severityText; a span's status; INFO of a metric",
		Message: "body, else eventName; the name of a span or a metric", Trace: "traceId", Span: "spanId",
	},
	object: func(m map[string][]byte) bool {
		return m["resourceLogs"] != nil || m["resourceSpans"] != nil || m["resourceMetrics"] != nil
	},
	sure: 0.99, says: "resourceLogs, resourceSpans or resourceMetrics",
	repeats: true,
	decoder: func(Hint) decodeFunc { return decodeOTLP },
}

// signal says where the items of one kind of telemetry lie.
type signal struct {
	resources, scopes, items string
	write                    func(out *sink, in telemetry, item []byte)
}

var signals = []signal{
	{"resourceLogs", "scopeLogs", "logRecords", writeLogRecord},
	{"resourceSpans", "scopeSpans", "spans", writeSpan},
	{"resourceMetrics", "scopeMetrics", "metrics", writeMetric},
}

// telemetry is what stands around an item.
type telemetry struct {
	resource, scope []byte
	service         string
}

func decodeOTLP(raw []byte, out *sink) {
	before := len(out.c.Records)
	for _, s := range signals {
		for r := range elements(at(raw, s.resources)) {
			resource := at(r, "resource")
			for sc := range elements(at(r, s.scopes)) {
				in := telemetry{resource, at(sc, "scope"), attribute(at(resource, "attributes"), "service.name")}
				for item := range elements(at(sc, s.items)) {
					s.write(out, in, item)
				}
			}
		}
	}
	if len(out.c.Records) == before && !emptyOTLP(raw) {
		out.problem(raw, "an OTLP message without a log record, span or metric that can be read")
	}
}

// emptyOTLP reports whether a message says by itself that it has nothing.
func emptyOTLP(raw []byte) bool {
	for _, s := range signals {
		for range elements(at(raw, s.resources)) {
			return false
		}
	}
	return at(raw, "resourceLogs") != nil || at(raw, "resourceSpans") != nil || at(raw, "resourceMetrics") != nil
}

// attribute is the text of one of a list of attributes.
func attribute(attributes []byte, key string) string {
	for a := range elements(attributes) {
		if textAt(a, "key") == key {
			for m := range members(at(a, "value")) {
				return scalarOf(m.value)
			}
		}
	}
	return ""
}

func nanos(token []byte) time.Time { return epoch(scalarOf(token), time.Nanosecond) }

// severities are the words for severityNumber, four numbers each.
var severities = [...]string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}

func severity(number, text string) string {
	if n, err := strconv.Atoi(number); err == nil && n >= 1 && n <= 24 {
		return severities[(n-1)/4]
	}
	return levelOf(text)
}

func writeLogRecord(out *sink, in telemetry, item []byte) {
	t := nanos(at(item, "timeUnixNano"))
	if t.IsZero() {
		t = nanos(at(item, "observedTimeUnixNano"))
	}
	e := out.begin()
	body := at(item, "body")
	text := ""
	for m := range members(body) {
		if m.name != "arrayValue" && m.name != "kvlistValue" {
			text = scalarOf(m.value)
		}
	}
	e.head(t, in.service, severity(scalarOf(at(item, "severityNumber")), textAt(item, "severityText")), firstOf(text, textAt(item, "eventName")))
	e.ids(item)
	e.telemetry(in, item)
	out.add(e)
}

func writeSpan(out *sink, in telemetry, item []byte) {
	level := "INFO"
	if code := scalarOf(at(item, "status", "code")); code == "2" || code == "STATUS_CODE_ERROR" {
		level = "ERROR"
	}
	start, end := nanos(at(item, "startTimeUnixNano")), nanos(at(item, "endTimeUnixNano"))
	e := out.begin()
	e.head(start, in.service, level, textAt(item, "name"))
	e.ids(item)
	if !start.IsZero() && !end.IsZero() {
		e.number("duration_ms", strconv.FormatFloat(float64(end.Sub(start))/1e6, 'f', -1, 64))
	}
	e.telemetry(in, item)
	out.add(e)
}

// metricKinds are the members of a metric that hold its data points.
var metricKinds = [...]string{"gauge", "sum", "histogram", "exponentialHistogram", "summary"}

// writeMetric writes a record for each data point, with the metric around it.
func writeMetric(out *sink, in telemetry, item []byte) {
	before := len(out.c.Records)
	for _, kind := range metricKinds {
		data := at(item, kind)
		for point := range elements(at(data, "dataPoints")) {
			e := out.begin()
			e.head(nanos(at(point, "timeUnixNano")), in.service, "INFO", textAt(item, "name"))
			e.text("metric_kind", kind)
			for m := range members(item) {
				if m.name != kind {
					e.otlpMember(m)
				}
			}
			for m := range members(data) {
				if m.name != "dataPoints" {
					e.raw(m.name, m.value)
				}
			}
			e.telemetry(in, point)
			out.add(e)
		}
	}
	if len(out.c.Records) == before {
		out.problem(item, "a metric without data points")
	}
}

func (e *event) ids(item []byte) {
	e.text(derivedTrace, textAt(item, "traceId"))
	e.text(derivedSpan, textAt(item, "spanId"))
}

// telemetry writes an item's members and what stands around it; attributes
// become objects.
func (e *event) telemetry(in telemetry, item []byte) {
	for m := range members(item) {
		if m.name != "traceId" && m.name != "spanId" {
			e.otlpMember(m)
		}
	}
	e.nested("resource", in.resource)
	e.nested("scope", in.scope)
}

func (e *event) nested(name string, object []byte) {
	if !isObject(object) {
		return
	}
	e.name(name)
	inner := begin(e.b)
	for m := range members(object) {
		inner.otlpMember(m)
	}
	e.b = inner.end()
}

func (e *event) otlpMember(m member) {
	switch m.name {
	case "attributes", "filteredAttributes":
		e.name(m.name)
		e.b = appendAttributes(e.b, m.value, 0)
	case "body":
		e.name(m.name)
		e.b = appendAnyValue(e.b, m.value, 0)
	case "asInt", "count": // 64 bits, which OTLP writes as text
		e.number(m.name, scalarOf(m.value))
	default:
		e.raw(m.name, m.value)
	}
}

// maxAnyDepth bounds values inside values; what is deeper stays as it came.
const maxAnyDepth = 64

// appendAttributes writes [{"key":k,"value":{…}}] as an object.
func appendAttributes(dst, list []byte, depth int) []byte {
	e := begin(dst)
	for a := range elements(list) {
		if key := at(a, "key"); key != nil {
			e.name(textOf(key))
			e.b = appendAnyValue(e.b, at(a, "value"), depth+1)
		}
	}
	return e.end()
}

// appendAnyValue writes an AnyValue as the JSON value it stands for. Integers,
// which OTLP writes as text, become numbers.
func appendAnyValue(dst, value []byte, depth int) []byte {
	if depth > maxAnyDepth && len(value) > 0 {
		return append(dst, value...)
	}
	for m := range members(value) {
		switch m.name {
		case "intValue", "doubleValue":
			if s := scalarOf(m.value); s != "" && isNumber(s) {
				return append(dst, s...)
			}
			return append(dst, m.value...)
		case "arrayValue":
			return appendArray(dst, at(m.value, "values"), depth)
		case "kvlistValue":
			return appendAttributes(dst, at(m.value, "values"), depth+1)
		}
		return append(dst, m.value...)
	}
	return append(dst, "null"...)
}

func appendArray(dst, values []byte, depth int) []byte {
	dst = append(dst, '[')
	n := 0
	for v := range elements(values) {
		if n++; n > 1 {
			dst = append(dst, ',')
		}
		dst = appendAnyValue(dst, v, depth+1)
	}
	return append(dst, ']')
}

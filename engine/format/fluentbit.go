package format

import (
	"strings"
)

// fluentBit is what Fluent Bit writes for containers, and Docker's own files:
// a line of a program in log, with what is known of the container around it.
var fluentBit = &Kind{
	Name: "fluent-bit", Title: "Fluent Bit and Docker container logs",
	Key: pattern(`/?fluent-bit-logs/|kube\.var\.log\.containers\.`),
	Envelope: Origins{
		Time: "date, @timestamp or time", Service: "service in a JSON log, else the labels app.kubernetes.io/name or app, else the container's name",
		Level: "level in a JSON log, else the word it begins with", Message: "log, or the text of a JSON log", Trace: "trace_id in a JSON log", Span: "span_id in a JSON log",
	},
	object: func(m map[string][]byte) bool {
		if textOf(m["log"]) == "" && !isObject(m["kubernetes"]) {
			return false
		}
		timed := m["date"] != nil || m["@timestamp"] != nil || m["time"] != nil
		return timed && (m["stream"] != nil || isObject(m["kubernetes"]) || m["container_name"] != nil)
	},
	sure: 0.96, says: "objects with log, a date and stream or kubernetes",
	decoder: func(Hint) decodeFunc { return decodeFluentBit },
}

func decodeFluentBit(raw []byte, out *sink) {
	line := textAt(raw, "log")
	in := lookInside(line)
	kube := at(raw, "kubernetes")
	labels := at(kube, "labels")
	service := firstOf(in.service, textAt(labels, "app.kubernetes.io/name"), textAt(labels, "app"), textAt(labels, "k8s-app"),
		textAt(kube, "container_name"), strings.TrimPrefix(textAt(raw, "container_name"), "/"))
	var when []byte
	for _, name := range [...]string{"date", "@timestamp", "time"} {
		if when == nil {
			when = at(raw, name)
		}
	}
	e := out.begin()
	e.quiet = out.private && in.object != nil
	e.head(anyTime(when), service, in.level, firstOf(in.message, strings.TrimRight(line, "\r\n")))
	in.write(e)
	if in.object != nil {
		e.raw("event", in.object)
	}
	out.whole(e.without(raw, pair{"log", line}))
}

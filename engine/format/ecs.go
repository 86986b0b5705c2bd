package format

// ecs is a log in the Elastic Common Schema, with names nested or with dots.
var ecs = &Kind{
	Name: "ecs", Title: "Elastic Common Schema logs",
	Envelope: Origins{
		Time: "@timestamp", Service: "service.name, else event.dataset, log.logger or process.name", Level: "log.level", Message: "message",
		Trace: "trace.id", Span: "span.id, else transaction.id",
	},
	object: func(m map[string][]byte) bool {
		return m["@timestamp"] != nil && (m["ecs.version"] != nil || m["log.level"] != nil || isObject(m["ecs"]) || at(m["log"], "level") != nil)
	},
	sure: 0.97, says: "objects with @timestamp and ecs.version or log.level",
	decoder: func(Hint) decodeFunc { return decodeECS },
}

// dotted finds a member under its name with a dot, or nested.
func dotted(object []byte, outer, inner string) string {
	if flat := at(object, outer+"."+inner); flat != nil {
		return scalarOf(flat)
	}
	return scalarOf(at(object, outer, inner))
}

func decodeECS(raw []byte, out *sink) {
	service := firstOf(dotted(raw, "service", "name"), dotted(raw, "event", "dataset"), dotted(raw, "log", "logger"), dotted(raw, "process", "name"))
	e := out.begin()
	e.head(anyTime(at(raw, "@timestamp")), service, levelOf(dotted(raw, "log", "level")), textAt(raw, "message"))
	e.text(derivedTrace, dotted(raw, "trace", "id"))
	e.text(derivedSpan, firstOf(dotted(raw, "span", "id"), dotted(raw, "transaction", "id")))
	out.whole(e.without(raw, pair{"@timestamp", eventTime}, pair{"message", textAt(raw, "message")}))
}

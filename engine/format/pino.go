package format

// pino is the log of pino for Node.js.
var pino = &Kind{
	Name: "pino", Title: "pino logs",
	Envelope: Origins{
		Time: "time", Service: "name, service, service.name or svc, else hostname", Level: "level, 10 to 60 or a word", Message: "msg", Trace: "trace_id or traceId", Span: "span_id or spanId",
	},
	object: func(m map[string][]byte) bool {
		return isPlainNumber(m["time"]) && m["pid"] != nil && m["hostname"] != nil && m["level"] != nil
	},
	sure: 0.95, says: "objects with a level, an epoch in time, pid and hostname",
	decoder: func(Hint) decodeFunc { return decodePino },
}

// bunyan is the log of bunyan for Node.js.
var bunyan = &Kind{
	Name: "bunyan", Title: "bunyan logs",
	Envelope: Origins{
		Time: "time", Service: "name", Level: "level, 10 to 60", Message: "msg", Trace: "trace_id or traceId", Span: "span_id or spanId",
	},
	object: func(m map[string][]byte) bool {
		return m["v"] != nil && m["name"] != nil && m["hostname"] != nil && isPlainNumber(m["level"]) && textOf(m["time"]) != ""
	},
	sure: 0.96, says: "objects with name, hostname, pid, a numeric level, msg, a time and v",
	decoder: func(Hint) decodeFunc { return decodePino },
}

func isPlainNumber(token []byte) bool { return len(token) > 0 && isNumber(string(token)) }

func decodePino(raw []byte, out *sink) {
	in := insideObject(raw)
	e := out.begin()
	service := firstOf(textAt(raw, "name"), in.service, textAt(raw, "hostname"))
	message := textAt(raw, "msg")
	e.head(anyTime(at(raw, "time")), service, levelOf(numberedLevel(scalarOf(at(raw, "level")))), message)
	e.text(derivedTrace, in.trace)
	e.text(derivedSpan, in.span)
	out.whole(e.without(raw, pair{"time", eventTime}, pair{"msg", message}, pair{"trace_id", in.trace}, pair{"span_id", in.span}))
}

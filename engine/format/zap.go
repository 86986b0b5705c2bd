package format

// zap is the log of zap for Go in its production form, in which many others
// write, too: ts is an epoch with a fraction, or RFC 3339.
var zap = &Kind{
	Name: "zap", Title: "zap logs",
	Envelope: Origins{
		Time: "ts", Service: "service, service.name, svc or app, else logger, else the object's name up to its first dot", Level: "level", Message: "msg", Trace: "trace_id or traceId", Span: "span_id or spanId",
	},
	object: func(m map[string][]byte) bool {
		level := textOf(m["level"])
		return m["ts"] != nil && m["msg"] != nil && level != "" && levelOf(level) != level && (m["caller"] != nil || m["logger"] != nil || m["stacktrace"] != nil)
	},
	sure: 0.9, says: "objects with level, ts, msg and caller, logger or stacktrace",
	decoder: func(h Hint) decodeFunc {
		name := objectName(h.Key)
		return func(raw []byte, out *sink) { decodeZap(raw, out, name) }
	},
}

func decodeZap(raw []byte, out *sink, object string) {
	in := insideObject(raw)
	e := out.begin()
	message := textAt(raw, "msg")
	e.head(anyTime(at(raw, "ts")), firstOf(in.service, textAt(raw, "logger"), object), levelOf(textAt(raw, "level")), message)
	e.text(derivedTrace, in.trace)
	e.text(derivedSpan, in.span)
	out.whole(e.without(raw, pair{"ts", eventTime}, pair{"msg", message}, pair{"trace_id", in.trace}, pair{"span_id", in.span}))
}

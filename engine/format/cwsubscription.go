package format

import (
	"strings"
	"time"
)

// cwSubscription is what a CloudWatch Logs subscription sends to Kinesis,
// Firehose or Lambda: an envelope of many log events.
var cwSubscription = &Kind{
	Name: "cloudwatch-subscription", Title: "CloudWatch Logs subscriptions",
	Envelope: Origins{
		Time: "timestamp of the event", Service: "service in a JSON message, else the function of /aws/lambda/…, else logGroup",
		Level: "level in a JSON message, else the word it begins with", Message: "message, or the text of a JSON message", Trace: "trace_id in a JSON message", Span: "span_id in a JSON message",
	},
	object: func(m map[string][]byte) bool {
		kind := textOf(m["messageType"])
		return (kind == "DATA_MESSAGE" || kind == "CONTROL_MESSAGE") && (m["logEvents"] != nil || m["logGroup"] != nil)
	},
	sure: 0.99, says: "envelopes with messageType, logGroup and logEvents",
	decoder: func(Hint) decodeFunc { return decodeSubscription },
}

func decodeSubscription(raw []byte, out *sink) {
	if textAt(raw, "messageType") == "CONTROL_MESSAGE" { // says only that the destination can be reached
		out.drop(raw)
		return
	}
	events := at(raw, "logEvents")
	if len(events) == 0 || events[0] != '[' {
		out.problem(raw, "a CloudWatch Logs envelope without logEvents")
		return
	}
	for logged := range elements(events) {
		if len(logged) == 0 || logged[0] != '{' {
			out.problem(logged, "a log event that is no object")
			continue
		}
		logEvent(raw, logged, out)
	}
}

// logEvent writes one event with what its envelope says of all of them.
func logEvent(envelope, logged []byte, out *sink) {
	message := textAt(logged, "message")
	in := lookInside(message)
	group := textAt(envelope, "logGroup")
	e := out.begin()
	e.quiet = out.private && in.object != nil
	t := epoch(scalarOf(at(logged, "timestamp")), time.Millisecond)
	e.head(t, firstOf(in.service, groupService(group)), in.level, firstOf(in.message, message))
	in.write(e)
	for m := range members(envelope) {
		if m.name != "logEvents" {
			e.raw(m.name, m.value)
		}
	}
	for m := range members(logged) {
		switch {
		case m.name == "message" && in.object != nil:
			e.raw("event", in.object)
		case m.name == "message" && in.message == message:
		default:
			e.raw(m.name, m.value)
		}
	}
	out.add(e)
}

// groupService is the function of a Lambda function's log group, else the
// group.
func groupService(group string) string {
	return strings.TrimPrefix(group, "/aws/lambda/")
}

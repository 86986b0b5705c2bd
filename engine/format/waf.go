package format

import (
	"strings"
	"time"
)

// waf is the log of AWS WAF.
var waf = &Kind{
	Name: "waf", Title: "AWS WAF logs",
	Key: pattern(`/WAFLogs/|_waflogs_`),
	Envelope: Origins{
		Time: "timestamp", Service: "the web ACL's name in webaclId", Level: "action: ALLOW and COUNT INFO, else WARN", Message: "action, method and uri", Trace: "httpRequest.requestId",
	},
	object: func(m map[string][]byte) bool {
		return m["webaclId"] != nil && m["httpRequest"] != nil || m["webaclId"] != nil && m["terminatingRuleId"] != nil
	},
	sure: 0.99, says: "objects with webaclId, terminatingRuleId and httpRequest",
	repeats: true,
	decoder: func(Hint) decodeFunc { return decodeWAF },
}

func decodeWAF(raw []byte, out *sink) {
	action, request := textAt(raw, "action"), at(raw, "httpRequest")
	level := "WARN"
	if action == "ALLOW" || action == "COUNT" {
		level = "INFO"
	}
	message := strings.Join(strings.Fields(action+" "+textAt(request, "httpMethod")+" "+textAt(request, "uri")), " ")
	e := out.begin()
	e.head(epoch(scalarOf(at(raw, "timestamp")), time.Millisecond), webACL(textAt(raw, "webaclId")), level, message)
	e.text(derivedTrace, textAt(request, "requestId"))
	out.whole(e.rest(raw))
}

// webACL is NAME of arn:…/webacl/NAME/ID, else all of it.
func webACL(arn string) string {
	_, tail, ok := strings.Cut(arn, "/webacl/")
	if !ok {
		return arn
	}
	name, _, _ := strings.Cut(tail, "/")
	return name
}

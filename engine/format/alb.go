package format

import (
	"strings"
)

// alb is the access log of an AWS application load balancer.
var alb = &Kind{
	Name: "alb", Title: "AWS application load balancers",
	Key: pattern(`_elasticloadbalancing_[a-z0-9-]+_app\.[^/]+_\d{8}T\d{4}Z_`),
	Envelope: Origins{
		Time: "time", Service: "the name in elb", Level: "elb_status_code: 5xx ERROR, 4xx WARN, else INFO", Message: "request", Trace: "the Root of trace_id",
	},
	line: func(line []byte) bool {
		kind, rest, _ := strings.Cut(string(line), " ")
		switch kind {
		case "http", "https", "h2", "ws", "wss", "grpcs":
			f, _ := fieldsOf(rest)
			return len(f) > 13 && !rfc3339(f[0]).IsZero() && strings.HasPrefix(f[1], "app/")
		}
		return false
	},
	sure: 0.98, says: "lines of a type, a time, app/NAME/ID, two addresses and times",
	repeats: true,
	decoder: func(Hint) decodeFunc { return decodeALB },
}

var albColumns = columnsOf(`type time elb client target request_processing_time# target_processing_time# response_processing_time#
	elb_status_code# target_status_code# received_bytes# sent_bytes# request user_agent ssl_cipher ssl_protocol target_group_arn
	trace_id domain_name chosen_cert_arn matched_rule_priority# request_creation_time actions_executed redirect_url error_reason
	target_port_list target_status_code_list classification classification_reason conn_trace_id`)

func decodeALB(raw []byte, out *sink) {
	f, closed := fieldsOf(string(raw))
	if !closed || len(f) < 14 {
		out.problem(raw, wrongColumns("an application load balancer's log", len(f)))
		return
	}
	t := rfc3339(f[1])
	e := out.begin()
	e.head(t, balancerName(f[2]), statusLevel(f[8]), dash(f[12]))
	if len(f) > 17 {
		e.text(derivedTrace, rootOf(f[17]))
	}
	e.exactTime("time", f[1], !t.IsZero())
	e.hostPort("client", f[3])
	e.hostPort("target", f[4])
	e.request(f[12])
	e.putAll(albColumns, f, 1, 3, 4, 12)
	out.add(e)
}

// balancerName is NAME of app/NAME/ID.
func balancerName(elb string) string {
	if parts := strings.Split(elb, "/"); len(parts) == 3 {
		return parts[1]
	}
	return dash(elb)
}

// rootOf is the trace of an X-Ray header: Root=1-…;Self=….
func rootOf(header string) string {
	for part := range strings.SplitSeq(header, ";") {
		if root, ok := strings.CutPrefix(strings.TrimSpace(part), "Root="); ok {
			return root
		}
	}
	return ""
}

package format

import (
	"strings"
)

// elb is the access log of a classic AWS load balancer.
var elb = &Kind{
	Name: "elb", Title: "classic AWS load balancers",
	Key: pattern(`_elasticloadbalancing_[a-z0-9-]+_[^./_]+_\d{8}T\d{4}Z_`),
	Envelope: Origins{
		Time: "time", Service: "elb", Level: "elb_status_code: 5xx ERROR, 4xx WARN, else INFO", Message: "request",
	},
	line: func(line []byte) bool {
		f, _ := fieldsOf(string(line))
		return len(f) > 11 && len(f) < 18 && !rfc3339(f[0]).IsZero() && seconds(f[4]) && seconds(f[5]) && seconds(f[6])
	},
	sure: 0.9, says: "lines of a time, a name, two addresses and three times",
	repeats: true,
	decoder: func(Hint) decodeFunc { return decodeELB },
}

// seconds reports whether a field is a number of seconds, or -1.
func seconds(field string) bool { return field != "" && isNumber(field) }

var elbColumns = columnsOf(`time elb client backend request_processing_time# backend_processing_time# response_processing_time#
	elb_status_code# backend_status_code# received_bytes# sent_bytes# request user_agent ssl_cipher ssl_protocol`)

func decodeELB(raw []byte, out *sink) {
	f, closed := fieldsOf(string(raw))
	if !closed || len(f) < 12 {
		out.problem(raw, wrongColumns("a classic load balancer's log", len(f)))
		return
	}
	t := rfc3339(f[0])
	e := out.begin()
	message := dash(f[11])
	if strings.TrimSpace(message) == "- - -" { // of TCP listeners
		message = ""
	}
	e.head(t, dash(f[1]), statusLevel(f[7]), message)
	e.exactTime("time", f[0], !t.IsZero())
	e.hostPort("client", f[2])
	e.hostPort("backend", f[3])
	e.request(f[11])
	e.putAll(elbColumns, f, 0, 2, 3, 11)
	out.add(e)
}

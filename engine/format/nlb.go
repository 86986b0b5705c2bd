package format

import (
	"strings"
)

// nlb is the access log of an AWS network load balancer; it has TLS
// connections only.
var nlb = &Kind{
	Name: "nlb", Title: "AWS network load balancers",
	Key: pattern(`_elasticloadbalancing_[a-z0-9-]+_net\.[^/]+_\d{8}T\d{4}Z_`),
	Envelope: Origins{
		Time: "time", Service: "the name in elb", Level: "WARN with an incoming_tls_alert, else INFO", Message: "domain_name, else \"TLS connection\"",
	},
	line: func(line []byte) bool {
		f, _ := fieldsOf(string(line))
		return len(f) > 16 && f[0] == "tls" && !rfc3339(f[2]).IsZero() && strings.HasPrefix(f[3], "net/")
	},
	sure: 0.98, says: "lines of tls, a version, a time and net/NAME/ID",
	repeats: true,
	decoder: func(Hint) decodeFunc { return decodeNLB },
}

var nlbColumns = columnsOf(`type version time elb listener client destination connection_time# tls_handshake_time# received_bytes# sent_bytes#
	incoming_tls_alert chosen_cert_arn chosen_cert_serial tls_cipher tls_protocol_version tls_named_group domain_name alpn_fe_protocol
	alpn_be_protocol alpn_client_preference_list tls_connection_creation_time`)

func decodeNLB(raw []byte, out *sink) {
	f, closed := fieldsOf(string(raw))
	if !closed || len(f) < 17 {
		out.problem(raw, wrongColumns("a network load balancer's log", len(f)))
		return
	}
	t, level, message := rfc3339(f[2]), "INFO", "TLS connection"
	if !noValue(f[11]) {
		level = "WARN"
	}
	if len(f) > 17 && !noValue(f[17]) {
		message = f[17]
	}
	e := out.begin()
	e.head(t, balancerName(f[3]), level, message)
	e.exactTime("time", f[2], !t.IsZero())
	e.hostPort("client", f[5])
	e.hostPort("destination", f[6])
	e.putAll(nlbColumns, f, 2, 5, 6)
	out.add(e)
}

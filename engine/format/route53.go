package format

// route53 is the query log of Route 53 Resolver.
var route53 = &Kind{
	Name: "route53-resolver", Title: "Route 53 Resolver query logs",
	Key: pattern(`/vpcdnsquerylogs/|_vpcdnsquerylogs_`),
	Envelope: Origins{
		Time: "query_timestamp", Service: "vpc_id", Level: "rcode: SERVFAIL and REFUSED ERROR, NXDOMAIN WARN, else INFO", Message: "query_name, query_type and rcode",
	},
	object: func(m map[string][]byte) bool {
		return m["query_name"] != nil && m["query_timestamp"] != nil && m["rcode"] != nil
	},
	sure: 0.99, says: "objects with query_timestamp, query_name and rcode",
	repeats: true,
	decoder: func(Hint) decodeFunc { return decodeRoute53 },
}

func decodeRoute53(raw []byte, out *sink) {
	rcode, level := textAt(raw, "rcode"), "INFO"
	switch rcode {
	case "SERVFAIL", "REFUSED":
		level = "ERROR"
	case "NXDOMAIN":
		level = "WARN"
	}
	e := out.begin()
	e.head(anyTime(at(raw, "query_timestamp")), textAt(raw, "vpc_id"), level, textAt(raw, "query_name")+" "+textAt(raw, "query_type")+" "+rcode)
	out.whole(e.rest(raw))
}

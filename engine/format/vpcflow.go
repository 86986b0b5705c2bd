package format

import (
	"strings"
	"time"
)

// vpcFlow is the flow log of an AWS VPC: lines under a header that says which
// fields were chosen, or the 14 default ones without a header.
var vpcFlow = &Kind{
	Name: "vpcflow", Title: "VPC flow logs",
	Key: pattern(`/vpcflowlogs/[a-z0-9-]+/\d{4}/|_vpcflowlogs_[a-z0-9-]+_fl-|aws-service=vpcflowlogs`),
	Envelope: Origins{
		Time: "start, else end", Service: "interface_id, else instance_id, else vpc_id", Level: "action REJECT or log_status SKIPDATA: WARN, else INFO",
		Message: "action, protocol and dstport; log_status where there is no action",
	},
	header: func(line []byte) bool { return flowHeader(strings.Fields(string(line))) },
	line:   func(line []byte) bool { return flowDefault(strings.Fields(string(line))) },
	sure:   0.97, says: "lines of fields under the names of a flow log's, or of its default fields",
	repeats: true,
	decoder: func(Hint) decodeFunc {
		d := &flowDecoder{columns: flowColumns(strings.Fields(flowDefaults))}
		return d.decode
	},
	columns: func(names map[string]bool) bool {
		return names["srcaddr"] && names["dstaddr"] && (names["interface_id"] || names["start"])
	},
	row: flowHead,
}

const flowDefaults = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"

// flowFields are the names of AWS, those with # numbers.
var flowFields = func() map[string]column {
	known := map[string]column{}
	for _, c := range columnsOf(`version# account-id interface-id srcaddr dstaddr srcport# dstport# protocol# packets# bytes# start# end#
		action log-status vpc-id subnet-id instance-id tcp-flags# type pkt-srcaddr pkt-dstaddr region az-id sublocation-type sublocation-id
		pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path# ecs-cluster-arn ecs-cluster-name ecs-container-instance-arn
		ecs-container-instance-id ecs-container-id ecs-second-container-id ecs-service-name ecs-task-definition-arn ecs-task-arn ecs-task-id
		reject-reason resource-id encryption-status`) {
		known[c.name] = column{strings.ReplaceAll(c.name, "-", "_"), c.number}
	}
	return known
}()

func flowColumns(names []string) []column {
	out := make([]column, len(names))
	for i, name := range names {
		c, known := flowFields[name]
		if !known {
			c = column{name: name}
		}
		out[i] = c
	}
	return out
}

// flowHeader reports whether a line's fields are names, most of them known.
func flowHeader(f []string) bool {
	known := 0
	for _, name := range f {
		if _, ok := flowFields[name]; ok {
			known++
		}
	}
	return known >= 3 && 2*known > len(f)
}

// flowDefault reports whether a line has the 14 default fields.
func flowDefault(f []string) bool {
	return len(f) == 14 && f[0] == "2" && len(f[1]) == 12 && (f[13] == "OK" || f[13] == "NODATA" || f[13] == "SKIPDATA")
}

type flowDecoder struct {
	columns []column
	head    string // the line that named them
}

func (d *flowDecoder) decode(raw []byte, out *sink) {
	f := strings.Fields(string(raw))
	if flowHeader(f) {
		d.columns, d.head = flowColumns(f), string(raw)
		return
	}
	if len(f) < len(d.columns) {
		out.problemUnder(d.head, raw, wrongColumns("the flow log's header", len(f)))
		return
	}
	get := func(name string) string {
		for i, c := range d.columns {
			if c.name == name {
				return dash(f[i])
			}
		}
		return ""
	}
	e := out.begin()
	flowHead(e, get)
	e.putAll(d.columns, f)
	out.add(e)
}

// flowHead fills the envelope from a flow's fields.
func flowHead(e *event, get func(name string) string) {
	t := epoch(get("start"), time.Second)
	if t.IsZero() {
		t = epoch(get("end"), time.Second)
	}
	action, status, level := get("action"), get("log_status"), "INFO"
	if action == "REJECT" || status == "SKIPDATA" {
		level = "WARN"
	}
	message := status
	if action != "" {
		message = strings.TrimSpace(action + " " + protocolName(get("protocol")) + " " + get("dstport"))
	}
	e.head(t, firstOf(get("interface_id"), get("instance_id"), get("vpc_id")), level, message)
}

func protocolName(number string) string {
	switch number {
	case "1":
		return "icmp"
	case "6":
		return "tcp"
	case "17":
		return "udp"
	case "58":
		return "icmpv6"
	}
	return number
}

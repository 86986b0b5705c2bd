package format

import (
	"bytes"
)

// cloudTrail is what AWS CloudTrail delivers: objects of {"Records":[…]}, and
// the same events one a line as exports have them.
var cloudTrail = &Kind{
	Name: "cloudtrail", Title: "AWS CloudTrail",
	Key: pattern(`AWSLogs/(?:o-[a-z0-9]+/)?\d{12}/CloudTrail(?:-Insight|-Aggregated)?/[a-z0-9-]+/\d{4}/\d\d/\d\d/|_CloudTrail(?:-Insight)?_[a-z0-9-]+_\d{8}T\d{4}Z_`),
	Envelope: Origins{
		Time: "eventTime, else @timestamp", Service: "eventSource", Level: "ERROR with an errorCode, else INFO", Message: "eventName, and errorMessage",
	},
	object: func(m map[string][]byte) bool {
		if records, ok := m["Records"]; ok {
			for el := range elements(records) {
				return isTrailEvent(el)
			}
			return bytes.Contains(records, []byte(`"eventVersion"`)) && bytes.Contains(records, []byte(`"eventSource"`))
		}
		return m["eventSource"] != nil && m["eventName"] != nil && (m["eventVersion"] != nil || m["eventID"] != nil && m["awsRegion"] != nil)
	},
	sure: 0.99, says: "events with eventVersion, eventSource and eventName",
	wrapper: "Records",
	repeats: true,
	decoder: func(Hint) decodeFunc { return decodeTrail },
}

func isTrailEvent(event []byte) bool {
	return at(event, "eventVersion") != nil && at(event, "eventSource") != nil && at(event, "eventTime") != nil
}

func decodeTrail(raw []byte, out *sink) {
	var when, source, name, code, message []byte
	for m := range members(raw) {
		switch m.name {
		case "eventTime":
			when = m.value
		case "@timestamp": // of events that came through Logstash
			if when == nil {
				when = m.value
			}
		case "eventSource":
			source = m.value
		case "eventName":
			name = m.value
		case "errorCode":
			code = m.value
		case "errorMessage":
			message = m.value
		}
	}
	level, text := "INFO", textOf(name)
	if c := textOf(code); c != "" {
		level, text = "ERROR", text+": "+c
		if m := textOf(message); m != "" {
			text += ": " + m
		}
	}
	e := out.begin()
	e.head(anyTime(when), textOf(source), level, text)
	out.whole(e.rest(raw))
}

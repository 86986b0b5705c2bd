package format

import "time"

// metricStream is a CloudWatch metric stream in JSON.
var metricStream = &Kind{
	Name: "metric-stream", Title: "CloudWatch metric streams",
	Envelope: Origins{Time: "timestamp", Service: "namespace", Level: "INFO", Message: "metric_name"},
	object: func(m map[string][]byte) bool {
		return m["metric_stream_name"] != nil || m["metric_name"] != nil && m["namespace"] != nil && m["dimensions"] != nil && m["value"] != nil
	},
	sure: 0.98, says: "objects with namespace, metric_name, dimensions and value",
	repeats: true,
	decoder: func(Hint) decodeFunc { return decodeMetric },
}

func decodeMetric(raw []byte, out *sink) {
	e := out.begin()
	e.head(epoch(scalarOf(at(raw, "timestamp")), time.Millisecond), textAt(raw, "namespace"), "INFO", textAt(raw, "metric_name"))
	out.whole(e.rest(raw))
}

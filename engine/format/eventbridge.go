package format

import "strings"

// eventBridge is the envelope of EventBridge: state changes of Glue, Step
// Functions, EMR, Batch and every other source.
var eventBridge = &Kind{
	Name: "eventbridge", Title: "EventBridge events",
	Envelope: Origins{
		Time: "time", Service: "source", Level: "detail.severity, else detail.state or detail.status: FAILED, TIMED_OUT, ABORTED, TERMINATED_WITH_ERRORS … ERROR, STOPPED, CANCELLED … WARN, else INFO",
		Message: "detail-type, what it is about, its state and message",
	},
	object: func(m map[string][]byte) bool {
		return m["detail-type"] != nil && m["source"] != nil && m["detail"] != nil
	},
	sure: 0.99, says: "envelopes with detail-type, source and detail",
	repeats: true,
	decoder: func(Hint) decodeFunc { return decodeEventBridge },
}

func decodeEventBridge(raw []byte, out *sink) {
	detail := at(raw, "detail")
	state := firstOf(textAt(detail, "state"), textAt(detail, "status"), textAt(detail, "lastStatus"))
	about := firstOf(textAt(detail, "jobName"), textAt(detail, "name"), textAt(detail, "crawlerName"), textAt(detail, "clusterId"), textAt(detail, "stateMachineArn"))
	text := firstOf(textAt(detail, "message"), textAt(detail, "statusReason"), textAt(detail, "errorMessage"), textAt(detail, "cause"))
	parts := []string{textAt(raw, "detail-type")}
	for _, part := range [...]string{about, state, text} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	level := levelOf(textAt(detail, "severity"))
	if level == "" {
		level = stateLevel(state)
	}
	e := out.begin()
	e.head(anyTime(at(raw, "time")), textAt(raw, "source"), level, strings.Join(parts, ": "))
	out.whole(e.rest(raw))
}

// stateLevel is the severity of the state that a job is in.
func stateLevel(state string) string {
	s := strings.ToUpper(strings.NewReplacer(" ", "_", "-", "_").Replace(state))
	switch {
	case strings.Contains(s, "FAIL"), strings.Contains(s, "ERROR"), strings.Contains(s, "TIMEOUT"), strings.Contains(s, "TIMED_OUT"), s == "ABORTED":
		return "ERROR"
	case s == "STOPPED", s == "STOPPING", s == "CANCELLED", s == "CANCELED", s == "TERMINATED":
		return "WARN"
	}
	return "INFO"
}

package workbench

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// AlarmEvent is one change of an incident, for a line of text or of JSON.
type AlarmEvent struct {
	Incident string            `json:"incident"`
	Rule     string            `json:"rule"`
	Key      json.RawMessage   `json:"key"`
	What     string            `json:"what" enum:"fired,ended,revised,withdrawn"`
	State    string            `json:"state" enum:"OK,ALARM"`
	Start    time.Time         `json:"start"`
	End      *time.Time        `json:"end"`
	Severity string            `json:"severity,omitempty"`
	Summary  string            `json:"summary,omitempty"`
	Text     string            `json:"text,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	// LatencyMS is how long after the arrival of the records that decided it.
	LatencyMS int64 `json:"latency_ms"`
}

// AlarmLine is a change of an incident as tail shows it.
func AlarmLine(c engine.IncidentChange) AlarmEvent {
	e := AlarmEvent{
		Incident: c.ID, Rule: c.Rule, Key: json.RawMessage(c.Key), What: c.Kind, State: "ALARM", Start: c.Start, End: c.End,
		Severity: c.Severity, Summary: c.Summary, Text: c.Text, Labels: c.Labels, LatencyMS: c.Latency.Milliseconds(),
	}
	if c.End != nil || c.Withdrawn {
		e.State = "OK"
	}
	return e
}

// String is the change as one line: when, the state, the rule, its group and
// what it says.
func (e AlarmEvent) String() string {
	at := e.Start
	if e.What == engine.IncidentEnded && e.End != nil {
		at = *e.End
	}
	parts := []string{at.UTC().Format("2006-01-02T15:04:05.000Z"), fmt.Sprintf("%-5s", e.State), e.Rule}
	if group := KeyText(e.Key); group != "" {
		parts = append(parts, group)
	}
	text := e.Summary
	if e.What != engine.IncidentFired || text == "" {
		text = e.Text
	}
	line := strings.Join(parts, " ") + ": " + text
	if e.What == engine.IncidentFired && e.LatencyMS > 0 {
		line += fmt.Sprintf(" (%.1f s after it arrived)", float64(e.LatencyMS)/1000)
	}
	return line
}

// KeyText writes a group's JSON as name=value, by name.
func KeyText(key json.RawMessage) string {
	var values map[string]any
	if json.Unmarshal(key, &values) != nil {
		return string(key)
	}
	var out []string
	for k, v := range values {
		out = append(out, fmt.Sprintf("%s=%v", k, v))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// Package notify tells people and programs about alarms: it writes a message
// for each kind of channel and hands it over once.
//
// It owns what is said and how it is sent. What has to be sent to whom, and
// when to try again, is decided by who keeps the outbox.
package notify

import (
	"fmt"
	"strings"
	"time"
)

// The kinds of messages.
const (
	Alarm   = "alarm"
	Over    = "ok"
	Repeat  = "repeat"
	Digest  = "digest"
	Daily   = "daily"
	Failure = "failure"
	Test    = "test"
)

// Message is what a channel is told; its JSON is what webhooks and files get.
type Message struct {
	// Key is the same for the same message: who gets it twice can tell.
	Key      string            `json:"key"`
	Kind     string            `json:"kind"`
	Title    string            `json:"title"`
	Text     string            `json:"text,omitempty"`
	Rule     string            `json:"rule,omitempty"`
	Group    string            `json:"group,omitempty"`
	State    string            `json:"state,omitempty"`
	Severity string            `json:"severity,omitempty"`
	Incident string            `json:"incident,omitempty"`
	Start    *time.Time        `json:"start,omitempty"`
	End      *time.Time        `json:"end,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Runbook  string            `json:"runbook,omitempty"`
	// Items are the incidents of a digest, the worst first.
	Items []Item `json:"items,omitempty"`
	// Link leads back into the app; empty if it is not served.
	Link string `json:"link,omitempty"`
}

// Plain is the message as text without markup.
func (m Message) Plain() string {
	var b strings.Builder
	b.WriteString(m.Title + "\n")
	if m.Text != "" {
		b.WriteString(m.Text + "\n")
	}
	for _, f := range m.facts() {
		fmt.Fprintf(&b, "%s: %s\n", f[0], f[1])
	}
	list, left := m.shares()
	for _, s := range list {
		b.WriteString("- " + s.Line() + "\n")
		if s.Link() != "" {
			b.WriteString("  " + s.Link() + "\n")
		}
	}
	if left > 0 {
		b.WriteString("- " + leftOut(left) + "\n")
	}
	if more := m.more(); more != "" {
		b.WriteString("More: " + more + "\n")
	}
	return b.String()
}

// facts are what a message says beside its text.
func (m Message) facts() (list [][2]string) {
	add := func(name, value string) {
		if value != "" {
			list = append(list, [2]string{name, value})
		}
	}
	add("Severity", m.Severity)
	add("Group", m.Group)
	if m.Start != nil {
		add("Since", m.Start.UTC().Format(time.RFC3339))
	}
	if m.End != nil {
		add("Until", m.End.UTC().Format(time.RFC3339))
	}
	add("Runbook", m.Runbook)
	return list
}

// more says where the rest can be read: a link, or the command that shows it.
func (m Message) more() string {
	switch {
	case m.Link != "":
		return m.Link
	case m.Incident != "":
		return "tidemark incidents show " + m.Incident
	case len(m.Items) > 0:
		return "tidemark incidents list"
	}
	return ""
}

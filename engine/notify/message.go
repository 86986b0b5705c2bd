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

// Item is one incident of a digest.
type Item struct {
	Incident string     `json:"incident"`
	Rule     string     `json:"rule"`
	Group    string     `json:"group,omitempty"`
	Severity string     `json:"severity,omitempty"`
	Text     string     `json:"text,omitempty"`
	Start    time.Time  `json:"start"`
	End      *time.Time `json:"end"`
}

// Line is an item as one line of text.
func (i Item) Line() string {
	lasted := "still on"
	if i.End != nil {
		lasted = "lasted " + i.End.Sub(i.Start).Round(time.Second).String()
	}
	parts := []string{i.Start.UTC().Format("2006-01-02 15:04Z"), i.Rule}
	if i.Group != "" {
		parts = append(parts, i.Group)
	}
	line := strings.Join(parts, " ") + ", " + lasted
	if i.Text != "" {
		line += ": " + i.Text
	}
	return line
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
	for _, i := range m.Items {
		b.WriteString("- " + i.Line() + "\n")
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
	add("More", m.Link)
	if m.Link == "" && m.Incident != "" {
		add("More", "tidemark incidents show "+m.Incident)
	}
	return list
}

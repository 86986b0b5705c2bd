package notify

import (
	"fmt"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Item is one incident of a digest.
type Item struct {
	Incident string     `json:"incident"`
	Rule     string     `json:"rule"`
	Group    string     `json:"group,omitempty"`
	Severity string     `json:"severity,omitempty"`
	Text     string     `json:"text,omitempty"`
	Start    time.Time  `json:"start"`
	End      *time.Time `json:"end"`
	// Link leads to the incident; empty if the app is not served.
	Link string `json:"link,omitempty"`
}

// mostShares bounds what a digest for people names one by one; what is left out
// is counted. Programs get all of it.
const mostShares = 100

// share is what a digest says of one rule and group.
type share struct {
	newest Item
	alarms int
	on     bool
	lasted time.Duration
}

// shares sums the items up by rule and group, in the order of the worst of each.
func (m Message) shares() (list []*share, left int) {
	by := map[[2]string]*share{}
	for _, i := range m.Items {
		of := [2]string{i.Rule, i.Group}
		s := by[of]
		if s == nil {
			s = &share{newest: i}
			by[of] = s
			list = append(list, s)
		}
		s.alarms++
		if i.Start.After(s.newest.Start) {
			s.newest = i
		}
		if i.End == nil {
			s.on = true
		} else {
			s.lasted += i.End.Sub(i.Start)
		}
	}
	if len(list) > mostShares {
		list, left = list[:mostShares], len(list)-mostShares
	}
	return list, left
}

// Line is a share as one line of text.
func (s *share) Line() string {
	i := s.newest
	parts := []string{i.Rule}
	if i.Severity != "" {
		parts = []string{i.Severity, i.Rule}
	}
	if i.Group != "" {
		parts = append(parts, "("+i.Group+")")
	}
	line := strings.Join(parts, " ") + ", " + s.times()
	if i.Text != "" {
		line += ": " + i.Text
	}
	return line
}

func (s *share) times() string {
	at := s.newest.Start.UTC().Format("2006-01-02 15:04Z")
	switch {
	case s.alarms == 1 && s.on:
		return "since " + at + ", still on"
	case s.alarms == 1:
		return at + ", lasted " + engine.FormatDuration(s.lasted.Round(time.Second))
	}
	text := fmt.Sprintf("%d alarms, the last %s", s.alarms, at)
	if s.lasted > 0 {
		text += ", " + engine.FormatDuration(s.lasted.Round(time.Second)) + " in all"
	}
	if s.on {
		text += ", still on"
	}
	return text
}

// Link leads to the newest incident.
func (s *share) Link() string { return s.newest.Link }

// leftOut says what a digest does not name.
func leftOut(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "and 1 group more"
	}
	return fmt.Sprintf("and %d groups more", n)
}

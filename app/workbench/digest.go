package workbench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/notify"
	"tidemark.dev/tidemark/engine/rule"
	"tidemark.dev/tidemark/engine/store"
)

// severities, the worst first; others come after.
var severities = []string{"critical", "error", "major", "warning", "minor", "info"}

func rank(severity string) int {
	if i := slices.Index(severities, severity); i >= 0 {
		return i
	}
	return len(severities)
}

// digests are one message for each channel that some of the incidents go to.
func (b *Workbench) digests(list []store.IncidentRow, specs map[string]rule.Spec, kind, what, key string) (out []engine.Notice) {
	by := map[string][]notify.Item{}
	for _, i := range list {
		for _, c := range b.incidentRoutes(i, specs[i.Rule]) {
			by[c] = append(by[c], notify.Item{Incident: i.ID, Rule: i.Rule, Group: anyText(i.Key), Severity: i.Severity, Text: i.Summary, Start: i.Start, End: i.End})
		}
	}
	for c, items := range by {
		slices.SortStableFunc(items, worse)
		m := notify.Message{Kind: kind, Title: what + ": " + alarmsOf(items), Items: items}
		// Each channel's digest is another message.
		out = append(out, noticesFor([]string{c}, kind+"/"+key+"/"+c, m, time.Time{})...)
	}
	return out
}

// worse orders the items of a digest: by severity, those that last, the
// longest.
func worse(a, b notify.Item) int {
	on := func(i notify.Item) int {
		if i.End == nil {
			return 0
		}
		return 1
	}
	lasted := func(i notify.Item) time.Duration {
		if i.End == nil {
			return 0
		}
		return i.End.Sub(i.Start)
	}
	switch {
	case rank(a.Severity) != rank(b.Severity):
		return rank(a.Severity) - rank(b.Severity)
	case on(a) != on(b):
		return on(a) - on(b)
	case lasted(a) > lasted(b):
		return -1
	case lasted(a) < lasted(b):
		return 1
	}
	return a.Start.Compare(b.Start)
}

// alarmsOf counts the items of a digest.
func alarmsOf(items []notify.Item) string {
	on := 0
	for _, i := range items {
		if i.End == nil {
			on++
		}
	}
	text := fmt.Sprintf("%d alarms", len(items))
	if len(items) == 1 {
		text = "1 alarm"
	}
	if on > 0 {
		text += fmt.Sprintf(", %d still on", on)
	}
	return text
}

// dailies put the digests that have come due into the outbox. Each goes on where
// the one before it ended, so that nothing is left out when the hour is changed
// or when nobody was awake at it; a channel's first begins when it was first
// seen.
func (b *Workbench) dailies(ctx context.Context, now time.Time, specs map[string]rule.Spec) error {
	for _, c := range b.Current().Config.Channels {
		due, ok := c.Value.DailyDue(now)
		if !ok {
			continue
		}
		until, err := b.Store.DigestUntil(ctx, c.Key.Value)
		if err != nil {
			return err
		}
		if !until.IsZero() && !due.After(until) {
			continue
		}
		var notices []engine.Notice
		if !until.IsZero() {
			if notices, err = b.daily(ctx, c.Key.Value, until, due, specs); err != nil {
				return err
			}
		}
		if err := b.Store.AddDigest(ctx, c.Key.Value, due, notices, now); err != nil {
			return err
		}
	}
	return nil
}

// daily is what a channel is told of the time between two digests.
func (b *Workbench) daily(ctx context.Context, channel string, from, to time.Time, specs map[string]rule.Spec) ([]engine.Notice, error) {
	list, err := b.Store.Incidents(ctx, store.IncidentFilter{From: from, To: to})
	if err != nil {
		return nil, err
	}
	what := "The last day"
	if days := int(to.Sub(from).Round(24*time.Hour) / (24 * time.Hour)); days > 1 {
		what = fmt.Sprintf("The last %d days", days)
	}
	all := b.digests(list, specs, notify.Daily, what, to.UTC().Format("2006-01-02T15:04Z"))
	return slices.DeleteFunc(all, func(n engine.Notice) bool { return n.Channel != channel }), nil
}

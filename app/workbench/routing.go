package workbench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/notify"
	"tidemark.dev/tidemark/engine/rule"
)

// facts are what channels and silences choose an incident by: its labels, the
// values of its group, its rule and its severity.
func facts(name, severity string, key json.RawMessage, labels map[string]string) map[string]string {
	out := map[string]string{"rule": name, "severity": severity}
	for k, v := range labels {
		out[k] = v
	}
	var group map[string]any
	if json.Unmarshal(key, &group) == nil {
		for k, v := range group {
			out[k] = fmt.Sprint(v)
		}
	}
	return out
}

// matches reports whether facts are as a match wants them.
func matches(want map[string]string, have map[string]string) bool {
	for name, pattern := range want {
		value, ok := have[name]
		if fits, err := path.Match(pattern, value); !ok || err != nil || !fits {
			return false
		}
	}
	return true
}

// routes lists the channels that an incident goes to: those that its rule
// names and those that match it. What a channel matches is what it gets, named
// or not.
func routes(channels engine.Entries[workspace.Channel], named []engine.Text, have map[string]string) (list []string) {
	for _, c := range channels {
		is := slices.ContainsFunc(named, func(n engine.Text) bool { return n.Value == c.Key.Value })
		if (is || len(c.Value.Match) > 0) && matches(c.Value.Match, have) {
			list = append(list, c.Key.Value)
		}
	}
	return list
}

// specs are the rules of the workspace by name.
func (b *Workbench) specs() map[string]rule.Spec {
	out := map[string]rule.Spec{}
	for _, f := range b.Current().Rules {
		if spec, err := b.Current().ReadRule(f); err == nil {
			out[spec.Rule.Value] = spec
		}
	}
	return out
}

// notices are what has to be sent because of some changes.
func (b *Workbench) notices(changes []engine.IncidentChange) (out []engine.Notice) {
	var specs map[string]rule.Spec
	channels := b.Current().Config.Channels
	for _, c := range changes {
		kind := map[string]string{engine.IncidentFired: notify.Alarm, engine.IncidentEnded: notify.Over, engine.IncidentWithdrawn: notify.Over}[c.Kind]
		if kind == "" || c.Past || len(channels) == 0 {
			continue
		}
		if specs == nil {
			specs = b.specs()
		}
		spec := specs[c.Rule]
		m := notify.Message{
			Kind: kind, Rule: c.Rule, Group: KeyText(json.RawMessage(c.Key)), State: "ALARM", Severity: c.Severity, Incident: c.ID,
			Start: &c.Start, End: c.End, Labels: c.Labels, Runbook: spec.Runbook.Value, Text: c.Summary,
		}
		m.Title = title("ALARM", m)
		if kind == notify.Over {
			m.State, m.Text = "OK", c.Text
			m.Title = title("OK", m)
		}
		key := c.ID + "/" + c.Kind
		out = append(out, noticesFor(routes(channels, spec.Notify, facts(c.Rule, c.Severity, json.RawMessage(c.Key), c.Labels)), key, m, time.Time{})...)
	}
	return out
}

func title(state string, m notify.Message) string {
	s := state + ": " + m.Rule
	if m.Group != "" {
		s += " (" + m.Group + ")"
	}
	return s
}

func noticesFor(channels []string, key string, m notify.Message, due time.Time) (out []engine.Notice) {
	m.Key = key
	text, err := json.Marshal(m)
	if err != nil {
		return nil // a year that JSON cannot say
	}
	for _, c := range channels {
		out = append(out, engine.Notice{Key: key, Channel: c, Kind: m.Kind, Incident: m.Incident, Message: string(text), NotBefore: due})
	}
	return out
}

// failureChannels are those that Tidemark's own failures go to.
func (b *Workbench) failureChannels() (list []string) {
	for _, c := range b.Current().Config.Channels {
		if c.Value.Failures {
			list = append(list, c.Key.Value)
		}
	}
	return list
}

// failureNotices tell of a failure, once a day while it lasts.
func (b *Workbench) failureNotices(what string, err error) []engine.Notice {
	day := b.clock.Now().Format(time.DateOnly)
	m := notify.Message{Kind: notify.Failure, Title: "Tidemark: " + what, Text: err.Error()}
	var known *engine.Error
	if errors.As(err, &known) && known.Hint != "" {
		m.Text += "\n" + known.Hint
	}
	return noticesFor(b.failureChannels(), "failure/"+what+"/"+day, m, time.Time{})
}

const (
	// deadKey begins the keys of what tells of dead letters.
	deadKey = "failure/dead/"
	// deadEvery is how often at most those of a channel are told of.
	deadEvery = time.Hour
)

// deadLetters tell of notifications that were given up: of the first of a
// channel at once, of what follows in sums.
func (b *Workbench) deadLetters(ctx context.Context, now time.Time) (out []engine.Notice, err error) {
	to := b.failureChannels()
	if len(to) == 0 {
		return nil, nil
	}
	list, err := b.Store.GivenUp(ctx, deadKey, now.Add(-deadEvery))
	if err != nil {
		return nil, err
	}
	for _, g := range list {
		what := "a notification to " + g.Channel + " was given up"
		if g.Count > 1 {
			what = fmt.Sprintf("%d notifications to %s were given up", g.Count, g.Channel)
		}
		m := notify.Message{
			Kind: notify.Failure, Title: "Tidemark: " + what,
			Text: g.Key + ": " + g.Error + "\ntidemark notify list --state dead shows them, tidemark notify retry --dead sends them again",
		}
		out = append(out, noticesFor(to, deadKey+g.Channel+"/"+now.UTC().Format(time.RFC3339), m, time.Time{})...)
	}
	return out, nil
}

package workbench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gen2brain/beeep"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/notify"
	"tidemark.dev/tidemark/engine/rule"
	"tidemark.dev/tidemark/engine/store"
)

const (
	// outboxEvery is how often the outbox is looked through.
	outboxEvery = time.Second
	// outboxAtOnce bounds what is taken out for a channel at a time.
	outboxAtOnce = 50
	// heldFor is when a notice that is kept back is judged again.
	heldFor = 30 * time.Second
	// lastCall is how long what ends waits for what is due.
	lastCall = 15 * time.Second
)

// outbox sends what is due. A channel is sent to by one goroutine at a time.
type outbox struct {
	mu      sync.Mutex // who looks for what is due
	busy    sync.Map   // the channels that are being sent to
	sending sync.WaitGroup
	address atomic.Value // where the page is served
}

// SetAddress says where the page is served, for links.
func (b *Workbench) SetAddress(url string) {
	b.outbox.address.Store(strings.TrimSuffix(url, "/"))
}

func (b *Workbench) address() string {
	at, _ := b.outbox.address.Load().(string)
	return at
}

// RunOutbox sends notifications until ctx ends, and once more then.
func (b *Workbench) RunOutbox(ctx context.Context) {
	tick := time.NewTicker(outboxEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			b.startDue(ctx)
		case <-ctx.Done():
			b.outbox.sending.Wait()
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastCall)
			defer cancel()
			b.sendDue(last)
			return
		}
	}
}

// sendDue sends what is due.
func (b *Workbench) sendDue(ctx context.Context) {
	b.startDue(ctx)
	b.outbox.sending.Wait()
}

// startDue begins to send what is due. Channels do not wait for each other: one
// that is slow is left alone until it is done.
func (b *Workbench) startDue(ctx context.Context) {
	w := b.Current()
	if !w.Trusted || len(w.Config.Channels) == 0 || !b.outbox.mu.TryLock() {
		return
	}
	defer b.outbox.mu.Unlock()
	now := b.clock.Now()
	specs := b.specs()
	if err := b.fillOutbox(ctx, now, specs); err != nil && ctx.Err() == nil {
		slog.Error("notifications could not be prepared", "error", err)
	}
	busy := map[string]bool{} // before it is read what is due, which they may just have sent
	b.outbox.busy.Range(func(name, _ any) bool { busy[name.(string)] = true; return true })
	due, err := b.Store.DueNotices(ctx, now, outboxAtOnce)
	if err != nil || len(due) == 0 {
		return
	}
	quiet, err := b.quiet(ctx, now, specs)
	if err != nil {
		slog.Error("silences could not be read", "error", err)
		return
	}
	byChannel := map[string][]store.Notification{}
	for _, n := range due {
		byChannel[n.Channel] = append(byChannel[n.Channel], n)
	}
	for name, list := range byChannel {
		if busy[name] {
			continue
		}
		b.outbox.busy.Store(name, true)
		b.outbox.sending.Go(func() {
			defer b.outbox.busy.Delete(name)
			b.sendTo(ctx, &w.Config, name, list, quiet)
		})
	}
}

// sendTo sends what is due for one channel, until it fails: the rest waits.
func (b *Workbench) sendTo(ctx context.Context, c *workspace.Config, name string, list []store.Notification, quiet *quiet) {
	for i, n := range list {
		state, why := quiet.judge(n)
		if state == "" && n.Kind == notify.Repeat && slices.ContainsFunc(list[i+1:], func(o store.Notification) bool { return o.Kind == notify.Repeat && o.Incident == n.Incident }) {
			state, why = "suppressed", "a newer one tells it"
		}
		if state == "" {
			err := b.sendOne(ctx, c, name, n)
			if !b.sent(ctx, n, err) {
				return
			}
			if err == nil && n.Kind == notify.Alarm {
				quiet.telling(n, "sent")
			}
			continue
		}
		if err := b.Store.MoveNotice(ctx, n, state, why, n.Attempts, b.clock.Now().Add(heldFor)); err != nil {
			if ctx.Err() == nil {
				slog.Error("the outbox could not be written", "error", err)
			}
			return
		}
		if n.Kind == notify.Alarm {
			quiet.telling(n, state)
		}
	}
}

func (b *Workbench) sendOne(ctx context.Context, c *workspace.Config, name string, n store.Notification) error {
	channel, ok := c.Channel(name)
	if !ok {
		return engine.Errorf(engine.Invalid, "notify "+name, "there is no such channel any more")
	}
	var m notify.Message
	if err := json.Unmarshal(n.Message, &m); err != nil {
		return engine.Errorf(engine.Invalid, "notify "+name, "%w", err)
	}
	return b.send(ctx, channel, linked(m, b.address()))
}

// linked leads a message back into the app, where that is served now.
func linked(m notify.Message, at string) notify.Message {
	if at == "" {
		return m
	}
	switch {
	case m.Incident != "":
		m.Link = at + "/incidents/" + m.Incident
	case len(m.Items) > 0:
		m.Link = at + "/incidents"
	case m.Kind == notify.Failure:
		m.Link = at + "/health"
	}
	for i := range m.Items {
		m.Items[i].Link = at + "/incidents/" + m.Items[i].Incident
	}
	return m
}

func (b *Workbench) send(ctx context.Context, c workspace.Channel, m notify.Message) error {
	to, err := notify.New(notify.Config{
		Name: c.Name, Outbox: b.Current().Root, Type: c.Type, URL: c.URL, Headers: c.Headers, To: c.To, From: c.From, SMTP: c.SMTP,
		Topic: c.Topic, Endpoint: c.Endpoint, Region: c.Region, Profile: c.Profile, RoleARN: c.RoleARN, Path: c.Path, Allow: c.Allow,
	}, notify.Options{
		Append: func(file string) (io.WriteCloser, error) {
			return os.OpenFile(b.Workspace.Path(file), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		},
		Show: func(title, text string) error { return beeep.Notify(title, text, "") },
	})
	if err != nil {
		return err
	}
	return to.Send(ctx, m)
}

// sent writes down how a try went; it reports whether to go on.
func (b *Workbench) sent(ctx context.Context, n store.Notification, problem error) bool {
	now, attempts := b.clock.Now(), n.Attempts+1
	state, why, at := "sent", "", now
	switch {
	case problem == nil:
	case ctx.Err() != nil:
		return false
	case notify.Final(problem, attempts):
		state, why = "dead", problem.Error()
	default:
		state, why, at = "pending", problem.Error(), now.Add(notify.Backoff(attempts))
	}
	// What was sent is kept as sent, also by who is about to leave.
	if err := b.Store.MoveNotice(context.WithoutCancel(ctx), n, state, why, attempts, at); err != nil {
		slog.Error("the outbox could not be written", "error", err)
		return false
	}
	if state == "dead" {
		b.changed(incidentsTable)
	}
	return state != "pending"
}

// fillOutbox adds what time brings: repeats, and digests.
func (b *Workbench) fillOutbox(ctx context.Context, now time.Time, specs map[string]rule.Spec) error {
	var notices []engine.Notice
	open, err := b.Store.Incidents(ctx, store.IncidentFilter{State: "open"})
	if err != nil {
		return err
	}
	for _, i := range open {
		notices = append(notices, b.repeats(i, specs[i.Rule], now)...)
	}
	dead, err := b.deadLetters(ctx, now)
	if err != nil {
		return err
	}
	if err := b.Store.AddNotices(ctx, append(notices, dead...), now); err != nil {
		return err
	}
	if b.watches.catchingUp() {
		return nil
	}
	if err := b.dailies(ctx, now, specs); err != nil {
		return err
	}
	return b.Store.TakeUntold(ctx, now, func(list []store.IncidentRow) []engine.Notice {
		return b.digests(list, specs, notify.Digest, "Found while catching up", list[0].ID+"/"+list[len(list)-1].ID)
	})
}

// repeats tell of an alarm again while it lasts and nobody looks after it.
func (b *Workbench) repeats(i store.IncidentRow, spec rule.Spec, now time.Time) []engine.Notice {
	if spec.Repeat == nil || i.Acked != nil {
		return nil
	}
	n := int64(now.Sub(i.FiredAt) / spec.Repeat.Value)
	if n < 1 {
		return nil
	}
	m := notify.Message{
		Kind: notify.Repeat, Rule: i.Rule, Group: anyText(i.Key), State: "ALARM", Severity: i.Severity, Incident: i.ID, Start: &i.Start,
		Labels: i.Labels, Runbook: spec.Runbook.Value, Text: i.Summary,
	}
	m.Title = title("still ALARM", m)
	return noticesFor(b.incidentRoutes(i, spec), fmt.Sprintf("%s/repeat/%d", i.ID, n), m, time.Time{})
}

func (b *Workbench) incidentRoutes(i store.IncidentRow, spec rule.Spec) []string {
	key, err := json.Marshal(i.Key)
	if err != nil {
		return nil
	}
	return routes(b.Current().Config.Channels, spec.Notify, facts(i.Rule, i.Severity, key, i.Labels))
}

func anyText(key map[string]any) string {
	text, err := json.Marshal(key)
	if err != nil {
		return ""
	}
	return KeyText(text)
}

// TestChannel sends a message to a channel now.
func (b *Workbench) TestChannel(ctx context.Context, name string) error {
	w := b.Current()
	c, ok := w.Config.Channel(name)
	if !ok {
		var names []string
		for _, c := range w.Config.Channels {
			names = append(names, c.Key.Value)
		}
		e := engine.Errorf(engine.NotFound, "notify "+name, "there is no channel %s", name)
		if near := engine.Nearest(name, names); near != "" {
			return e.WithHint("did you mean %s?", near)
		}
		return e.WithHint("the channels are: %s", strings.Join(names, ", "))
	}
	if !w.Trusted {
		return workspace.ErrUntrusted(w.Root, "notify "+name)
	}
	now := b.clock.Now()
	err := b.send(ctx, c, notify.Message{
		Key: fmt.Sprintf("test/%d", now.UnixMicro()), Kind: notify.Test, Title: "Tidemark: a test of channel " + name,
		Text: "If you can read this, alarms of " + w.Config.Name + " arrive here.", Link: b.address(),
	})
	var known *engine.Error
	if errors.As(err, &known) {
		known.Op = "notify " + name
		known.Kind = engine.Unavailable // whatever the server refused, the command was right
	}
	return err
}

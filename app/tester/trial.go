package tester

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/rule"
	"tidemark.dev/tidemark/engine/window"
)

// trial is one test while it runs.
type trial struct {
	test   *workspace.Test
	table  *table
	plan   *plan.Plan
	rule   *rule.Rule // nil without one
	memory *window.Memory
	panes  *window.Panes
	// mark follows the events, or is moved by hand.
	mark *window.Watermark
	now  time.Time

	fired   []window.Pane
	dropped int64
	// shown is what each window shows now, for the alarm.
	shown  map[string]rule.WindowRow
	result Result
}

func (t *trial) run(ctx context.Context) error {
	for i := range t.test.Steps {
		s := &t.test.Steps[i]
		var err error
		switch {
		case s.Now != nil:
			err = t.pass(ctx, s)
		case s.At.Has("events"):
			err = t.events(ctx, s)
		case s.Watermark != nil:
			err = t.advance(ctx, s)
		case s.At.Has("expect_panes"):
			t.comparePanes(s)
			t.fired = nil
		case s.At.Has("expect_alarms"):
			t.compareAlarms(s)
		case s.ExpectDropped != nil:
			if got := int(t.dropped); got != *s.ExpectDropped {
				t.result.fail(s.At.Value("expect_dropped"), "%d events were dropped, not %d", got, *s.ExpectDropped)
			}
			t.dropped = 0
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pass moves processing time. What is wrong with a step fails the test.
func (t *trial) pass(ctx context.Context, s *workspace.TestStep) error {
	at := s.At.Value("now")
	if !t.take(at, func() ([]window.Pane, error) { return t.panes.Pass(ctx, s.Now.Time) }) {
		return ctx.Err()
	}
	t.now = s.Now.Time
	t.mark.Pass(t.now)
	t.follow(ctx, at)
	return ctx.Err()
}

// take keeps the panes that a step fires, or fails the test.
func (t *trial) take(at engine.Text, step func() ([]window.Pane, error)) bool {
	panes, err := step()
	if err != nil {
		t.result.fail(at, "%s", err)
		return false
	}
	t.fired = append(t.fired, panes...)
	for _, p := range panes {
		if !p.Retraction {
			t.shown[fmt.Sprint(p.Window, plan.KeyText(p.Keys))] = rule.WindowRow{Span: p.Window, Env: p.Env}
		}
	}
	return true
}

// follow moves the panes to where the watermark is.
func (t *trial) follow(ctx context.Context, at engine.Text) {
	if to := t.mark.At(); to.After(t.panes.Watermark()) {
		t.take(at, func() ([]window.Pane, error) { return t.panes.Advance(ctx, to) })
	}
}

func (t *trial) events(ctx context.Context, s *workspace.TestStep) error {
	at := s.At.Key("events")
	times := map[string][]time.Time{}
	for _, e := range s.Events {
		row, err := t.table.row(e, t.memory.Columns())
		if err != nil {
			return place(at, err)
		}
		t.memory.Add(row)
		shard := shardOf(e)
		if when, ok := row[0].Time(); ok {
			times[shard] = append(times[shard], when)
		}
	}
	if !t.take(at, func() ([]window.Pane, error) {
		panes, dropped, err := t.panes.Arrived(ctx, t.memory.Last())
		t.dropped += dropped
		return panes, err
	}) {
		return ctx.Err()
	}
	for shard, list := range times {
		t.mark.Observe(shard, list, t.now)
	}
	t.follow(ctx, at)
	return ctx.Err()
}

func shardOf(event engine.Entries[any]) string {
	for _, m := range event {
		if m.Key.Value == "shard" {
			return fmt.Sprint(m.Value)
		}
	}
	return ""
}

func (t *trial) advance(ctx context.Context, s *workspace.TestStep) error {
	at := s.At.Value("watermark")
	to := s.Watermark
	switch {
	case to.Max:
		t.take(at, func() ([]window.Pane, error) { return t.panes.Advance(ctx, window.EndOfInput) })
		return ctx.Err()
	case len(to.Shards) > 0:
		for _, e := range to.Shards {
			if !t.mark.Set(e.Key.Value, e.Value.Time) {
				t.result.fail(at, "the watermark of shard %s cannot go back to %s", e.Key.Value, e.Value.Format(time.RFC3339Nano))
			}
		}
		t.follow(ctx, at)
	default:
		for _, m := range t.mark.Marks() {
			t.mark.Set(m.Shard, to.To.Time)
		}
		t.take(at, func() ([]window.Pane, error) { return t.panes.Advance(ctx, to.To.Time) })
	}
	return ctx.Err()
}

// compareAlarms evaluates the alarm over what the windows show now.
func (t *trial) compareAlarms(s *workspace.TestStep) {
	if t.rule == nil || t.rule.Plan.When == nil {
		t.result.fail(s.At.Key("expect_alarms"), "there is no alarm: the test names no rule")
		return
	}
	until := t.panes.Watermark()
	rows := make([]rule.WindowRow, 0, len(t.shown))
	newest := time.Time{}
	for _, r := range t.shown {
		rows = append(rows, r)
		if r.End.After(newest) {
			newest = r.End
		}
	}
	if until.Equal(window.EndOfInput) { // the alarm sees as far as there were events
		until = newest
	}
	states := t.rule.States(rows, until)
	for i, want := range s.ExpectAlarms {
		at := want.At.Text
		if at.Line == 0 {
			at = s.At.Key("expect_alarms")
		}
		j := slices.IndexFunc(states, func(g rule.GroupState) bool { return sameKey(s.ExpectAlarms[i].Key, g.Key) })
		switch {
		case j < 0 && want.State != string(rule.InsufficientData):
			t.result.fail(at, "no group %s has had a window", flow(want.Key))
		case j >= 0 && string(states[j].State) != want.State:
			t.result.fail(at, "the alarm of %s is %s, not %s", flow(want.Key), states[j].State, want.State)
		}
	}
	if len(s.ExpectAlarms) > 0 {
		return
	}
	for _, g := range states { // an empty list: nothing is in alarm
		if g.State == rule.Alarming {
			t.result.fail(s.At.Key("expect_alarms"), "%s is in ALARM", groupText(g.Key))
		}
	}
}

func sameKey(want map[string]any, have rule.Group) bool {
	for name, v := range want {
		value, ok := have[name]
		if !ok || !sameValue(v, value) {
			return false
		}
	}
	return true
}

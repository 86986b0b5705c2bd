package tester

import (
	"errors"
	"strings"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/rule"
	"tidemark.dev/tidemark/engine/schema"
	"tidemark.dev/tidemark/engine/window"
)

// prepare compiles a test: its plan, from its own keys or from a rule, and
// how its windows fire.
func prepare(test *workspace.Test, s Surroundings) (*trial, error) {
	t := &trial{test: test, shown: map[string]rule.WindowRow{}}
	var settings workspace.Dataset
	var p *plan.Plan
	var err error
	if test.Rule.Value != "" {
		if s == nil {
			return nil, test.Rule.At(0, "there is no workspace to find the rule %s in", test.Rule.Value).WithHint("run it in a workspace, or name one with -w DIR")
		}
		p, settings, err = t.prepareRule(s)
	} else {
		p, err = t.prepareWindow()
	}
	if err != nil {
		return nil, inTests(err)
	}
	config := window.Config{Plan: p, Accumulation: window.Accumulation(test.Accumulation)}
	t.late(&config, settings)
	t.trigger(&config)
	t.plan, t.memory = p, window.NewMemory(p)
	t.panes = window.New(config, t.memory)
	t.mark = t.watermark(settings)
	return t, nil
}

func (t *trial) prepareRule(s Surroundings) (*plan.Plan, workspace.Dataset, error) {
	spec, err := s.RuleSpec(t.test.Rule)
	if err != nil {
		return nil, workspace.Dataset{}, err
	}
	settings := s.Settings(spec.Dataset.Value)
	mapping, err := s.Mapping(spec.Dataset.Value)
	if err != nil {
		return nil, settings, err
	}
	if t.table, err = newTable(spec.Dataset.Value, s.Body(spec.Dataset.Value), mapping, false, t.test.Steps); err != nil {
		return nil, settings, err
	}
	if t.rule, err = rule.Compile(spec, t.table.dataset); err != nil {
		return nil, settings, err
	}
	if spec.Late != nil {
		settings.Late.Allowed = spec.Late.Allowed.Value
		if spec.Late.Mode.Value != "" {
			settings.Late.Mode = spec.Late.Mode.Value
		}
	}
	return t.rule.Plan, settings, nil
}

func (t *trial) prepareWindow() (*plan.Plan, error) {
	test := t.test
	w, err := planWindow(test.Window)
	if err != nil {
		return nil, err
	}
	if len(test.Measures) == 0 {
		return nil, test.At.Value("measures").At(0, "the test measures nothing").WithHint("add measures: {n: count()}")
	}
	mapping := engine.Mapping{EventTime: []engine.Path{{"t"}}, Envelope: schema.DefaultEnvelope()}
	if t.table, err = newTable("events", engine.Type{Kind: engine.Struct}, mapping, true, test.Steps); err != nil {
		return nil, err
	}
	return rule.CompileMeasures(test.Measures, test.Where, t.table.dataset, w, test.GroupBy)
}

func planWindow(w *workspace.TestWindow) (plan.Window, error) {
	out := plan.Window{Offset: w.Offset, Size: w.Tumbling}
	key := "tumbling"
	switch {
	case w.Hopping != nil:
		out.Kind, out.Size, out.Every, key = plan.Hopping, w.Hopping.Size, w.Hopping.Every, "hopping"
	case w.Cumulate != nil:
		out.Kind, out.Size, out.Every, key = plan.Cumulate, w.Cumulate.Size, w.Cumulate.Step, "cumulate"
	case w.Session != nil:
		out.Kind, out.Gap, key = plan.Session, w.Session.Gap, "session"
	}
	if w.TimeZone != "" && w.TimeZone != "UTC" {
		zone, err := time.LoadLocation(w.TimeZone)
		if err != nil {
			return out, w.At.Value("time_zone").At(0, "there is no time zone %s", w.TimeZone).WithHint("write one such as Europe/Berlin")
		}
		out.Zone = zone
	}
	if problem, hint := out.Check(); problem != "" {
		return out, w.At.Value(key).At(0, "%s", problem).WithHint("%s", hint)
	}
	return out, nil
}

// late says what late events do: as the test says, as the rule or its dataset
// says, or nothing.
func (t *trial) late(c *window.Config, settings workspace.Dataset) {
	c.Mode = window.Discard
	if t.rule != nil {
		c.Mode, c.Allowed = window.Mode(settings.Late.Mode), settings.Late.Allowed
	}
	l := t.test.Late
	if l == nil {
		return
	}
	c.Mode, c.Allowed = window.Update, l.Allowed.Duration
	if l.Allowed.Forever {
		c.Allowed = window.Forever
	}
	if l.Mode != "" {
		c.Mode = window.Mode(l.Mode)
	}
}

func (t *trial) trigger(c *window.Config) {
	if t.test.Trigger == nil {
		return
	}
	firing := func(f *workspace.TestFiring) window.Firing {
		if f == nil {
			return window.Firing{}
		}
		return window.Firing{Every: f.Every, Count: int64(f.Count), Never: f.Never}
	}
	c.Early, c.Late = firing(t.test.Trigger.Early), firing(t.test.Trigger.Late)
}

// watermark follows the strategy of the test, or of the rule's dataset. All
// shards of the test are known from the beginning.
func (t *trial) watermark(settings workspace.Dataset) *window.Watermark {
	s := window.Strategy{Kind: window.Manual}
	if w := t.test.Watermark; w != nil && !w.Manual {
		w.Fill()
		s = strategy(w.Watermark)
	} else if w == nil && t.rule != nil && !t.movesByHand() {
		s = strategy(settings.Watermark)
	}
	mark := window.NewWatermark(s, time.Time{}, nil)
	for i := range t.test.Steps {
		step := &t.test.Steps[i]
		for _, e := range step.Events {
			if shard := shardOf(e); shard != "" {
				mark.Join(shard, time.Time{})
			}
		}
		if step.Watermark != nil {
			for _, e := range step.Watermark.Shards {
				mark.Join(e.Key.Value, time.Time{})
			}
		}
	}
	return mark
}

func (t *trial) movesByHand() bool {
	for i := range t.test.Steps {
		if t.test.Steps[i].Watermark != nil {
			return true
		}
	}
	return false
}

func strategy(w workspace.Watermark) window.Strategy {
	return window.Strategy{Kind: w.Strategy, Lateness: w.Lateness, Idle: w.Idle, MaxFuture: w.MaxFuture, P: w.P}
}

// inTests says what to do in a test where the hint is about a dataset.
func inTests(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, e := range joined.Unwrap() {
			out = append(out, inTests(e))
		}
		return errors.Join(out...)
	}
	var e *engine.Error
	if errors.As(err, &e) && strings.Contains(e.Hint, "tidemark schema") {
		return e.WithHint("give it a value in an event of the test: that is where its type comes from")
	}
	return err
}

package workspace

import (
	"errors"
	"math"
	"strconv"
	"time"

	"tidemark.dev/tidemark/app/workspace/yamlfile"
	"tidemark.dev/tidemark/engine"
)

// TestFile is a file in tests/.
type TestFile struct {
	Tests []Test `yaml:"tests" doc:"The tests, run one by one."`
}

// Test feeds events and watermarks to a window or a rule and says what must
// come out; or it feeds datapoints to an alarm.
type Test struct {
	At           yamlfile.At
	Name         engine.Text                 `yaml:"name" doc:"What is tested, in words."`
	Rule         engine.Text                 `yaml:"rule" doc:"A rule of the workspace, which brings its window, measures and alarm."`
	Window       *TestWindow                 `yaml:"window" doc:"The window, when no rule brings it."`
	Where        engine.Text                 `yaml:"where" doc:"Which events count."`
	GroupBy      []engine.Text               `yaml:"group_by" doc:"One window for each value of these paths."`
	Measures     engine.Entries[engine.Text] `yaml:"measures" doc:"What is computed for each window, by name."`
	Watermark    *TestWatermark              `yaml:"watermark" doc:"manual, or a strategy as in a dataset."`
	Late         *TestLate                   `yaml:"late" doc:"What late events do."`
	Trigger      *TestTrigger                `yaml:"trigger" doc:"When a pane fires besides on time."`
	Accumulation string                      `yaml:"accumulation" enum:"discarding|accumulating|retracting" doc:"What a later pane of a window shows."`
	Steps        []TestStep                  `yaml:"steps" doc:"What happens and what must have come of it, in order."`

	Alarm  *TestAlarm   `yaml:"alarm" doc:"An alarm, tested alone with points."`
	Points *engine.Text `yaml:"points" doc:"Its datapoints, oldest first: 0 not breaching, X breaching, - missing."`
	State  engine.Text  `yaml:"state" enum:"OK|ALARM|INSUFFICIENT_DATA" doc:"Its state before the points."`
	Expect engine.Text  `yaml:"expect" enum:"OK|ALARM|INSUFFICIENT_DATA|retain" doc:"Its state after them; retain is unchanged."`
}

// TestWindow is a window; exactly one kind is set.
type TestWindow struct {
	At       yamlfile.At
	Tumbling time.Duration `yaml:"tumbling" doc:"Windows of this size, one after the other."`
	Hopping  *Hopping      `yaml:"hopping" doc:"Windows that overlap."`
	Session  *Session      `yaml:"session" doc:"Windows that end when nothing happens."`
	Cumulate *Cumulate     `yaml:"cumulate" doc:"Windows that grow step by step."`
	Offset   time.Duration `yaml:"offset" doc:"Moves the beginning of windows."`
	TimeZone string        `yaml:"time_zone" doc:"Where a day begins: Europe/Berlin."`
}

// Hopping is windows of Size that begin every Every.
type Hopping struct {
	Size  time.Duration `yaml:"size" doc:"How long a window is."`
	Every time.Duration `yaml:"every" doc:"How often one begins."`
}

// Session is windows that end after Gap without events.
type Session struct {
	Gap time.Duration `yaml:"gap" doc:"How long nothing happens before a window ends."`
}

// Cumulate is windows of Size shown every Step as they fill.
type Cumulate struct {
	Size time.Duration `yaml:"size" doc:"How long a window is."`
	Step time.Duration `yaml:"step" doc:"How much it grows."`
}

// TestWatermark is manual or a strategy.
type TestWatermark struct {
	Manual    bool `yaml:"-"`
	Watermark `yaml:",inline"`
}

// SetScalar reads the word manual, or a strategy without settings.
func (w *TestWatermark) SetScalar(t engine.Text) error {
	switch t.Value {
	case "manual":
		w.Manual = true
	case "max_lateness", "median":
		w.Strategy = t.Value
	default:
		return t.At(0, "watermark: unknown strategy %s", t.Value).
			WithHint("write manual, or a strategy such as {strategy: max_lateness, lateness: 10m}")
	}
	return nil
}

// TestLate says what late events do.
type TestLate struct {
	Allowed TestAllowed `yaml:"allowed" doc:"How long after its end a window takes events: a duration or forever."`
	Mode    string      `yaml:"mode" enum:"update|discard|side" doc:"What happens to a window when a late event comes."`
}

// TestAllowed is a lateness, which may have no end.
type TestAllowed struct {
	Forever  bool
	Duration time.Duration
}

// SetScalar reads a duration or the word forever.
func (a *TestAllowed) SetScalar(t engine.Text) (err error) {
	if t.Value == "forever" {
		a.Forever = true
		return nil
	}
	a.Duration, err = engine.ParseDuration(t.Value)
	return err
}

// TestTrigger says when panes fire besides on time.
type TestTrigger struct {
	Early *TestFiring `yaml:"early" doc:"Before the window ends."`
	Late  *TestFiring `yaml:"late" doc:"After it has ended; never holds late events back until the window closes."`
}

// TestFiring is every so often, or after so many records, or never.
type TestFiring struct {
	Every time.Duration `yaml:"every" doc:"So much processing time after the first event that no pane has shown."`
	Count int           `yaml:"count" doc:"After so many events that no pane has shown."`
	Never bool          `yaml:"-"`
}

// SetScalar reads the word never.
func (f *TestFiring) SetScalar(t engine.Text) error {
	if t.Value != "never" {
		return t.At(0, "trigger: unknown word %s", t.Value).WithHint("write {every: 1m}, {count: 1}, or never")
	}
	f.Never = true
	return nil
}

// TestAlarm says when an alarm goes off.
type TestAlarm struct {
	At         yamlfile.At
	Datapoints int    `yaml:"datapoints" doc:"How many datapoints must breach."`
	Of         int    `yaml:"of" doc:"Out of how many."`
	Missing    string `yaml:"missing" enum:"missing|ignore|breaching|not_breaching" doc:"What a missing datapoint counts as."`
}

// TestStep is one step of a test; exactly one key is set.
type TestStep struct {
	At            yamlfile.At
	Now           *TestTime             `yaml:"now" doc:"Processing time moves here; timers due by then fire first."`
	Events        []engine.Entries[any] `yaml:"events" doc:"Events that arrive as one micro-batch."`
	Watermark     *TestAdvance          `yaml:"watermark" doc:"The watermark moves here: a time, max, or a time for each shard."`
	ExpectPanes   []TestPane            `yaml:"expect_panes" doc:"Exactly the panes fired since the last such step, in any order."`
	ExpectAlarms  []TestState           `yaml:"expect_alarms" doc:"The state of alarms now."`
	ExpectDropped *int                  `yaml:"expect_dropped" doc:"How many events no window took since the last such step."`
}

// TestTime is a moment: RFC 3339 or seconds since 1970.
type TestTime struct{ time.Time }

// SetScalar reads a moment.
func (m *TestTime) SetScalar(t engine.Text) (err error) {
	m.Time, err = ParseTestTime(t.Value)
	return err
}

// ParseTestTime reads RFC 3339 or plain seconds with fractions, to the
// microsecond.
func ParseTestTime(s string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC(), nil
	}
	seconds, err := strconv.ParseFloat(s, 64)
	if err != nil || math.Abs(seconds) > 253402300799 {
		return time.Time{}, engine.Errorf(engine.Invalid, "", "%q is not a time", s).
			WithHint("write 2026-01-31T12:00:00Z, or seconds such as 12.5")
	}
	return time.UnixMicro(int64(math.Round(seconds * 1e6))).UTC(), nil
}

// TestAdvance is where the watermark moves to.
type TestAdvance struct {
	// Max is the end of input.
	Max bool
	// To is set unless Max or Shards is.
	To TestTime
	// Shards moves the watermark of each shard, in order.
	Shards engine.Entries[TestTime]
}

// SetScalar reads a moment or the word max.
func (a *TestAdvance) SetScalar(t engine.Text) error {
	if t.Value == "max" {
		a.Max = true
		return nil
	}
	return a.To.SetScalar(t)
}

// MappingTarget is where a watermark for each shard is read into.
func (a *TestAdvance) MappingTarget() any { return &a.Shards }

// TestPane is a pane that must have fired; only the given fields are compared.
type TestPane struct {
	At         yamlfile.At
	Window     []TestTime     `yaml:"window" doc:"Start and end."`
	Key        map[string]any `yaml:"key" doc:"The group it belongs to."`
	Timing     string         `yaml:"timing" enum:"early|on_time|late" doc:"When it fired."`
	Index      *int           `yaml:"index" doc:"Which of its window's panes it is, from 0."`
	Final      *bool          `yaml:"final" doc:"Whether the window takes no more events."`
	Retraction *bool          `yaml:"retraction" doc:"Whether it takes back what an earlier pane said."`
	Values     map[string]any `yaml:"values" doc:"Measures and their values."`
}

// TestState is the state that an alarm must have.
type TestState struct {
	At    yamlfile.At
	Key   map[string]any `yaml:"key" doc:"The group it belongs to."`
	State string         `yaml:"state" enum:"OK|ALARM|INSUFFICIENT_DATA" doc:"Its state."`
}

// DecodeTests reads a test file and gives all its problems.
func DecodeTests(file string, src []byte) (*TestFile, error) {
	t := &TestFile{}
	if err := yamlfile.Decode(file, src, t); err != nil {
		return nil, err
	}
	var problems []error
	for i := range t.Tests {
		problems = append(problems, t.Tests[i].validate())
	}
	return t, errors.Join(problems...)
}

func (t *Test) validate() error {
	var problems []error
	if t.Name.Value == "" {
		problems = append(problems, t.At.Value("name").At(0, "the test has no name").WithHint("add name: with what it shows"))
	}
	if t.Points != nil {
		if t.Alarm == nil {
			at := t.At.Key("points")
			if t.At.Has("alarm") {
				at = t.At.Value("alarm")
			}
			problems = append(problems, at.At(0, "points need an alarm").
				WithHint("add alarm: {datapoints: 2, of: 3, missing: missing}"))
			return errors.Join(problems...)
		}
		return errors.Join(append(problems, t.validatePoints())...)
	}
	if t.Rule.Value != "" && t.Window != nil {
		problems = append(problems, t.At.Key("window").At(0, "the rule %s brings its own window", t.Rule.Value).WithHint("remove window, or remove rule"))
	}
	if w := t.Watermark; w != nil && w.Strategy == "percentile" && !(w.P > 0 && w.P < 1) {
		at := t.At.Key("watermark")
		if t.At.Within("watermark").Has("p") {
			at = t.At.Within("watermark").Value("p")
		}
		problems = append(problems, at.At(0, "strategy percentile needs a p between 0 and 1").WithHint("write watermark: {strategy: percentile, p: 0.95}"))
	}
	if t.Rule.Value == "" && t.Window == nil {
		at := t.At.Value("rule")
		if t.At.Has("window") {
			at = t.At.Value("window")
		}
		problems = append(problems, at.At(0, "the test has neither a window nor a rule").
			WithHint("add window: {tumbling: 1m}, or rule: with the name of one"))
	}
	if t.Window != nil {
		problems = append(problems, t.Window.validate())
	}
	problems = append(problems, t.Trigger.validate(t.At.Within("trigger")))
	for i := range t.Steps {
		s := &t.Steps[i]
		if keys := s.At.Keys(); len(keys) != 1 {
			problems = append(problems, s.At.Text.At(0, "a step does one thing, this one has %d keys", len(keys)).
				WithHint("write one key a step"))
		}
		if n := s.ExpectDropped; n != nil && *n < 0 {
			problems = append(problems, s.At.Value("expect_dropped").At(0, "expect_dropped: want 0 or more"))
		}
		for j := range s.ExpectPanes {
			if n := s.ExpectPanes[j].Index; n != nil && *n < 0 {
				problems = append(problems, s.ExpectPanes[j].At.Value("index").At(0, "index: want 0 or more"))
			}
			if n := len(s.ExpectPanes[j].Window); n != 0 && n != 2 {
				problems = append(problems, s.ExpectPanes[j].At.Value("window").At(0, "window: want start and end").
					WithHint("write [start, end]"))
			}
		}
	}
	return errors.Join(problems...)
}

// validatePoints checks a test of an alarm alone.
func (t *Test) validatePoints() error {
	var problems []error
	if t.Expect.Value == "" {
		problems = append(problems, t.At.Text.At(0, "the test expects nothing").WithHint("add expect: OK, ALARM, INSUFFICIENT_DATA or retain"))
	}
	a := t.Alarm
	for key, n := range map[string]int{"datapoints": a.Datapoints, "of": a.Of} {
		if a.At.Has(key) && n < 1 {
			problems = append(problems, a.At.Value(key).At(0, "%s is %d", key, n).WithHint("write 1 or more"))
		}
	}
	if a.At.Has("of") && a.Datapoints > a.Of {
		problems = append(problems, a.At.Value("datapoints").At(0, "%d of %d datapoints can never breach", a.Datapoints, a.Of).WithHint("write datapoints: %d, or raise of", a.Of))
	}
	return errors.Join(problems...)
}

func (t *TestTrigger) validate(at yamlfile.At) error {
	if t == nil {
		return nil
	}
	var problems []error
	for i, f := range []*TestFiring{t.Early, t.Late} {
		key := []string{"early", "late"}[i]
		if f != nil && at.Within(key).Has("count") && f.Count < 1 {
			problems = append(problems, at.Within(key).Value("count").At(0, "count: want 1 or more"))
		}
	}
	return errors.Join(problems...)
}

func (w *TestWindow) validate() error {
	kinds := 0
	for _, k := range []string{"tumbling", "hopping", "session", "cumulate"} {
		if w.At.Has(k) {
			kinds++
		}
	}
	if kinds != 1 {
		return w.At.Text.At(0, "a window has one kind, this one has %d", kinds).
			WithHint("write one of tumbling, hopping, session, cumulate")
	}
	return nil
}

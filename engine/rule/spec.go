package rule

import (
	"strconv"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Spec is a rule file as it was written. Every key that a rule may have is
// here; Compile refuses what cannot be run yet.
type Spec struct {
	At       engine.At
	Rule     engine.Text                 `yaml:"rule" doc:"The name of the rule."`
	Dataset  engine.Text                 `yaml:"dataset" doc:"The dataset whose records are watched."`
	Where    engine.Text                 `yaml:"where" doc:"Which records count: an expression over the record."`
	GroupBy  []GroupKey                  `yaml:"group_by" doc:"One alarm for each value of these paths."`
	Window   *Window                     `yaml:"window" doc:"How event time is cut into windows."`
	Measures engine.Entries[engine.Text] `yaml:"measures" doc:"What is computed of each window, by name. A measure may use earlier ones."`
	When     engine.Text                 `yaml:"when" doc:"Which windows breach: an expression over measures and group keys."`
	Alarm    *Alarm                      `yaml:"alarm" doc:"How many breaching datapoints raise the alarm."`
	Late     *Late                       `yaml:"late" doc:"What late records do. Default: as the dataset says."`
	Severity engine.Text                 `yaml:"severity" doc:"How bad it is, for those who are notified."`
	Labels   map[string]string           `yaml:"labels" doc:"Labels of the alarm."`
	Notify   []engine.Text               `yaml:"notify" doc:"The channels that are told."`
	Runbook  engine.Text                 `yaml:"runbook" doc:"The notebook that runs when the alarm goes off; its report is attached to the incident."`
	Summary  engine.Text                 `yaml:"summary" doc:"One sentence about the alarm; expressions stand in {{ }}."`

	Expect      *Expect       `yaml:"expect" doc:"Alarm when something does not happen, instead of window, measures and when."`
	Keys        Keys          `yaml:"keys" doc:"Which groups must appear: seen, or a list."`
	RecoverWhen engine.Text   `yaml:"recover_when" doc:"Which windows end an alarm. Default: those that do not breach."`
	Repeat      *Duration     `yaml:"repeat" doc:"How often a notification is repeated while the alarm lasts."`
	Silence     []Quiet       `yaml:"silence" doc:"When nobody is notified: maintenance windows."`
	Inhibit     []engine.Text `yaml:"inhibit" doc:"Rules during whose alarms this one is not notified, where they agree on the group."`
	Incidents   []Incident    `yaml:"incidents" doc:"What really happened, for precision and recall of the alarms."`
	Forget      *Duration     `yaml:"forget" doc:"How long after its last record a group is forgotten. Default: 24h."`
}

// Place is where the file says what a key has; where it does not have the key,
// the rule's name.
func (s Spec) Place(key string) engine.Text {
	if s.At.Has(key) {
		return s.At.Value(key)
	}
	return placed(s.Rule, s.At.Text)
}

// GroupKey is a path to group by; a file may write just the path.
type GroupKey struct {
	Path  engine.Text `yaml:"path" doc:"The path."`
	Match engine.Text `yaml:"match" doc:"Only groups that match; * stands for any text, ? for one character."`
}

// SetScalar reads the path alone.
func (k *GroupKey) SetScalar(t engine.Text) error {
	k.Path = t
	return nil
}

// Window is how event time is cut; exactly one kind is set.
type Window struct {
	Tumbling *Duration   `yaml:"tumbling" doc:"Windows of this size, one after the other."`
	Hopping  *Hopping    `yaml:"hopping" doc:"Windows that overlap."`
	Session  *Session    `yaml:"session" doc:"Windows that end when nothing happens."`
	Cumulate *Cumulate   `yaml:"cumulate" doc:"Windows that grow step by step."`
	Offset   *Duration   `yaml:"offset" doc:"Moves the beginning of windows."`
	TimeZone engine.Text `yaml:"time_zone" doc:"Where a day begins: Europe/Berlin."`
}

// Hopping is windows of Size that begin every Every.
type Hopping struct {
	Size  Duration `yaml:"size" doc:"How long a window is."`
	Every Duration `yaml:"every" doc:"How often one begins."`
}

// Session is windows that end after Gap without records.
type Session struct {
	Gap Duration `yaml:"gap" doc:"How long nothing happens before a window ends."`
}

// Cumulate is windows of Size, shown every Step as they fill.
type Cumulate struct {
	Size Duration `yaml:"size" doc:"How long a window is."`
	Step Duration `yaml:"step" doc:"How much it grows."`
}

// Alarm is how many datapoints must breach.
type Alarm struct {
	Datapoints Count       `yaml:"datapoints" doc:"How many datapoints must breach. Default: all of them."`
	Of         Count       `yaml:"of" doc:"Out of how many. Default: datapoints."`
	Missing    engine.Text `yaml:"missing" enum:"missing|ignore|breaching|not_breaching" doc:"What a missing datapoint counts as. Default: missing."`
}

// Late is what late records do.
type Late struct {
	Allowed Duration    `yaml:"allowed" doc:"How long after its end a window takes records."`
	Mode    engine.Text `yaml:"mode" enum:"update|discard|side" doc:"What happens to a window when a late record comes."`
}

// Expect is something that must happen.
type Expect struct {
	Where   engine.Text `yaml:"where" doc:"Which records are waited for."`
	AtLeast Count       `yaml:"at_least" doc:"How many of them. Default: 1."`
	Within  Duration    `yaml:"within" doc:"In what time."`
	By      engine.Text `yaml:"by" doc:"The time of day: 06:00 Europe/Berlin."`
	Keys    Keys        `yaml:"keys" doc:"Which groups must appear: seen, or a list."`
}

// Incident is something that is known to have happened.
type Incident struct {
	From engine.Text                 `yaml:"from" doc:"When it began: 2026-01-31T12:00:00Z."`
	To   engine.Text                 `yaml:"to" doc:"When it was over."`
	Key  engine.Entries[engine.Text] `yaml:"key" doc:"The group it was about, by the names in group_by. Default: all."`
	Note engine.Text                 `yaml:"note" doc:"What it was."`
}

// Keys lists the groups that must appear; a file may write just the word seen.
type Keys []engine.Text

// SetScalar reads the word.
func (k *Keys) SetScalar(t engine.Text) error {
	*k = Keys{t}
	return nil
}

// Duration is a length of time and where it was written.
type Duration struct {
	Text  engine.Text
	Value time.Duration
}

// SetScalar reads "10m".
func (d *Duration) SetScalar(t engine.Text) (err error) {
	d.Text = t
	d.Value, err = engine.ParseDuration(t.Value)
	return err
}

// Count is a whole number and where it was written.
type Count struct {
	Text  engine.Text
	Value int
}

// SetScalar reads a whole number.
func (c *Count) SetScalar(t engine.Text) (err error) {
	c.Text = t
	if c.Value, err = strconv.Atoi(t.Value); err != nil {
		return engine.Errorf(engine.Invalid, "", "want a whole number, have %q", t.Value).WithHint("write digits: 3")
	}
	return nil
}

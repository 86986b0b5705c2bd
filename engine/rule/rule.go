package rule

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// Rule is a rule that has been checked against its dataset and can run. It is
// immutable and may be used by several goroutines.
type Rule struct {
	Name string
	// Spec is the file's text, with overrides applied.
	Spec Spec
	// Plan is what is computed.
	Plan *plan.Plan
	// Alarm is how datapoints become states.
	Alarm Policy
	// Forget is how long after its last window with records a group is known.
	Forget  time.Duration
	Summary Summary
	// Watched lists the measures that when reads, and which of their
	// extremes is the worst.
	Watched []Watched

	dataset engine.Dataset
}

// DefaultForget is how long a silent group is known unless a rule says
// otherwise.
const DefaultForget = 24 * time.Hour

var (
	ruleName    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
	measureName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// Compile checks a rule against the dataset it names and turns it into a
// plan. The error holds every problem found, as engine.Errors with their
// places.
func Compile(spec Spec, ds engine.Dataset) (*Rule, error) {
	c := &compilation{spec: spec, dataset: ds, plan: &plan.Plan{Dataset: ds.Name}}
	r := &Rule{Name: spec.Rule.Value, Spec: spec, Plan: c.plan, dataset: ds}
	c.check(c.name())
	c.check(c.datasetName())
	c.check(c.unsupported())
	c.where()
	c.keys()
	c.window()
	c.measures()
	c.when()
	r.Alarm = c.alarm()
	r.Forget = c.forget()
	r.Summary = c.summary()
	c.late()
	if len(c.problems) == 0 {
		c.check(place(spec.Rule, c.plan.Check()))
	}
	if err := errors.Join(c.problems...); err != nil {
		return nil, err
	}
	r.Watched = watched(c.plan)
	return r, nil
}

// SQL is the rule as one DuckDB statement over its dataset's table, for
// people to read and to run.
func (r *Rule) SQL() string {
	s, err := r.Plan.SQL()
	if err != nil { // Compile has checked that it can be written
		panic(fmt.Sprintf("rule: SQL of %s: %v", r.Name, err))
	}
	return s
}

// compilation gathers a plan and the problems found on the way.
type compilation struct {
	spec     Spec
	dataset  engine.Dataset
	plan     *plan.Plan
	problems []error
	// broken says that a measure could not be read, so that names may be
	// missing for no fault of those who use them.
	broken bool
}

func (c *compilation) check(err error) bool {
	if err != nil {
		c.problems = append(c.problems, err)
	}
	return err == nil
}

func (c *compilation) name() error {
	t := c.spec.Rule
	switch {
	case t.Value == "":
		return t.At(0, "the rule has no name").WithHint("add rule: with a name, as in rule: checkout_error_rate")
	case !ruleName.MatchString(t.Value):
		return t.At(0, "%q cannot be the name of a rule", t.Value).WithHint("use letters, digits, _ - and .")
	}
	return nil
}

func (c *compilation) datasetName() error {
	t := c.spec.Dataset
	switch {
	case t.Value == "":
		return c.spec.Rule.At(0, "the rule has no dataset").WithHint("write dataset: %s", c.dataset.Name)
	case t.Value != c.dataset.Name:
		return t.At(0, "the rule watches dataset %q, not %s", t.Value, c.dataset.Name).WithHint("write dataset: %s", c.dataset.Name)
	}
	return nil
}

// unsupported refuses the keys that cannot be run yet.
func (c *compilation) unsupported() error {
	s := &c.spec
	at := s.Rule
	var problems []error
	refuse := func(set bool, t engine.Text, key, hint string) {
		if !set {
			return
		}
		if t.Line == 0 {
			t = at
		}
		problems = append(problems, t.At(0, "%s is not available yet", key).WithHint("%s", hint))
	}
	if s.Expect != nil {
		refuse(true, s.Expect.Where, "expect", "count records in a window and let when compare them, as in when: records < 1 with alarm: {missing: breaching}")
	}
	refuse(len(s.Keys) > 0, firstOf(s.Keys), "keys", "remove it; groups are known from their first record until forget")
	refuse(s.RecoverWhen.Value != "", s.RecoverWhen, "recover_when", "remove it; an alarm ends when fewer datapoints breach than alarm wants")
	refuse(s.Repeat != nil, durationText(s.Repeat), "repeat", "remove it; a notification is sent once")
	refuse(s.Silence != nil, at, "silence", "remove it")
	refuse(s.Inhibit != nil, at, "inhibit", "remove it")
	return errors.Join(problems...)
}

func firstOf(list []engine.Text) engine.Text {
	if len(list) == 0 {
		return engine.Text{}
	}
	return list[0]
}

func durationText(d *Duration) engine.Text {
	if d == nil {
		return engine.Text{}
	}
	return d.Text
}

func (c *compilation) where() {
	if c.spec.Where.Value == "" {
		return
	}
	e, err := compileCondition(c.spec.Where, recordScope{dataset: c.dataset}, "where")
	if c.check(err) {
		c.plan.Where = e
	}
}

func (c *compilation) keys() {
	for _, k := range c.spec.GroupBy {
		path, err := engine.ParsePath(k.Path.Value)
		if err != nil {
			c.check(k.Path.At(0, "%q is no path", k.Path.Value).WithHint(`write names with dots between them: body.http.status, or body."user-agent"`))
			continue
		}
		resolved, t, err := resolve(c.dataset, path)
		if !c.check(place(k.Path, err)) {
			continue
		}
		key, err := plan.NewKey(path.String(), resolved, t)
		if !c.check(place(k.Path, nameDataset(err, c.dataset))) {
			continue
		}
		for _, other := range c.plan.Keys {
			if other.Path.String() == resolved.String() {
				c.check(k.Path.At(0, "%s stands in group_by twice", key.Name).WithHint("remove one"))
			}
		}
		c.plan.Keys = append(c.plan.Keys, key)
		c.match(k, key)
	}
}

// match narrows where to the groups that a pattern allows.
func (c *compilation) match(k GroupKey, key plan.Key) {
	if k.Match.Value == "" {
		return
	}
	e, err := plan.NewMatches(key.Column, globExpression(k.Match.Value))
	if err == nil && c.plan.Where != nil {
		e, err = plan.NewBinary(plan.And, c.plan.Where, e)
	}
	if c.check(place(k.Match, err)) {
		c.plan.Where = e
	}
}

// globExpression is a pattern with * and ? as a regular expression.
func globExpression(pattern string) string {
	quoted := regexp.QuoteMeta(pattern)
	return "(?s)^" + strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(quoted) + "$"
}

// maxWindow bounds a window's size.
const maxWindow = 366 * 24 * time.Hour

func (c *compilation) window() {
	w := c.spec.Window
	if w == nil {
		if c.spec.Expect == nil {
			c.check(c.spec.Rule.At(0, "the rule has no window").WithHint("add window: {tumbling: 1m}"))
		}
		return
	}
	kinds, t := 0, c.spec.Rule
	if w.Hopping != nil {
		kinds, t = kinds+1, w.Hopping.Size.Text
		c.notYet(t, "hopping windows", w.Hopping.Size.Value)
	}
	if w.Session != nil {
		kinds, t = kinds+1, w.Session.Gap.Text
		c.notYet(t, "session windows", w.Session.Gap.Value)
	}
	if w.Cumulate != nil {
		kinds, t = kinds+1, w.Cumulate.Size.Text
		c.notYet(t, "cumulate windows", w.Cumulate.Size.Value)
	}
	if w.Tumbling != nil {
		kinds, t = kinds+1, w.Tumbling.Text
		c.tumbling(w)
	}
	if w.TimeZone.Value != "" && w.TimeZone.Value != "UTC" {
		c.check(w.TimeZone.At(0, "time_zone is not available yet").WithHint("windows are cut in UTC; move them with offset, as in offset: 1h"))
	}
	if kinds != 1 {
		c.check(t.At(0, "a window has one kind, this one has %d", kinds).WithHint("write window: {tumbling: 1m}"))
	}
}

func (c *compilation) notYet(t engine.Text, what string, size time.Duration) {
	if t.Line == 0 {
		t = c.spec.Rule
	}
	if size <= 0 {
		size = time.Minute
	}
	c.check(t.At(0, "%s are not available yet", what).WithHint("write window: {tumbling: %s}", engine.FormatDuration(size)))
}

func (c *compilation) tumbling(w *Window) {
	size := w.Tumbling.Value
	switch {
	case size < time.Millisecond || size%time.Microsecond != 0:
		c.check(w.Tumbling.Text.At(0, "a window of %s is too short", size).WithHint("write at least 1ms"))
		return
	case size > maxWindow:
		c.check(w.Tumbling.Text.At(0, "a window of %s is too long", engine.FormatDuration(size)).WithHint("write at most %s", engine.FormatDuration(maxWindow)))
		return
	}
	c.plan.Window = plan.Window{Size: size}
	if w.Offset != nil {
		if w.Offset.Value >= size {
			c.check(w.Offset.Text.At(0, "the offset is not smaller than the window").WithHint("write less than %s", engine.FormatDuration(size)))
		}
		c.plan.Window.Offset = w.Offset.Value
	}
}

func (c *compilation) measures() {
	if len(c.spec.Measures) == 0 && c.spec.Expect == nil {
		c.check(c.spec.Rule.At(0, "the rule measures nothing").WithHint("add measures: {records: count()}"))
	}
	scope := windowScope{c.dataset, c.plan, true}
	for _, m := range c.spec.Measures {
		nameErr := c.measureName(m.Key)
		e, err := compile(m.Value, scope)
		if err == nil && e.Type() == engine.Unknown {
			err = m.Value.At(0, "nil is no measure").WithHint("write an aggregate, as in count()")
		}
		if !c.check(nameErr) || !c.check(err) {
			c.broken = true
			continue
		}
		c.plan.Measures = append(c.plan.Measures, plan.Measure{Name: m.Key.Value, Expr: e})
	}
}

func (c *compilation) measureName(t engine.Text) error {
	if !measureName.MatchString(t.Value) || known(t.Value, reserved) {
		return t.At(0, "%q cannot be the name of a measure", t.Value).WithHint("use letters, digits and _, and no word of the expression language")
	}
	for _, m := range c.plan.Measures {
		if m.Name == t.Value {
			return t.At(0, "there are two measures named %s", t.Value).WithHint("rename one")
		}
	}
	for _, k := range c.plan.Keys {
		if k.Name == t.Value {
			return t.At(0, "%s is already the name of a group key", t.Value).WithHint("rename the measure")
		}
	}
	return nil
}

// reserved words cannot be names, as the parser would read them otherwise.
var reserved = []string{"true", "false", "nil", "not", "in", "and", "or", "let", "if", "else", "matches", "contains", "startsWith", "endsWith"}

func (c *compilation) when() {
	t := c.spec.When
	if t.Value == "" {
		if c.spec.Expect == nil {
			c.check(c.spec.Rule.At(0, "the rule has no when").WithHint("add when: with a condition, as in when: errors > 10"))
		}
		return
	}
	e, err := compileCondition(t, windowScope{c.dataset, c.plan, false}, "when")
	if err != nil && c.broken {
		return // the measures' own problems come first
	}
	if c.check(err) {
		c.plan.When = e
	}
}

// maxSlots bounds M of N.
const maxSlots = 10_000

func (c *compilation) alarm() Policy {
	p := Policy{Datapoints: 1, Of: 1, Missing: MissingIsMissing}
	a := c.spec.Alarm
	if a == nil {
		return p
	}
	for _, n := range []struct {
		key  string
		from Count
		to   *int
	}{{"of", a.Of, &p.Of}, {"datapoints", a.Datapoints, &p.Datapoints}} {
		if n.from.Text.Value == "" && n.from.Value == 0 {
			continue
		}
		if n.from.Value < 1 || n.from.Value > maxSlots {
			c.check(n.from.Text.At(0, "alarm.%s is %d", n.key, n.from.Value).WithHint("write a number from 1 to %d", maxSlots))
			return p
		}
		*n.to = n.from.Value
	}
	switch {
	case a.Of.Value == 0:
		p.Of = p.Datapoints
	case a.Datapoints.Value == 0:
		p.Datapoints = p.Of
	case p.Datapoints > p.Of:
		c.check(a.Datapoints.Text.At(0, "%d of %d datapoints can never breach", p.Datapoints, p.Of).
			WithHint("write datapoints: %d, or raise of", p.Of))
	}
	if t := a.Missing; t.Value != "" {
		p.Missing = Missing(t.Value)
		if !known(t.Value, missings) {
			e := t.At(0, "%q is no way to treat missing datapoints", t.Value)
			c.check(e.WithHint("write one of %s", strings.Join(missings, ", ")))
		}
	}
	return p
}

func (c *compilation) forget() time.Duration {
	if c.spec.Forget == nil {
		return DefaultForget
	}
	if c.spec.Forget.Value <= 0 {
		c.check(c.spec.Forget.Text.At(0, "forget must be longer than nothing").WithHint("write forget: 24h"))
	}
	return c.spec.Forget.Value
}

func (c *compilation) summary() Summary {
	s, err := compileSummary(c.spec.Summary, windowScope{c.dataset, c.plan, false})
	if err != nil && !c.broken {
		c.check(err)
	}
	return s
}

func (c *compilation) late() {
	l := c.spec.Late
	if l == nil || l.Mode.Value == "" {
		return
	}
	if modes := []string{"update", "discard", "side"}; !known(l.Mode.Value, modes) {
		c.check(l.Mode.At(0, "%q is no way to treat late records", l.Mode.Value).WithHint("write one of %s", join(modes)))
	}
}

func join(names []string) string { return strings.Join(names, ", ") }

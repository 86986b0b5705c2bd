package rule

import (
	"regexp"
	"strings"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

var (
	ruleName    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
	measureName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

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

func (c *compilation) at(key string) engine.Text { return c.spec.Place(key) }

// placed is a text that somebody wrote, or else another place.
func placed(t, other engine.Text) engine.Text {
	if t.Line == 0 && t.File == "" {
		return other
	}
	return t
}

func (c *compilation) name() error {
	t := c.spec.Rule
	switch {
	case t.Value == "":
		return placed(t, c.spec.At.Text).At(0, "the rule has no name").WithHint("add rule: with a name, as in rule: checkout_error_rate")
	case !ruleName.MatchString(t.Value):
		return t.At(0, "%q cannot be the name of a rule", t.Value).WithHint("use letters, digits, _ - and .")
	}
	return nil
}

func (c *compilation) datasetName() error {
	t := c.spec.Dataset
	switch {
	case t.Value == "":
		return placed(t, c.at("dataset")).At(0, "the rule has no dataset").WithHint("write dataset: %s", c.dataset.Name)
	case t.Value != c.dataset.Name:
		return t.At(0, "the rule watches dataset %q, not %s", t.Value, c.dataset.Name).WithHint("write dataset: %s", c.dataset.Name)
	}
	return nil
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

func (c *compilation) measures() {
	if len(c.spec.Measures) == 0 && c.spec.Expect == nil {
		c.check(c.at("measures").At(0, "the rule measures nothing").WithHint("add measures: {records: count()}"))
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
			c.check(placed(t, c.at("when")).At(0, "the rule has no when").WithHint("add when: with a condition, as in when: errors > 10"))
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

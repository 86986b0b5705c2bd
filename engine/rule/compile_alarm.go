package rule

import (
	"strings"
	"time"

	"tidemark.dev/tidemark/engine/plan"
)

// maxSlots bounds M of N.
const maxSlots = 10_000

func (c *compilation) alarm() Policy {
	p := Policy{Datapoints: 1, Of: 1, Missing: MissingIsMissing}
	if c.spec.Expect != nil {
		p.Missing = MissingIsBreaching
	}
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
	if t := a.Missing; t.Value != "" && c.spec.Expect != nil {
		c.check(t.At(0, "missing stands beside expect").WithHint("remove it; a window without records has too few of them"))
	} else if t.Value != "" {
		p.Missing = Missing(t.Value)
		if !known(t.Value, missings) {
			e := t.At(0, "%q is no way to treat missing datapoints", t.Value)
			c.check(e.WithHint("write one of %s", strings.Join(missings, ", ")))
		}
	}
	return p
}

// recover compiles recover_when.
func (c *compilation) recover() plan.Expr {
	t := c.spec.RecoverWhen
	if t.Value == "" {
		return nil
	}
	if c.spec.When.Value == "" && c.spec.Expect == nil {
		c.check(t.At(0, "recover_when stands without when").WithHint("add when: with the condition that raises the alarm"))
		return nil
	}
	e, err := compileCondition(t, windowScope{c.dataset, c.plan, false}, "recover_when")
	if err != nil && c.broken || !c.check(err) {
		return nil
	}
	return e
}

// never is longer than anything that is stored.
const never = 100 * 366 * 24 * time.Hour

func (c *compilation) forget() time.Duration {
	x := c.spec.Expect
	switch {
	case c.spec.Forget == nil && x != nil:
		return never // who is waited for is missed until it comes
	case c.spec.Forget == nil:
		return DefaultForget
	case x != nil && c.spec.Forget.Value <= x.Within.Value:
		c.check(c.spec.Forget.Text.At(0, "a group would be forgotten before it is missed").
			WithHint("write more than within, or remove forget: it is waited for until it comes"))
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

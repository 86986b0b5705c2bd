package rule

import (
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// expect makes a plan of records that must come: it counts them, and a window
// with too few of them breaches, as does one without any. With by, a window
// ends at that time of every day; else windows follow each other.
func (c *compilation) expect() {
	x := c.spec.Expect
	if x == nil || !c.alone() {
		return
	}
	c.expected(x)
	least := int64(1)
	if x.AtLeast.Text.Value != "" {
		least = int64(x.AtLeast.Value)
	}
	if least < 1 {
		c.check(x.AtLeast.Text.At(0, "at_least is %d", least).WithHint("write how many records must come, from 1"))
	}
	c.plan.Window = c.within(x)
	count, err := plan.NewAggregate(plan.Count, nil)
	if !c.check(err) {
		return
	}
	c.plan.Measures = []plan.Measure{{Name: "records", Expr: c.plan.AddAggregate(count)}}
	limit, err := plan.NewLiteral(plan.Int(least))
	if !c.check(err) {
		return
	}
	c.plan.When, err = plan.NewBinary(plan.Less, plan.NewRef(plan.MeasureRef, 0, "records", engine.BigInt), limit)
	c.check(err)
}

// alone reports whether expect stands alone, as it must.
func (c *compilation) alone() bool {
	s := &c.spec
	for _, other := range []struct {
		set bool
		key string
		at  engine.Text
	}{{s.Window != nil, "window", c.at("window")}, {len(s.Measures) > 0, "measures", c.at("measures")}, {s.When.Value != "", "when", s.When}} {
		if other.set {
			return c.check(other.at.At(0, "%s stands beside expect", other.key).WithHint("remove one of them: expect says what is counted, in what time and what is too few"))
		}
	}
	return true
}

// expected leaves out the records that are not waited for.
func (c *compilation) expected(x *Expect) {
	if x.Where.Value == "" {
		return
	}
	e, err := compileCondition(x.Where, recordScope{dataset: c.dataset}, "expect.where")
	if err == nil && c.plan.Where != nil {
		e, err = plan.NewBinary(plan.And, c.plan.Where, e)
	}
	if c.check(err) {
		c.plan.Where = e
	}
}

const day = 24 * time.Hour

func (c *compilation) within(x *Expect) plan.Window {
	size := x.Within.Value
	at := x.Within.Text
	if at.Value == "" {
		at = placed(c.spec.At.Within("expect").Value("within"), c.at("expect"))
		c.check(at.At(0, "expect does not say within what time").WithHint("add within, as in expect: {at_least: 1, within: 24h}"))
		return plan.Window{Size: day}
	}
	w := plan.Window{Size: size}
	switch {
	case size > maxWindow:
		c.check(at.At(0, "%s is too long", engine.FormatDuration(size)).WithHint("write at most %s", engine.FormatDuration(maxWindow)))
		return w
	case x.By.Value == "":
	case size < day || size%day != 0:
		c.check(at.At(0, "with by, within is whole days").WithHint("write within: 24h, or remove by"))
		return w
	default:
		w.Offset, w.Zone = c.by(x.By)
		if size > day {
			w.Kind, w.Every = plan.Hopping, day
		}
	}
	if problem, hint := w.Check(); problem != "" {
		c.check(at.At(0, "%s", problem).WithHint("%s", hint))
	}
	return w
}

// by reads "06:00 Europe/Berlin".
func (c *compilation) by(t engine.Text) (offset time.Duration, zone *time.Location) {
	clock, place, _ := strings.Cut(t.Value, " ")
	at, err := time.Parse("15:04", clock)
	if err != nil {
		c.check(t.At(0, "%q is no time of day", clock).WithHint(`write by: "06:00 Europe/Berlin"`))
		return 0, nil
	}
	offset = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	if place = strings.TrimSpace(place); place == "" || place == "UTC" {
		return offset, nil
	}
	zone, err = time.LoadLocation(place)
	if err != nil || place == "Local" {
		c.check(t.At(len(t.Value)-len(place), "there is no time zone %s", place).WithHint(`write by: "06:00 Europe/Berlin"`))
		return offset, nil
	}
	return offset, zone
}

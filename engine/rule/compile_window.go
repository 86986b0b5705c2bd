package rule

import (
	"time"
	_ "time/tzdata" // time zones where the system has none

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

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
	if c.spec.Expect != nil {
		return
	}
	out, kinds, at := w.plan(), 0, c.spec.Rule
	for _, d := range w.sizes() {
		kinds, at = kinds+1, d.Text
	}
	if at.Line == 0 && at.File == "" {
		at = c.spec.Rule
	}
	if kinds != 1 {
		c.check(at.At(0, "a window has one kind, this one has %d", kinds).WithHint("write window: {tumbling: 1m}"))
		return
	}
	zoned := c.zone(&out)
	size := max(out.Size, out.Gap)
	switch problem, hint := out.Check(); {
	case w.Tumbling != nil && (size < time.Millisecond || size%time.Microsecond != 0):
		c.check(at.At(0, "a window of %s is too short", size).WithHint("write at least 1ms"))
		return
	case size > maxWindow:
		c.check(at.At(0, "a window of %s is too long", engine.FormatDuration(size)).WithHint("write at most %s", engine.FormatDuration(maxWindow)))
		return
	case problem != "" && zoned:
		c.check(at.At(0, "%s", problem).WithHint("%s", hint))
		return
	}
	if w.Offset != nil && out.Kind != plan.Session && w.Offset.Value >= size {
		c.check(w.Offset.Text.At(0, "the offset is not smaller than the window").WithHint("write less than %s", engine.FormatDuration(size)))
	}
	c.plan.Window = out
}

// sizes lists what the kinds that are set are measured by.
func (w *Window) sizes() (list []*Duration) {
	if w.Hopping != nil {
		list = append(list, &w.Hopping.Size)
	}
	if w.Session != nil {
		list = append(list, &w.Session.Gap)
	}
	if w.Cumulate != nil {
		list = append(list, &w.Cumulate.Size)
	}
	if w.Tumbling != nil {
		list = append(list, w.Tumbling)
	}
	return list
}

// plan is the window without its time zone.
func (w *Window) plan() (out plan.Window) {
	switch {
	case w.Hopping != nil:
		out = plan.Window{Kind: plan.Hopping, Size: w.Hopping.Size.Value, Every: w.Hopping.Every.Value}
	case w.Cumulate != nil:
		out = plan.Window{Kind: plan.Cumulate, Size: w.Cumulate.Size.Value, Every: w.Cumulate.Step.Value}
	case w.Session != nil:
		out = plan.Window{Kind: plan.Session, Gap: w.Session.Gap.Value}
	case w.Tumbling != nil:
		out.Size = w.Tumbling.Value
	}
	if w.Offset != nil {
		out.Offset = w.Offset.Value
	}
	return out
}

func (c *compilation) zone(out *plan.Window) bool {
	t := c.spec.Window.TimeZone
	if t.Value == "" || t.Value == "UTC" {
		return true
	}
	zone, err := time.LoadLocation(t.Value)
	if err != nil || t.Value == "Local" {
		return c.check(t.At(0, "there is no time zone %s", t.Value).WithHint("write one such as Europe/Berlin"))
	}
	out.Zone = zone
	return true
}

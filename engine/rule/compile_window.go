package rule

import (
	"time"

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

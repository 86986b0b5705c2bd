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
			c.check(c.at("window").At(0, "the rule has no window").WithHint("add window: {tumbling: 1m}"))
		}
		return
	}
	if c.spec.Expect != nil {
		return
	}
	out, kinds, at := w.plan(), w.kinds(), c.at("window")
	if len(kinds) > 0 {
		at = c.windowAt(kinds[len(kinds)-1])
	}
	if len(kinds) != 1 {
		c.check(at.At(0, "a window has one kind, this one has %d", len(kinds)).
			WithHint("write one of tumbling: 1m, hopping: {size: 10m, every: 1m}, session: {gap: 10m}, cumulate: {size: 1h, step: 10m}"))
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

// windowKind is a kind of window that a rule has, and its lengths.
type windowKind struct {
	name    string
	keys    []string
	lengths []Duration
}

// kinds lists the kinds that are set.
func (w *Window) kinds() (list []windowKind) {
	if h := w.Hopping; h != nil {
		list = append(list, windowKind{"hopping", []string{"size", "every"}, []Duration{h.Size, h.Every}})
	}
	if s := w.Session; s != nil {
		list = append(list, windowKind{"session", []string{"gap"}, []Duration{s.Gap}})
	}
	if u := w.Cumulate; u != nil {
		list = append(list, windowKind{"cumulate", []string{"size", "step"}, []Duration{u.Size, u.Step}})
	}
	if w.Tumbling != nil {
		list = append(list, windowKind{name: "tumbling", lengths: []Duration{*w.Tumbling}})
	}
	return list
}

// windowAt is where a length of the window is missing, or else where the first
// of them stands.
func (c *compilation) windowAt(k windowKind) engine.Text {
	window := c.spec.At.Within("window")
	at := placed(window.Value(k.name), c.at("window"))
	for i, d := range k.lengths {
		if d.Value == 0 && i < len(k.keys) {
			return placed(d.Text, placed(window.Within(k.name).Value(k.keys[i]), at))
		}
	}
	return placed(k.lengths[0].Text, at)
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

package rule

import "time"

// leastRepeat keeps reminders from being a nuisance.
const leastRepeat = time.Minute

// repeat checks how often an alarm is told again while it lasts.
func (c *compilation) repeat() error {
	r := c.spec.Repeat
	if r == nil || r.Value >= leastRepeat {
		return nil
	}
	return r.Text.At(0, "repeat is shorter than a minute").WithHint("write repeat: 4h")
}

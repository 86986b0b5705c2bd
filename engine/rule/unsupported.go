package rule

import (
	"errors"

	"tidemark.dev/tidemark/engine"
)

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
	refuse(s.Repeat != nil, durationText(s.Repeat), "repeat", "remove it; a notification is sent once")
	refuse(s.Silence != nil, at, "silence", "remove it")
	refuse(s.Inhibit != nil, at, "inhibit", "remove it")
	return errors.Join(problems...)
}

func durationText(d *Duration) engine.Text {
	if d == nil {
		return engine.Text{}
	}
	return d.Text
}

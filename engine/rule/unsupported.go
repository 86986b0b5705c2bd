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
	if s.Expect != nil {
		refuse(true, s.Expect.Where, "expect", "count records in a window and let when compare them, as in when: records < 1 with alarm: {missing: breaching}")
	}
	refuse(len(s.Keys) > 0, firstOf(s.Keys), "keys", "remove it; groups are known from their first record until forget")
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

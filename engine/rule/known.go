package rule

import (
	"time"

	"tidemark.dev/tidemark/engine"
)

// Known is something that really happened, or an alarm that was none, as
// people have said: a rule is held against it.
type Known struct {
	From, To time.Time
	// Key holds values of group_by; those that are not named may be any.
	Key map[string]string
	// False says that it was a false alarm.
	False bool
	// Label says that somebody has judged one alarm, which says nothing of
	// others; a rule's file names all that happened.
	Label bool
	Note  string
}

// covers reports whether k is what a label calls true, too.
func (k Known) covers(label Known) bool {
	if k.Label || k.False || !k.From.Before(label.To) || !label.From.Before(k.To) {
		return false
	}
	for name, v := range k.Key {
		if label.Key[name] != v {
			return false
		}
	}
	return true
}

// overlaps reports whether an alarm from start to end, of a group, is about it.
func (k Known) overlaps(g Group, start, end time.Time) bool {
	if !start.Before(k.To) || !k.From.Before(end) {
		return false
	}
	for name, want := range k.Key {
		if v, ok := g[name]; !ok || v.String() != want {
			return false
		}
	}
	return true
}

// known reads incidents.
func (c *compilation) known() (list []Known) {
	for _, i := range c.spec.Incidents {
		k := Known{From: c.instant(i.From), To: c.instant(i.To), Key: map[string]string{}, Note: i.Note.Value}
		if !k.From.IsZero() && !k.To.IsZero() && !k.From.Before(k.To) {
			c.check(i.To.At(0, "the incident ends before it begins").WithHint("swap from and to"))
		}
		for _, e := range i.Key {
			if name, ok := c.keyNamed(e.Key); ok {
				k.Key[name] = e.Value.Value
			}
		}
		list = append(list, k)
	}
	return list
}

func (c *compilation) instant(t engine.Text) time.Time {
	at, err := time.Parse(time.RFC3339, t.Value)
	if err != nil {
		c.check(placed(t, c.at("incidents")).At(0, "an incident needs from and to, and %q is no time", t.Value).WithHint(`write from: "2026-01-31T12:00:00Z"`))
	}
	return at.UTC()
}

// keyNamed finds a group key by its name or its path.
func (c *compilation) keyNamed(t engine.Text) (string, bool) {
	path, err := engine.ParsePath(t.Value)
	if err == nil {
		if resolved, _, err := c.dataset.Resolve(path); err == nil {
			for _, k := range c.plan.Keys {
				if k.Path.String() == resolved.String() {
					return k.Name, true
				}
			}
		}
	}
	if len(c.plan.Keys) == len(c.spec.GroupBy) { // else group_by has problems of its own
		c.check(t.At(0, "the rule does not group by %s", t.Value).WithHint("name paths of group_by, or leave key out: the incident is of all groups"))
	}
	return "", false
}

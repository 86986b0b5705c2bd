package rule

import (
	"slices"
	"strconv"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// listed reads keys: the word seen, or the groups that must appear, which are
// then the only ones.
func (c *compilation) listed() (groups [][]plan.Value) {
	keys := c.spec.Keys
	if x := c.spec.Expect; x != nil && len(x.Keys) > 0 {
		if len(keys) > 0 {
			c.check(x.Keys[0].At(0, "keys stands twice, in expect and beside it").WithHint("remove one"))
		}
		keys = x.Keys
	}
	switch {
	case len(keys) == 0:
		return nil
	case c.spec.Expect == nil:
		c.check(keys[0].At(0, "keys stands without expect").WithHint("remove it; groups are known from their first record until forget"))
		return nil
	case len(keys) == 1 && keys[0].Value == "seen":
		return nil
	case len(c.spec.GroupBy) != 1:
		c.check(keys[0].At(0, "a list of keys wants one path in group_by, and there are %d", len(c.spec.GroupBy)).WithHint("write keys: seen, or group by one path"))
		return nil
	case len(c.plan.Keys) != 1: // it could not be read, which has been said
		return nil
	}
	return c.onlyListed(keys, c.plan.Keys[0])
}

// onlyListed leaves out the records of groups that are not listed.
func (c *compilation) onlyListed(keys Keys, by plan.Key) (groups [][]plan.Value) {
	var list []plan.Expr
	for _, k := range keys {
		v, err := keyValue(k, by.Column.Type())
		if !c.check(err) {
			continue
		}
		if slices.ContainsFunc(groups, func(g []plan.Value) bool { return g[0].Equal(v) }) {
			c.check(k.At(0, "%s is listed twice", k.Value).WithHint("remove one"))
			continue
		}
		e, err := plan.NewLiteral(v)
		if c.check(place(k, err)) {
			groups, list = append(groups, []plan.Value{v}), append(list, e)
		}
	}
	e, err := plan.NewIn(by.Column, list)
	if err == nil && c.plan.Where != nil {
		e, err = plan.NewBinary(plan.And, c.plan.Where, e)
	}
	if c.check(place(keys[0], err)) {
		c.plan.Where = e
	}
	return groups
}

// keyValue reads the value of a group key as it is written in a list.
func keyValue(t engine.Text, kind engine.TypeKind) (plan.Value, error) {
	switch kind {
	case engine.Varchar:
		return plan.Text(t.Value), nil
	case engine.BigInt:
		n, err := strconv.ParseInt(t.Value, 10, 64)
		if err != nil {
			return plan.Null, t.At(0, "%s is no whole number", t.Value).WithHint("write values that the group key has")
		}
		return plan.Int(n), nil
	case engine.Bool:
		b, err := strconv.ParseBool(t.Value)
		if err != nil {
			return plan.Null, t.At(0, "%s is neither true nor false", t.Value).WithHint("write true or false")
		}
		return plan.Bool(b), nil
	}
	return plan.Null, t.At(0, "%s cannot be listed", plan.TypeName(kind)).WithHint("write keys: seen")
}

// Awaits says that a group must appear whether or not it ever did.
func (r *Rule) Awaits(keys []plan.Value) bool {
	return slices.ContainsFunc(r.Expected, func(g []plan.Value) bool { return slices.EqualFunc(g, keys, plan.Value.Equal) })
}

// await begins to wait for a group that must appear: from the first window
// that begins at or after since.
func (h *history) await(since time.Time) {
	w := h.rule.Plan.Window
	h.awaited, h.next = true, w.EndAfter(since)
	for w.Spans(h.next.Add(-time.Microsecond))[0].Start.Before(since) {
		h.next = w.EndAfter(h.next)
	}
}

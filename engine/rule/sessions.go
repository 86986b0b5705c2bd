package rule

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// sessionMemory is what the sessions may take that are kept of rules that are
// alike, in bytes, without their texts. The oldest beyond that are computed from
// their records when a late one comes to them.
const sessionMemory = 64 << 20

// keptSessions are the sessions that rules have, by group and then by time, so
// that a step costs what came and not what lies in the sessions that go on.
type keptSessions struct {
	rules []*liveRule
	// seq and rewrites are those of the step that they are of.
	seq, rewrites int64
	// after says that all sessions are here that end after it.
	after  time.Time
	groups map[string]*keptGroup
	count  int
	most   int // that may be kept
	came   cameRecords
}

// keptGroup are the sessions of a group, by time. There may be thousands, which
// make room for others.
type keptGroup struct {
	keys     []plan.Value
	sessions []*keptSession
	came     []cameRecord
}

// keptSession is one of them; changed says that the step brought records of it.
type keptSession struct {
	plan.Partial
	changed bool
}

// sessions finds those that are not over, or were not when the newest rows
// came.
func (c *computation) sessions(ctx context.Context, from engine.RuleProgress) error {
	if c.still = !from.At.IsZero() && !c.step.Watermark.After(from.At) && c.step.UpTo <= from.Seq; c.still {
		return nil
	}
	kept := c.rules[0].sessions
	for _, r := range c.rules {
		r.sessions = nil // until they are known to be as the step has left them
	}
	added := false
	if kept != nil && kept.rewrites == c.step.Rewrites && kept.seq == from.Seq && slices.Equal(kept.rules, c.rules) {
		var err error
		if added, err = c.add(ctx, kept); err != nil {
			return err
		}
	}
	since := from.At
	if !added {
		var err error
		if kept, since, err = c.gather(ctx, from); err != nil {
			return err
		}
	}
	until := c.step.Watermark
	if from.At.After(until) {
		until = from.At // it never goes back
	}
	news := func(s *keptSession) bool { return since.IsZero() || s.changed || s.End.After(since) }
	n := kept.countOf(func(s *keptSession) bool { return news(s) && !s.End.After(until) })
	for i := range c.found {
		c.found[i] = slices.Grow(c.found[i], n)
	}
	for _, g := range kept.groups {
		for _, s := range g.sessions {
			switch {
			case !news(s):
				continue
			case s.End.After(until):
				c.open = append(c.open, openSession{s.Span, s.Keys})
			default:
				c.find(s.Span, c.shared.Finish(s.Partial))
			}
			s.changed = false
		}
	}
	if !c.shared.Mergeable() || !kept.bound(c.openSince(), until) {
		return nil
	}
	kept.rules, kept.seq, kept.rewrites = c.rules, c.step.UpTo, c.step.Rewrites
	for _, r := range c.rules {
		r.sessions = kept
	}
	return nil
}

// openSince is where the windows end that any of the rules has left open to
// late records.
func (c *computation) openSince() time.Time { return c.openAt(c.step.Watermark) }

// openAt is openSince at a watermark.
func (c *computation) openAt(watermark time.Time) time.Time {
	since := c.rules[0].late.OpenSince(watermark)
	for _, r := range c.rules[1:] {
		if s := r.late.OpenSince(watermark); s.Before(since) {
			since = s
		}
	}
	return since
}

// add puts the rows that came into the sessions that are kept. They are of no
// use any more if a row may belong to a session that is not: added is false then.
func (c *computation) add(ctx context.Context, kept *keptSessions) (added bool, err error) {
	if c.step.UpTo <= kept.seq {
		return true, nil
	}
	if q, ok := c.q.(engine.Columnar); ok {
		if ok, added, err = c.addRecords(ctx, q, kept); ok || err != nil {
			return added, err
		}
	}
	came, err := c.partials(ctx, c.shared.Plan, plan.Range{}, fmt.Sprintf("x._seq > %d", kept.seq))
	if err != nil {
		return false, err
	}
	for _, s := range came {
		if s.Start.Before(kept.after) {
			return false, nil
		}
		g := kept.group(appendGroup(nil, s), func() []plan.Value { return s.Keys })
		if into, fresh := kept.reach(c, g, s.Span); fresh {
			into.Partial, into.Keys = s, g.keys
		} else {
			c.shared.Merge(&into.Partial, s)
		}
	}
	return true, nil
}

// gather computes sessions from their records: all for rules that begin, else
// those that end after since.
func (c *computation) gather(ctx context.Context, from engine.RuleProgress) (kept *keptSessions, since time.Time, err error) {
	kept = &keptSessions{groups: map[string]*keptGroup{}, most: c.memory / c.shared.PartialSize()}
	first, r := "true", plan.Range{}
	if !from.At.IsZero() {
		_, oldest, err := c.touched(ctx, from)
		if err != nil {
			return nil, since, err
		}
		if since = from.At; !oldest.IsZero() && oldest.Before(since) {
			since = oldest
		}
		kept.after, r.From = since, since
		if begin := c.begin(since); !begin.IsZero() {
			first = fmt.Sprintf("x.event_time >= make_timestamptz(%d)", begin.UnixMicro())
		}
	}
	found, err := c.partials(ctx, c.shared.Plan, r, first)
	if err != nil {
		return nil, since, err
	}
	for _, s := range found {
		g := kept.group(appendGroup(nil, s), func() []plan.Value { return s.Keys })
		g.sessions = append(g.sessions, &keptSession{Partial: s})
	}
	kept.count = len(found)
	return kept, since, nil
}

// begin is where the records begin of sessions that end after since; zero if
// that is not known.
func (c *computation) begin(since time.Time) time.Time {
	begin := c.rules[0].open
	if since.Before(begin) {
		begin = since
	}
	for _, r := range c.rules {
		for _, t := range r.groups {
			for _, e := range t.entries {
				if e.End.After(since) && e.Start.Before(begin) {
					begin = e.Start
				}
			}
		}
	}
	return begin
}

// partials computes the windows of a plan from some of the records up to the
// step's, by group and then by time.
func (c *computation) partials(ctx context.Context, p *plan.Plan, r plan.Range, where string) (found []plan.Partial, err error) {
	relation, err := c.relation(p, where)
	if err != nil {
		return nil, err
	}
	query, err := p.PaneQuery(relation, r, nil)
	if err != nil {
		return nil, err
	}
	c.ran.Panes++
	rows, err := c.q.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		s, err := c.shared.ScanPartial(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, s)
	}
	return found, rows.Err()
}

// relation is what a plan reads of some of the records up to the step's.
func (c *computation) relation(p *plan.Plan, where string) (string, error) {
	relation, err := c.cat.Relation(p.Dataset, p.CellColumns())
	return fmt.Sprintf("(SELECT * FROM %s AS x WHERE x._seq <= %d AND %s)", relation, c.step.UpTo, where), err
}

// groupName tells the group of a session from others.
func groupName(s plan.Partial) string { return string(appendGroup(nil, s)) }

func appendGroup(name []byte, s plan.Partial) []byte {
	for _, v := range s.Keys {
		name = v.AppendKey(name)
	}
	return name
}

// group finds a group, or makes one of keys.
func (k *keptSessions) group(name []byte, keys func() []plan.Value) *keptGroup {
	g := k.groups[string(name)]
	if g == nil {
		g = &keptGroup{keys: keys()}
		k.groups[string(name)] = g
	}
	return g
}

// reach gives the session of its group that new records come to which reach so
// far: one made of all those that they join, or a new one without any records.
func (k *keptSessions) reach(c *computation, g *keptGroup, span plan.Span) (into *keptSession, fresh bool) {
	first := firstAfter(g.sessions, span.Start)
	if first == len(g.sessions) || !g.sessions[first].Start.Before(span.End) {
		into = &keptSession{plan.Partial{Span: span, Keys: g.keys}, true}
		g.sessions = slices.Insert(g.sessions, first, into)
		k.count++
		return into, true
	}
	into = g.sessions[first]
	into.changed = true
	if span.Start.Before(into.Start) {
		into.Start = span.Start
	}
	if span.End.After(into.End) {
		into.End = span.End
	}
	last := first + 1
	for ; last < len(g.sessions) && g.sessions[last].Start.Before(into.End); last++ {
		c.shared.Merge(&into.Partial, g.sessions[last].Partial)
	}
	if last > first+1 {
		k.count -= last - first - 1
		g.sessions = slices.Delete(g.sessions, first+1, last)
	}
	return into, false
}

// firstAfter finds the first session that ends after a moment. Most records come
// to the last one.
func firstAfter(all []*keptSession, at time.Time) int {
	if n := len(all); n > 0 && !all[n-1].Start.After(at) {
		if all[n-1].End.After(at) {
			return n - 1
		}
		return n
	}
	first, _ := slices.BinarySearchFunc(all, at, func(s *keptSession, at time.Time) int {
		if s.End.After(at) {
			return 1
		}
		return -1
	})
	return first
}

func (k *keptSessions) countOf(what func(*keptSession) bool) (n int) {
	for _, g := range k.groups {
		for _, s := range g.sessions {
			if what(s) {
				n++
			}
		}
	}
	return n
}

// bound forgets sessions where there are too many: those that take no more
// records, and then the oldest, of which half as many are left as may be. It is
// false if too many are not over at the watermark: then it is not worth while.
func (k *keptSessions) bound(open, watermark time.Time) bool {
	if k.count <= k.most {
		return true
	}
	if k.forget(open); k.count <= k.most {
		return true
	}
	ends := make([]time.Time, 0, k.count)
	for _, g := range k.groups {
		for _, s := range g.sessions {
			ends = append(ends, s.End)
		}
	}
	slices.SortFunc(ends, time.Time.Compare)
	last := ends[len(ends)-1-k.most/2]
	if last.After(watermark) {
		return false
	}
	k.forget(last)
	return true
}

// forget leaves those that end after a moment.
func (k *keptSessions) forget(last time.Time) {
	k.count = 0
	for name, g := range k.groups {
		g.sessions = slices.DeleteFunc(g.sessions, func(s *keptSession) bool { return !s.End.After(last) })
		if len(g.sessions) == 0 {
			delete(k.groups, name)
		}
		k.count += len(g.sessions)
	}
	if last.After(k.after) {
		k.after = last
	}
}

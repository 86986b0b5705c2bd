package rule

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

const (
	// maxWindows bounds how many windows are kept of rules that are alike.
	maxWindows = 50_000
	// maxBack bounds how many steps back windows are kept.
	maxBack = 1000
	// maxSpread is up to how many windows a record may lie in that are kept.
	maxSpread = 200
)

// keptWindows are the windows that records may still come to, so that a step
// costs the records that came, and not those that the windows hold already.
// Sessions are kept otherwise: see keptSessions.
type keptWindows struct {
	rules []*liveRule
	// seq and rewrites are those of the step that they are of.
	seq, rewrites int64
	// after says that all windows are here that begin then or later, but for
	// those that take no more records.
	after  time.Time
	groups map[string]map[time.Time]*plan.Partial // by their end
	count  int
}

// keeps reports whether windows are kept of the rules.
func (c *computation) keeps(from engine.RuleProgress) bool {
	return !from.At.IsZero() && c.shared.Addable(maxSpread) && !slices.ContainsFunc(c.rules, func(r *liveRule) bool { return r.unkept })
}

// windows finds what has become due, and what late rows have touched, among
// the windows that are kept.
func (c *computation) windows(ctx context.Context, from engine.RuleProgress) error {
	late, due := c.step.Late && c.step.UpTo > from.Seq, c.due(from)
	if !late && !due {
		return nil
	}
	kept := c.rules[0].windows
	for _, r := range c.rules {
		r.windows = nil // until they are known to be as the step has left them
	}
	var err error
	if kept != nil && kept.rewrites == c.step.Rewrites && slices.Equal(kept.rules, c.rules) {
		err = c.addToWindows(ctx, kept, from)
	} else {
		kept, err = c.gatherWindows(ctx, from)
	}
	if err == nil && due {
		err = c.findDue(ctx, kept, from)
	}
	if err != nil {
		return err
	}
	ok := kept.bound(c.shared.Plan.Window, c.openSince(), c.step.Watermark)
	kept.rules, kept.seq, kept.rewrites = c.rules, c.step.UpTo, c.step.Rewrites
	for _, r := range c.rules {
		if r.unkept = !ok; ok {
			r.windows = kept
		}
	}
	return nil
}

// due reports whether windows have ended since the step before.
func (c *computation) due(from engine.RuleProgress) bool {
	return c.step.Watermark.After(from.At) && !c.shared.Plan.Window.EndAfter(from.At).After(c.step.Watermark)
}

// addToWindows adds the rows that came, and finds the windows among those that
// are done.
func (c *computation) addToWindows(ctx context.Context, kept *keptWindows, from engine.RuleProgress) error {
	if c.step.UpTo <= kept.seq {
		return nil
	}
	came, err := c.partials(ctx, c.shared.Slices(), plan.Range{}, fmt.Sprintf("x._seq > %d", kept.seq))
	if err != nil {
		return err
	}
	touched := map[*plan.Partial]struct{}{}
	var older []plan.Span
	for _, slice := range came {
		name := groupName(slice)
		for _, span := range c.shared.Plan.Window.Spans(slice.Start) {
			done := !span.End.After(from.At)
			switch {
			case done && c.allClosed(span.End, from.At):
			case span.Start.Before(kept.after):
				if done {
					older = append(older, span)
				}
			default:
				p := kept.add(c.shared, name, span, slice)
				if done {
					touched[p] = struct{}{}
				}
			}
		}
	}
	for p := range touched {
		c.find(p.Span, c.shared.Finish(*p))
	}
	return c.revised(ctx, merged(older), from)
}

// gatherWindows computes the windows that records may still come to from the
// records that there are, and finds those that late rows have touched.
func (c *computation) gatherWindows(ctx context.Context, from engine.RuleProgress) (*keptWindows, error) {
	w := c.shared.Plan.Window
	since := from.At.Add(-maxBack * min(w.Step(), 24*time.Hour))
	if open := c.openAt(from.At); open.After(since) {
		since = open
	}
	kept := &keptWindows{after: w.Spans(since)[0].Start, groups: map[string]map[time.Time]*plan.Partial{}}
	found, err := c.partials(ctx, c.shared.Slices(), plan.Range{}, fmt.Sprintf("x.event_time >= make_timestamptz(%d)", kept.after.UnixMicro()))
	if err != nil {
		return nil, err
	}
	for _, slice := range found {
		name := groupName(slice)
		for _, span := range w.Spans(slice.Start) {
			if !span.Start.Before(kept.after) {
				kept.add(c.shared, name, span, slice)
			}
		}
	}
	ranges, _, err := c.touched(ctx, from)
	if err != nil {
		return nil, err
	}
	var older []plan.Range
	for _, r := range ranges {
		if r.From.Before(kept.after) {
			older = append(older, r)
			continue
		}
		kept.each(func(p *plan.Partial) {
			if !p.End.After(from.At) && p.End.After(r.From) && p.Start.Before(r.To) {
				c.find(p.Span, c.shared.Finish(*p))
			}
		})
	}
	return kept, c.revised(ctx, older, from)
}

// findDue finds the windows that have ended since the step before.
func (c *computation) findDue(ctx context.Context, kept *keptWindows, from engine.RuleProgress) error {
	if c.shared.Plan.Window.Spans(from.At)[0].Start.Before(kept.after) {
		return c.ended(ctx, from)
	}
	kept.each(func(p *plan.Partial) {
		if p.End.After(from.At) && !p.End.After(c.step.Watermark) {
			c.find(p.Span, c.shared.Finish(*p))
		}
	})
	return nil
}

// add puts a slice of records into a window of its group.
func (k *keptWindows) add(s *plan.Shared, group string, span plan.Span, slice plan.Partial) *plan.Partial {
	all := k.groups[group]
	if all == nil {
		all = map[time.Time]*plan.Partial{}
		k.groups[group] = all
	}
	p := all[span.End]
	if p == nil {
		p = s.Copy(slice)
		p.Span = span
		all[span.End] = p
		k.count++
		return p
	}
	s.Merge(p, slice)
	return p
}

func (k *keptWindows) each(do func(*plan.Partial)) {
	for _, all := range k.groups {
		for _, p := range all {
			do(p)
		}
	}
}

// bound forgets the windows that take no more records, and the oldest where
// there are too many. It is false if those are not kept that a watermark has
// still to come to: then it is not worth while.
func (k *keptWindows) bound(w plan.Window, open, watermark time.Time) bool {
	k.forget(func(p *plan.Partial) bool { return !p.End.After(open) })
	if begin := w.Spans(open)[0].Start; begin.After(k.after) {
		k.after = begin
	}
	if k.count > maxWindows {
		var starts []time.Time
		k.each(func(p *plan.Partial) { starts = append(starts, p.Start) })
		slices.SortFunc(starts, time.Time.Compare)
		k.after = starts[len(starts)-maxWindows/2].Add(time.Microsecond)
		k.forget(func(p *plan.Partial) bool { return p.Start.Before(k.after) })
	}
	return !w.Spans(watermark)[0].Start.Before(k.after)
}

func (k *keptWindows) forget(gone func(*plan.Partial) bool) {
	for name, all := range k.groups {
		for end, p := range all {
			if gone(p) {
				delete(all, end)
				k.count--
			}
		}
		if len(all) == 0 {
			delete(k.groups, name)
		}
	}
}

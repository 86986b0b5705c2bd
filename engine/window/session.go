package window

import (
	"cmp"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine/plan"
)

// island is records of one group without a gap between them.
type island struct {
	group       string
	keys        []plan.Value
	first, last time.Time
	records     int64
}

// islands joins what arrived together.
func (p *Panes) islands(arrived []Slice) (out []island) {
	for _, s := range arrived {
		out = append(out, island{plan.KeyText(s.Keys), s.Keys, s.First, s.Last, s.Records})
	}
	slices.SortFunc(out, func(a, b island) int {
		return cmp.Or(cmp.Compare(a.group, b.group), a.first.Compare(b.first), a.last.Compare(b.last))
	})
	n := 0
	for _, i := range out {
		if n > 0 && out[n-1].group == i.group && i.first.Before(p.end(out[n-1].last)) {
			out[n-1].records += i.records
			if i.last.After(out[n-1].last) {
				out[n-1].last = i.last
			}
			continue
		}
		out[n] = i
		n++
	}
	return out[:n]
}

func (p *Panes) end(last time.Time) time.Time { return last.Add(p.config.Plan.Window.Gap) }

// merge lets islands extend the sessions they touch, join them, or begin new
// ones. Whether they are late is judged after that. before is the number of
// the last row that had been looked at.
func (p *Panes) merge(arrived []Slice, before int64) (touched []*open, dropped int64) {
	for _, i := range p.islands(arrived) {
		near, far := p.touching(i)
		o := p.joined(i, near)
		if !p.at.Before(p.config.closes(o.span.End)) {
			dropped += i.records
			p.lost = append(p.lost, lost{i.group, plan.Span{Start: i.first, End: i.last.Add(time.Microsecond)}, before, p.seq})
			continue
		}
		for _, old := range near {
			delete(p.open, windowID(old.group, old.span))
		}
		p.open[windowID(o.group, o.span)] = o
		p.sessions[i.group] = append(far, o)
		p.wait(o, i.records)
		touched = append(touched, o)
	}
	// Sessions that a later island swallowed are gone.
	touched = slices.DeleteFunc(touched, func(o *open) bool { return p.open[windowID(o.group, o.span)] != o })
	return touched, dropped
}

// touching parts the sessions of a group into those that overlap an island and
// the others.
func (p *Panes) touching(i island) (near, far []*open) {
	end := p.end(i.last)
	for _, o := range p.sessions[i.group] {
		if o.span.Start.Before(end) && i.first.Before(o.span.End) {
			near = append(near, o)
		} else {
			far = append(far, o)
		}
	}
	return near, far
}

// joined is the session that an island and sessions become. It has fired on
// time only if the watermark has passed its new end.
func (p *Panes) joined(i island, near []*open) *open {
	o := &open{group: i.group, keys: i.keys, first: i.first, last: i.last}
	for _, old := range near {
		if old.first.Before(o.first) {
			o.first = old.first
		}
		if old.last.After(o.last) {
			o.last = old.last
		}
		if old.waiting > 0 && (o.waiting == 0 || old.since.Before(o.since)) {
			o.since = old.since
		}
		o.waiting += old.waiting
		o.index = max(o.index, old.index)
		o.shown = append(o.shown, old.shown...)
		o.standing = append(o.standing, old.standing...)
	}
	o.span = plan.Span{Start: o.first, End: p.end(o.last)}
	o.onTime = !p.at.Before(o.span.End)
	return o
}

func (p *Panes) remove(o *open) {
	rest := slices.DeleteFunc(p.sessions[o.group], func(x *open) bool { return x == o })
	if len(rest) == 0 {
		delete(p.sessions, o.group)
		return
	}
	p.sessions[o.group] = rest
}

// forget lets go of lost rows that no session can reach any more: a record as
// old as they are would be dropped, unless it joins an open session that
// begins before their gap is over.
func (p *Panes) forget() {
	p.lost = slices.DeleteFunc(p.lost, func(l lost) bool {
		for _, o := range p.sessions[l.Group] {
			if !o.span.Start.After(p.end(l.Span.End)) {
				return false
			}
		}
		return !p.at.Before(p.config.closes(p.end(l.Span.End)))
	})
}

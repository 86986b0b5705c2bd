package plan

import "time"

// Trail remembers what the windows of one group measured, as far back as the
// plan looks. It is used by one goroutine.
type Trail struct {
	plan *Plan
	last time.Time
	slot int64
	// far is one more than the slots that anything looks back.
	far   int64
	pasts []memory
}

// memory answers one look back.
type memory interface {
	// at is the value for a window; windows come by their ends.
	at(span Span, slot int64) Value
	add(span Span, slot int64, v Value)
}

// NewTrail is a group of which nothing is known yet.
func (p *Plan) NewTrail() *Trail {
	t := &Trail{plan: p}
	for _, x := range p.Pasts {
		t.far = max(t.far, int64(x.Back)+1)
		var m memory
		switch {
		case x.Func == Previous && x.Ago == 0:
			m = &counted{back: int64(x.Back)}
		case x.Func == Previous:
			m = &regular{window: p.Window, past: x, single: true}
		case x.Every > 0:
			m = &regular{window: p.Window, past: x}
		default:
			m = &recent{past: x, window: p.Window}
		}
		t.pasts = append(t.pasts, m)
	}
	return t
}

// Enter fills env.Past of the group's next window, whose measures are known,
// and remembers it. Windows are entered in the order of their ends.
func (t *Trail) Enter(span Span, env *Env) {
	if len(t.pasts) == 0 {
		return
	}
	t.count(span.End)
	env.Past = make([]Value, len(t.pasts))
	for i, m := range t.pasts {
		env.Past[i] = m.at(span, t.slot)
		m.add(span, t.slot, env.Measures[t.plan.Pasts[i].Measure])
	}
}

// count moves slot on to the window that ends at end.
func (t *Trail) count(end time.Time) {
	w := t.plan.Window
	switch {
	case w.Kind == Session:
		t.slot++
	case w.Zone == nil:
		t.slot = floorDiv(end.UnixMicro(), w.Slot().Microseconds())
	case !t.last.IsZero():
		// Beyond far it makes no difference how many slots were empty.
		for from, n := t.slot, t.last; n.Before(end) && t.slot-from <= t.far; t.slot++ {
			n = w.EndAfter(n)
		}
	}
	t.last = end
}

// counted is the value some slots before.
type counted struct {
	back  int64
	queue []struct {
		slot int64
		v    Value
	}
}

func (c *counted) at(_ Span, slot int64) Value {
	for len(c.queue) > 0 && c.queue[0].slot < slot-c.back {
		c.queue = c.queue[1:]
	}
	if len(c.queue) > 0 && c.queue[0].slot == slot-c.back {
		return c.queue[0].v
	}
	return Null
}

func (c *counted) add(_ Span, slot int64, v Value) {
	c.queue = append(c.queue, struct {
		slot int64
		v    Value
	}{slot, v})
}

// regular is the value of one window, or the median of several, at regular
// distances before.
type regular struct {
	window Window
	past   Past
	single bool
	ends   []int64
	values map[int64]Value
}

func (r *regular) at(span Span, _ int64) Value {
	oldest := span.End.Add(-r.past.Ago - 48*time.Hour).UnixMicro()
	for len(r.ends) > 0 && r.ends[0] < oldest {
		delete(r.values, r.ends[0])
		r.ends = r.ends[1:]
	}
	if r.single {
		return r.values[r.window.before(span.End, r.past.Ago).UnixMicro()]
	}
	var found ranked
	for ago := r.past.Every; ago <= r.past.Ago; ago += r.past.Every {
		end := r.window.before(span.End, ago)
		if v := r.values[end.UnixMicro()]; !v.IsNull() && !end.After(span.Start) {
			found.insert(v)
		}
	}
	return found.median(r.past.Least)
}

func (r *regular) add(span Span, _ int64, v Value) {
	if r.values == nil {
		r.values = map[int64]Value{}
	}
	r.ends = append(r.ends, span.End.UnixMicro())
	r.values[span.End.UnixMicro()] = v
}

// before is some time before an instant: where the windows have a zone, whole
// days are days on the calendar there.
func (w Window) before(t time.Time, ago time.Duration) time.Time {
	const day = 24 * time.Hour
	if w.Zone == nil || ago%day != 0 {
		return t.Add(-ago)
	}
	return t.In(w.Zone).AddDate(0, 0, -int(ago/day)).UTC()
}

// recent is the median of all windows within some time before. Windows that
// overlap the one that asks wait.
type recent struct {
	past    Past
	window  Window
	waiting []datum
	within  []datum
	ranked  ranked
}

type datum struct {
	span Span
	v    Value
}

func (r *recent) at(span Span, _ int64) Value {
	for len(r.waiting) > 0 && !r.waiting[0].span.End.After(span.Start) {
		d := r.waiting[0]
		r.waiting = r.waiting[1:]
		r.within = append(r.within, d)
		r.ranked.insert(d.v)
	}
	oldest := r.window.before(span.Start, r.past.Ago)
	for len(r.within) > 0 && r.within[0].span.Start.Before(oldest) {
		r.ranked.remove(r.within[0].v)
		r.within = r.within[1:]
	}
	return r.ranked.median(r.past.Least)
}

func (r *recent) add(span Span, _ int64, v Value) {
	if !v.IsNull() {
		r.waiting = append(r.waiting, datum{span, v})
	}
}

package window

import (
	"context"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// Panes are the windows of one plan as records arrive and time passes. It is
// used by one goroutine. After an error it must be made anew from the last
// Snapshot.
type Panes struct {
	config  Config
	records Records

	at   time.Time // the watermark
	now  time.Time // processing time, zero while unknown
	seq  int64     // rows up to here have been looked at
	open map[string]*open
	// sessions lists the open sessions of each group.
	sessions map[string][]*open
	lost     []lost
	firing   []firing
}

// lost is rows of a group that no open session may count: they were dropped,
// or belong to a session that has closed.
type lost struct {
	Group       string
	Span        plan.Span
	After, UpTo int64
}

// New starts before the first record and the first watermark.
func New(c Config, r Records) *Panes {
	return &Panes{config: c.fill(), records: r, open: map[string]*open{}, sessions: map[string][]*open{}}
}

// Watermark is where event time has come to; zero at the beginning.
func (p *Panes) Watermark() time.Time { return p.at }

// Open is how many windows may still fire.
func (p *Panes) Open() int { return len(p.open) }

func (p *Panes) session() bool { return p.config.Plan.Window.Kind == plan.Session }

// Arrived takes in a micro-batch: the rows after those of the last one, up to
// upTo. Lateness is judged against the watermark as it is. dropped counts the
// records that no window took.
func (p *Panes) Arrived(ctx context.Context, upTo int64) (panes []Pane, dropped int64, err error) {
	arrived, err := p.records.Slices(ctx, p.seq, upTo)
	if err != nil {
		return nil, 0, err
	}
	before := p.seq
	p.seq = upTo
	var touched []*open
	if p.session() {
		touched, dropped = p.merge(arrived, before)
	} else {
		touched, dropped = p.assign(arrived)
	}
	if len(p.open) > p.config.MaxOpen {
		return nil, 0, engine.Errorf(engine.Unavailable, "open windows", "more than %d windows are open at once", p.config.MaxOpen).
			WithHint("group by fewer values, or allow less lateness")
	}
	slices.SortFunc(touched, (*open).compare)
	for _, o := range slices.CompactFunc(touched, func(a, b *open) bool { return a == b }) {
		p.count(o)
	}
	panes, err = p.fire(ctx)
	return panes, dropped, err
}

// assign puts slices into their windows.
func (p *Panes) assign(arrived []Slice) (touched []*open, dropped int64) {
	for _, s := range arrived {
		taken := false
		group := plan.KeyText(s.Keys)
		for _, span := range p.config.Plan.Window.Spans(s.First) {
			if !p.at.Before(p.config.closes(span.End)) {
				continue
			}
			taken = true
			o := p.window(group, s.Keys, span)
			p.wait(o, s.Records)
			touched = append(touched, o)
		}
		if !taken {
			dropped += s.Records
		}
	}
	return touched, dropped
}

// window finds an open window, or opens it. One whose first record is late
// has late panes only.
func (p *Panes) window(group string, keys []plan.Value, span plan.Span) *open {
	id := windowID(group, span)
	o := p.open[id]
	if o == nil {
		o = &open{group: group, keys: keys, span: span, onTime: !p.at.Before(span.End)}
		p.open[id] = o
	}
	return o
}

func windowID(group string, span plan.Span) string {
	return span.Start.Format(time.RFC3339Nano) + "/" + span.End.Format(time.RFC3339Nano) + "/" + group
}

func (p *Panes) wait(o *open, n int64) {
	if o.waiting == 0 {
		o.since = p.now
	}
	o.waiting += n
}

// count fires a window that enough records wait for.
func (p *Panes) count(o *open) {
	f, timing := p.config.Early, Early
	if o.onTime {
		f, timing = p.config.Late, Late
	}
	if f.Count > 0 && o.waiting >= f.Count {
		p.show(o, timing)
	}
}

// Advance moves the watermark and fires the windows that it passes the end of.
// Going back is an error.
func (p *Panes) Advance(ctx context.Context, to time.Time) ([]Pane, error) {
	if to.Before(p.at) {
		return nil, engine.Errorf(engine.Invalid, "move the watermark", "it cannot go back from %s to %s", p.at.Format(time.RFC3339Nano), to.Format(time.RFC3339Nano)).
			WithHint("a watermark says that nothing older is waited for; write a later time")
	}
	p.at = to
	for _, o := range p.passed() {
		if !o.onTime {
			p.show(o, OnTime)
			o.onTime = true
		}
		if to.Before(p.config.closes(o.span.End)) {
			continue
		}
		if o.waiting > 0 {
			p.show(o, Late)
		}
		p.close(o)
	}
	p.forget()
	return p.fire(ctx)
}

// passed lists the open windows that end before the watermark, in order.
func (p *Panes) passed() (list []*open) {
	for _, o := range p.open {
		if !p.at.Before(o.span.End) {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, (*open).compare)
	return list
}

// close lets go of a window that takes no more records.
func (p *Panes) close(o *open) {
	delete(p.open, windowID(o.group, o.span))
	if !p.session() {
		return
	}
	p.remove(o)
	p.lost = append(p.lost, lost{o.group, plan.Span{Start: o.first, End: o.last.Add(time.Microsecond)}, 0, p.seq})
}

// Pass lets processing time pass: timers that are due by then fire, in order.
func (p *Panes) Pass(ctx context.Context, now time.Time) ([]Pane, error) {
	if now.Before(p.now) {
		return nil, engine.Errorf(engine.Invalid, "pass time", "processing time cannot go back from %s to %s", p.now.Format(time.RFC3339Nano), now.Format(time.RFC3339Nano)).
			WithHint("write a later time")
	}
	began := p.now.IsZero()
	for _, o := range p.due(now) {
		p.now = p.timer(o)
		timing := Early
		if o.onTime {
			timing = Late
		}
		p.show(o, timing)
	}
	p.now = now
	for _, o := range p.open {
		if began && o.waiting > 0 {
			o.since = now // it waits since the clock began
		}
	}
	return p.fire(ctx)
}

// due lists the windows whose timers ring by now, the earliest first.
func (p *Panes) due(now time.Time) (list []*open) {
	for _, o := range p.open {
		if t := p.timer(o); !t.IsZero() && !t.After(now) {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b *open) int {
		if c := p.timer(a).Compare(p.timer(b)); c != 0 {
			return c
		}
		return a.compare(b)
	})
	return list
}

// timer is when a window fires by processing time; zero for never.
func (p *Panes) timer(o *open) time.Time {
	every := p.config.Early.Every
	if o.onTime {
		every = p.config.Late.Every
	}
	if every <= 0 || o.waiting == 0 || o.since.IsZero() {
		return time.Time{}
	}
	return o.since.Add(every)
}

package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/schema"
)

// Route says how the records of one source are spread over datasets. The
// options' own dataset takes those without a value, and has the ledger.
type Route struct {
	// Path is where a raw record says what it is.
	Path engine.Path
	// Dataset names the dataset of a value; "" where none can have its name.
	Dataset func(value string) string
	// Known are the datasets that the source was routed to before; with them
	// it has at most Most.
	Known []string
	Most  int
	// Options are those of one of the datasets. It is called once for each,
	// from one goroutine.
	Options func(ctx context.Context, dataset string) (Options, error)
}

// Share is what became of the records that were routed to one dataset; the
// counts are those of Counts.
type Share struct {
	Records     int64 `json:"records"`
	Quarantined int64 `json:"quarantined"`
	Dropped     int64 `json:"dropped"`
	Duplicates  int64 `json:"duplicates"`
	Late        int64 `json:"late"`
	// Policies says how many values each policy met, in the order they stand.
	Policies []int64 `json:"-"`
}

func addShares(a, b map[string]Share) map[string]Share {
	if len(a)+len(b) == 0 {
		return nil
	}
	out := map[string]Share{}
	for _, shares := range []map[string]Share{a, b} {
		for name, s := range shares {
			t := out[name]
			t.Records += s.Records
			t.Quarantined += s.Quarantined
			t.Dropped += s.Dropped
			t.Duplicates += s.Duplicates
			t.Late += s.Late
			t.Policies = addEach(t.Policies, s.Policies)
			out[name] = t
		}
	}
	return out
}

// router gives each dataset of a source a lane: a version, a conformer and a
// batch of its own. All of them commit together.
type router struct {
	base   *lane
	all    []*lane // in the order of their first records
	byName map[string]*lane
	known  map[string]bool
}

// lane is the way of a source's records into one dataset.
type lane struct {
	*puller
	prepare *preparer
	// of is the object whose records are staged as run.
	of, run *objectRun
	share   Share
}

func newRouter(p *puller) *router {
	r := &router{base: &lane{puller: p}, byName: map[string]*lane{}, known: map[string]bool{}}
	r.all = []*lane{r.base}
	r.byName[p.opt.Dataset] = r.base
	for _, name := range p.opt.Route.Known {
		r.known[name] = true
	}
	return r
}

// lanes are the pullers that share p's transactions, p first.
func (p *puller) lanes() []*puller {
	if p.router == nil {
		return []*puller{p}
	}
	out := make([]*puller, len(p.router.all))
	for i, l := range p.router.all {
		out[i] = l.puller
	}
	return out
}

// full reports whether what is staged is enough for a transaction.
func (p *puller) full() bool {
	var bytes, rows, held int64
	for _, l := range p.lanes() {
		if b := l.batch; b != nil {
			bytes += b.bytes + b.laterLen
			rows += b.rows + int64(len(b.later))
			held += b.heldSize
		}
	}
	return bytes >= batchBytes || rows >= batchRows || held >= quarantineBytes
}

// route reads ahead where the lines of a piece go.
func (a *preparer) route(c *piece) {
	if a.routes == nil {
		a.routes = schema.NewExtractor([][]engine.Path{{a.p.opt.Route.Path}})
	}
	var lines []line
	for _, l := range c.lines {
		for _, one := range a.apart(l) {
			lines = append(lines, one)
			c.values = append(c.values, a.value(one.raw))
		}
	}
	c.read += int64(len(lines) - len(c.lines))
	c.lines = lines
}

// apart gives the records of a line that has several, one by one.
func (a *preparer) apart(l line) []line {
	if a.routes.Find(l.raw) {
		return []line{l}
	}
	var out []line
	for from := json.NewDecoder(bytes.NewReader(l.raw)); ; {
		var raw json.RawMessage
		switch err := from.Decode(&raw); {
		case errors.Is(err, io.EOF) && len(out) > 0:
			return out
		case err != nil:
			return []line{l} // for the conformer to judge
		}
		out = append(out, line{raw, l.row, l.came})
	}
}

// value is the text of the scalar at the route's path; "" where there is none.
func (a *preparer) value(raw []byte) string {
	if !a.routes.Find(raw) {
		return ""
	}
	return a.routes.Scalar(0)
}

// part is what some lines have for one lane.
type part struct {
	*lane
	piece piece
}

// split cuts lines by where they go.
func (p *puller) split(ctx context.Context, lines []line, values []string) ([]*part, error) {
	type target struct {
		*part
		over bool
	}
	var parts []*part
	of, at := map[*lane]*part{}, map[string]target{}
	for i, l := range lines {
		t, seen := at[values[i]]
		if !seen {
			to, over, err := p.target(ctx, values[i])
			if err != nil {
				return nil, err
			}
			if of[to] == nil {
				of[to] = &part{lane: to}
				parts = append(parts, of[to])
			}
			t = target{of[to], over}
			at[values[i]] = t
		}
		if t.over {
			p.counts.Over++
		}
		t.piece.lines = append(t.piece.lines, l)
	}
	return parts, nil
}

// target is the lane of a value; over says that it would be one too many.
func (p *puller) target(ctx context.Context, value string) (to *lane, over bool, err error) {
	r, name := p.router, ""
	if value != "" {
		name = p.opt.Route.Dataset(value)
	}
	switch {
	case name == "":
		return r.base, false, nil
	case r.byName[name] != nil:
		return r.byName[name], false, nil
	case !r.known[name] && len(r.known) >= p.opt.Route.Most:
		return r.base, true, nil
	}
	opt, err := p.opt.Route.Options(ctx, name)
	if err != nil {
		return nil, false, err
	}
	opt.Ledger, opt.Route, opt.lines = p.opt.Dataset, nil, true
	if p.opt.Private {
		opt.Private = true
		if opt.Key == nil {
			opt.Key = p.opt.Key
		}
	}
	to = &lane{puller: newPuller(opt)}
	to.commits = p.commits
	r.known[name], r.byName[name] = true, to
	r.all = append(r.all, to)
	return to, false, nil
}

// begin takes up the dataset's version, and learns from the first lines.
func (l *lane) begin(ctx context.Context, lines []line, url string) {
	if l.prepare != nil {
		return
	}
	l.takeUp()
	if !l.opt.Strict || !l.begun {
		protect := l.protector()
		sample := make([]sampled, len(lines))
		for i, x := range lines {
			if protect != nil {
				x.raw = protect.Protect(x.raw)
			}
			sample[i] = sampled{x.raw, url}
		}
		l.learn(ctx, sample, nil)
	}
	l.settled()
	l.prepare = l.preparer(Task{})
}

// learnRouted learns from a sample, for each dataset from its own records.
func (p *puller) learnRouted(ctx context.Context, sample []sampled) error {
	a := p.preparer(Task{})
	all := &piece{}
	for _, s := range sample {
		all.lines = append(all.lines, line{raw: s.raw})
	}
	a.route(all)
	parts, err := p.split(ctx, all.lines, all.values)
	p.counts.Over = 0 // they come once more
	for _, t := range parts {
		t.begin(ctx, t.piece.lines, "")
	}
	return err
}

// takeRouted takes in a piece of an object, each line in its lane.
func (p *puller) takeRouted(ctx context.Context, o *objectRun, c *piece) error {
	if c.columns != nil {
		return nil // its rows come as lines
	}
	p.ensureBatch(o)
	o.next = c.next
	p.counts.Read += c.read
	p.counts.Dropped += c.dropped
	o.state.Dropped += c.dropped
	c.kept = c.kept || len(c.asides) > 0
	for _, a := range c.asides {
		p.setProblem(o, a)
	}
	parts, err := p.split(ctx, c.lines, c.values)
	if err != nil {
		return err
	}
	p.prepareParts(ctx, parts, o.task.URL)
	for _, t := range parts {
		if err := p.stagePart(o, t); err != nil {
			return err
		}
		c.kept = c.kept || t.piece.kept
	}
	return p.commitFull(ctx, o)
}

// prepareParts transforms and conforms the lines of each lane, of several at
// once.
func (p *puller) prepareParts(ctx context.Context, parts []*part, url string) {
	var group sync.WaitGroup
	for _, t := range parts {
		t.begin(ctx, t.piece.lines, url)
		group.Go(func() {
			if t.piece.err = enter(ctx, p.preparing); t.piece.err != nil {
				return
			}
			defer func() { <-p.preparing }()
			t.prepare.prepare(ctx, &t.piece)
		})
	}
	group.Wait()
}

// stagePart makes a part of a piece a part of its lane's batch.
func (p *puller) stagePart(o *objectRun, t *part) error {
	c := &t.piece
	defer c.done()
	if c.err != nil {
		return c.err
	}
	run := o
	if t.lane != p.router.base {
		run = t.runOf(o)
	}
	t.ensureBatch(run)
	t.counts.Read += c.read
	t.counts.Dropped += c.dropped
	t.counts.Policies = addEach(t.counts.Policies, c.met)
	run.state.Dropped += c.dropped
	for _, a := range c.asides {
		c.kept = true
		t.setProblem(run, a)
	}
	err := t.lines(run, c)
	if run != o {
		p.fold(o, t.lane)
	}
	return err
}

// runOf is the object as the lane takes it in: what is in the ledger, and what
// is replaced, is the base's.
func (l *lane) runOf(o *objectRun) *objectRun {
	if l.of != o {
		task := o.task
		task.Replace = false
		l.of, l.run = o, &objectRun{reading: &reading{task: task}, next: 2, entered: true}
	}
	return l.run
}

// fold adds what a lane did to the object's state and to the source's counts.
func (p *puller) fold(o *objectRun, l *lane) {
	d, s := l.counts, l.run.state
	l.counts, l.run.state = Counts{}, engine.ObjectState{}
	l.share.Quarantined += d.Quarantined
	l.share.Dropped += d.Dropped
	l.share.Policies = addEach(l.share.Policies, d.Policies)
	p.counts.Read += d.Read
	p.counts.Records += d.Records
	p.counts.Quarantined += d.Quarantined
	p.counts.Dropped += d.Dropped
	p.counts.Untimed += d.Untimed
	o.state.Stored += s.Stored
	o.state.Quarantined += s.Quarantined
	o.state.Dropped += s.Dropped
	if o.state.MinTime.IsZero() || !s.MinTime.IsZero() && s.MinTime.Before(o.state.MinTime) {
		o.state.MinTime = s.MinTime
	}
	if s.MaxTime.After(o.state.MaxTime) {
		o.state.MaxTime = s.MaxTime
	}
}

// shares tells the datasets' parts of the counts; they add up to them.
func (p *puller) shares() map[string]Share {
	out := map[string]Share{}
	base := Share{Quarantined: p.counts.Quarantined, Dropped: p.counts.Dropped}
	for _, l := range p.router.all[1:] {
		base.Quarantined -= l.share.Quarantined
		base.Dropped -= l.share.Dropped
		out[l.opt.Dataset] = l.share
	}
	out[p.opt.Dataset] = base
	for name, s := range out {
		t := p.commits.of(name)
		s.Records, s.Duplicates, s.Late = t.stored, t.duplicates, t.late
		out[name] = s
	}
	return out
}

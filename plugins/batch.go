package plugins

import (
	"context"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine"
)

// run cuts the rows into batches for function n.
func (p *Plugin) run(ctx context.Context, n int, in []engine.Column, rows int) (*Result, error) {
	f := p.manifest.Functions[n]
	out := &Result{Columns: emptyColumns(f.Outputs)}
	for from := 0; from < rows; {
		to := batchEnd(in, from, rows, f.Kind)
		s := search{p: p, n: n, in: in, rows: rows, out: out, until: time.Now().Add(p.searchTime())}
		if err := s.guarded(ctx, from, to); err != nil {
			return nil, err
		}
		from = to
	}
	return out, nil
}

func emptyColumns(fields []Field) []engine.Column {
	out := make([]engine.Column, len(fields))
	for i, f := range fields {
		out[i] = engine.Column{Name: f.Field, Type: f.Kind()}
		if t := f.Kind(); t == engine.Varchar || t == engine.JSON {
			out[i].Offsets = []uint32{0}
		}
	}
	return out
}

// batchEnd bounds a batch by rows and bytes; it has at least one row.
func batchEnd(in []engine.Column, from, rows int, kind string) int {
	to := min(from+batchRows, rows)
	if kind == KindFunction {
		to = min(from+chunkRows, rows)
	}
	for to > from+1 && frameSize(in, from, to) > batchBytes {
		to = from + (to-from)/2
	}
	return to
}

// minDeadline is what a piece of a broken batch gets at least.
const minDeadline = 50 * time.Millisecond

// searchTime is how long the rows that break a batch are looked for: enough
// to find a few that each run into the deadline.
func (p *Plugin) searchTime() time.Duration { return 10*p.settings.Deadline + 64*minDeadline }

// search runs one batch, and finds the rows of it that break the plugin.
type search struct {
	p     *Plugin
	n     int // of the function
	in    []engine.Column
	rows  int // of all batches
	out   *Result
	until time.Time

	broken int    // rows so far
	why    string // the last of them broke
}

// guarded runs a batch unless the plugin is suspended.
func (s *search) guarded(ctx context.Context, from, to int) error {
	if why := s.p.breaker.enter(); why != "" {
		return s.without(from, to, why)
	}
	err := s.batch(ctx, from, to, s.p.settings.Deadline)
	if err != nil {
		s.p.breaker.abandon()
		return err
	}
	s.p.breaker.leave(s.broken, s.why)
	return nil
}

// batch runs rows [from, to) and adds what comes out. A batch that fails is
// halved, on fresh instances, down to the rows that break it.
func (s *search) batch(ctx context.Context, from, to int, deadline time.Duration) error {
	r, err := s.p.try(ctx, s.n, s.in, from, to, deadline)
	if ctx.Err() != nil {
		return engine.Errorf(engine.Canceled, "transform "+s.p.name, "%w", ctx.Err())
	}
	if err == nil {
		s.out.take(r, from, (s.rows-from)/(to-from))
		return nil
	}
	if to-from == 1 {
		s.broke(from, to, err.Error(), err)
		return nil
	}
	if time.Now().After(s.until) {
		s.broke(from, to, "not tried alone, because the plugin broke too often in its batch: "+err.Error(), err)
		return nil
	}
	half := from + (to-from)/2
	deadline = max(minDeadline, deadline/2)
	if err := s.batch(ctx, from, half, deadline); err != nil {
		return err
	}
	return s.batch(ctx, half, to, deadline)
}

func (s *search) broke(from, to int, reason string, err error) {
	s.broken, s.why = s.broken+to-from, err.Error()
	s.reject(from, to, reason)
}

func (s *search) reject(from, to int, reason string) {
	for row := from; row < to; row++ {
		s.out.Rejected = append(s.out.Rejected, Rejection{row, reason})
	}
}

func (p *Plugin) try(ctx context.Context, n int, in []engine.Column, from, to int, deadline time.Duration) (*response, error) {
	select {
	case p.running <- struct{}{}:
		defer func() { <-p.running }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	i, err := p.get(ctx)
	if err != nil {
		return nil, err
	}
	r, err := i.call(ctx, deadline, in, from, to, n, p.manifest.Functions[n])
	if err != nil {
		i.discard(ctx)
		p.warm(ctx)
		return nil, err
	}
	p.stats.grew(int64(i.module.Memory().Size()))
	// Memory never shrinks: an instance that has grown makes room for a new one.
	if int64(i.module.Memory().Size()) > p.settings.Memory*3/4 {
		i.discard(ctx)
		return r, nil
	}
	p.give(ctx, i)
	return r, nil
}

func (p *Plugin) get(ctx context.Context) (*instance, error) {
	select {
	case i := <-p.idle:
		return i, nil
	default:
	}
	select {
	case i := <-p.spare:
		return i, nil
	default:
		return p.newInstance(ctx)
	}
}

// warm makes the spare instance that takes the place of one that broke: the
// search for a poison record needs many, one after the other, and each is made
// while the one before it runs.
func (p *Plugin) warm(ctx context.Context) {
	if !p.warming.CompareAndSwap(false, true) {
		return
	}
	release := p.Hold()
	ctx = context.WithoutCancel(ctx)
	p.making.Add(1)
	go func() {
		defer release() // may close the plugin, which waits for making
		defer p.making.Done()
		defer p.warming.Store(false)
		i, err := p.newInstance(ctx)
		if err != nil {
			return // the next who needs one sees why
		}
		select {
		case p.spare <- i:
		default:
			i.discard(ctx)
		}
	}()
}

func (p *Plugin) give(ctx context.Context, i *instance) {
	select {
	case p.idle <- i:
	default:
		i.discard(ctx)
	}
}

// take adds a batch's answer, whose rows count from base, when as many batches
// are to come with this one. A row that carries an error takes the others made
// of the same record with it.
func (out *Result) take(r *response, base, batches int) {
	if r.src == nil && len(r.columns) > 0 { // a function of SQL
		r.src = make([]uint32, r.columns[0].Len())
		for i := range r.src {
			r.src[i] = uint32(i)
		}
	}
	if r.errors == nil {
		if !out.adopt(r, base) {
			out.add(r, base, batches)
		}
		return
	}
	for from := 0; from < len(r.src); {
		to, bad := from, -1
		for ; to < len(r.src) && r.src[to] == r.src[from]; to++ {
			if bad < 0 && r.errors != nil && !r.errors.IsNull(to) {
				bad = to
			}
		}
		row := base + int(r.src[from])
		if bad >= 0 {
			out.Rejected = append(out.Rejected, Rejection{row, clean(string(r.errors.Text(bad)))})
			from = to
			continue
		}
		for ; from < to; from++ {
			out.Src = append(out.Src, uint32(row))
			for c := range r.columns {
				appendRow(&out.Columns[c], &r.columns[c], from)
			}
		}
	}
}

// adopt takes the columns of the first batch as they are: most calls have one.
func (out *Result) adopt(r *response, base int) bool {
	if base > 0 || len(out.Src) > 0 {
		return false
	}
	out.Src = r.src
	for i := range r.columns {
		r.columns[i].Name = out.Columns[i].Name
	}
	out.Columns = r.columns
	return true
}

// add appends the columns of a batch in which nothing was rejected.
func (out *Result) add(r *response, base, batches int) {
	out.Src = reserve(out.Src, len(r.src), batches)
	for _, src := range r.src {
		out.Src = append(out.Src, uint32(base)+src)
	}
	for i := range r.columns {
		appendColumn(&out.Columns[i], &r.columns[i], batches)
	}
}

// maxReserve bounds what is set aside for batches that may be smaller.
const maxReserve = 1 << 20

// reserve makes room for n more values, and when there was none, for those of
// the batches to come too: growing bit by bit copies all of them several times.
func reserve[T any](to []T, n, batches int) []T {
	if cap(to)-len(to) >= n {
		return to
	}
	return slices.Grow(to, max(n, min(n*max(1, batches), maxReserve)))
}

func appendColumn(to, from *engine.Column, batches int) {
	rows := to.Len()
	if from.Null != nil && to.Null == nil {
		to.Null = make([]bool, rows)
	}
	if to.Null != nil {
		to.Null = append(to.Null, from.Null...)
		to.Null = append(to.Null, make([]bool, rows+from.Len()-len(to.Null))...)
	}
	to.Ints = append(reserve(to.Ints, len(from.Ints), batches), from.Ints...)
	to.Floats = append(reserve(to.Floats, len(from.Floats), batches), from.Floats...)
	if to.Type != engine.Varchar && to.Type != engine.JSON {
		return
	}
	first := uint32(len(to.Bytes)) - from.Offsets[0]
	to.Bytes = append(reserve(to.Bytes, len(from.Bytes), batches), from.Bytes[from.Offsets[0]:]...)
	to.Offsets = reserve(to.Offsets, len(from.Offsets), batches)
	for _, o := range from.Offsets[1:] {
		to.Offsets = append(to.Offsets, first+o)
	}
}

func appendRow(to, from *engine.Column, i int) {
	if from.IsNull(i) && to.Null == nil {
		to.Null = make([]bool, to.Len())
	}
	if to.Null != nil {
		to.Null = append(to.Null, from.IsNull(i))
	}
	switch to.Type {
	case engine.Varchar, engine.JSON:
		to.Bytes = append(to.Bytes, from.Text(i)...)
		to.Offsets = append(to.Offsets, uint32(len(to.Bytes)))
	case engine.Double:
		to.Floats = append(to.Floats, from.Floats[i])
	default:
		to.Ints = append(to.Ints, from.Ints[i])
	}
}

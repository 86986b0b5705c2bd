package plugins

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero"

	"tidemark.dev/tidemark/engine"
)

// Plugin is a loaded module with a pool of instances. Its methods may be
// called from several goroutines.
type Plugin struct {
	name     string
	sha256   string
	host     *Host
	settings Settings
	manifest manifest
	ready    bool // the manifest is known, and instances are configured

	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	idle     chan *instance
	running  chan struct{} // as many as there may be instances at once

	logged atomic.Int64
	stats  stats
}

// Info describes a plugin.
type Info struct {
	Name      string
	Version   string
	ABI       string
	SHA256    string
	Functions []Function
}

// Info tells what the plugin says of itself.
func (p *Plugin) Info() Info {
	m := p.manifest
	return Info{Name: m.Name, Version: m.Version, ABI: m.ABI, SHA256: p.sha256, Functions: m.Functions}
}

func (p *Plugin) function() Function { return p.manifest.Functions[0] }

// Inputs are the table paths whose values Transform takes, in order.
func (p *Plugin) Inputs() []Field {
	f := p.function()
	if len(p.settings.Fields) == 0 {
		return f.Inputs
	}
	var out []Field
	for _, path := range p.settings.Fields {
		out = append(out, Field{path, f.Inputs[0].Type})
	}
	return out
}

// Outputs are the table paths that Transform gives values for, in order.
func (p *Plugin) Outputs() []Field {
	if len(p.settings.Fields) == 0 {
		return p.function().Outputs
	}
	return p.Inputs()
}

func (p *Plugin) emptyColumns() []engine.Column {
	var out []engine.Column
	for _, f := range p.function().Inputs {
		c := engine.Column{Name: f.Field, Type: f.Kind()}
		if c.Type == engine.Varchar || c.Type == engine.JSON {
			c.Offsets = []uint32{0}
		}
		out = append(out, c)
	}
	return out
}

// Result is what a transform made of its rows.
type Result struct {
	// Src is the input row of each output row, never going back.
	Src     []uint32
	Columns []engine.Column
	// Rejected rows are not in Src.
	Rejected []Rejection
}

// Rejection is a row that the plugin refused, or that broke it.
type Rejection struct {
	Row    int
	Reason string
}

// Transform runs the plugin over rows of columns, which are those of Inputs.
// A batch that breaks it is halved until the rows that do are found; those are
// rejected, and the others go on. When the search takes too long, because the
// plugin runs into its deadline again and again, the rest of the batch is
// rejected too. An error means that ctx ended.
func (p *Plugin) Transform(ctx context.Context, in []engine.Column, rows int) (*Result, error) {
	started := time.Now()
	var out *Result
	var err error
	if len(p.settings.Fields) == 0 {
		out, err = p.run(ctx, in, rows)
	} else {
		out, err = p.runFields(ctx, in, rows)
	}
	if err != nil {
		return nil, err
	}
	p.stats.add(rows, len(out.Rejected), time.Since(started))
	return out, nil
}

// runFields runs a field-wise function over each column by itself.
func (p *Plugin) runFields(ctx context.Context, in []engine.Column, rows int) (*Result, error) {
	out := &Result{Columns: make([]engine.Column, len(in))}
	reasons := map[int]string{}
	made := make([]int, rows) // what each record became
	for i := range in {
		r, err := p.run(ctx, in[i:i+1], rows)
		if err != nil {
			return nil, err
		}
		for _, x := range r.Rejected {
			reasons[x.Row] = x.Reason
		}
		out.Columns[i] = spread(r, rows)
		out.Columns[i].Name = in[i].Name
		clear(made)
		for _, src := range r.Src {
			made[src]++
		}
		for row, n := range made {
			if n != 1 && reasons[row] == "" {
				reasons[row] = "it drops or splits records, which a function bound to fields must not"
			}
		}
	}
	kept := make([]int, 0, rows)
	for row := range rows {
		if why, bad := reasons[row]; bad {
			out.Rejected = append(out.Rejected, Rejection{row, why})
			continue
		}
		out.Src = append(out.Src, uint32(row))
		kept = append(kept, row)
	}
	if len(kept) < rows {
		for i := range out.Columns {
			out.Columns[i] = pick(&out.Columns[i], kept)
		}
	}
	return out, nil
}

// spread puts a column's values at the rows they came from.
func spread(r *Result, rows int) engine.Column {
	if len(r.Src) == rows {
		return r.Columns[0]
	}
	at := make([]int, rows)
	for i := range at {
		at[i] = -1
	}
	for i, src := range r.Src {
		at[src] = i
	}
	return pick(&r.Columns[0], at)
}

// pick makes a column of some rows of another; -1 is a null.
func pick(c *engine.Column, rows []int) engine.Column {
	out := engine.Column{Name: c.Name, Type: c.Type, Null: make([]bool, len(rows))}
	text := c.Type == engine.Varchar || c.Type == engine.JSON
	if text {
		out.Offsets = append(out.Offsets, 0)
	}
	for i, row := range rows {
		out.Null[i] = row < 0 || c.IsNull(row)
		switch {
		case text:
			if row >= 0 {
				out.Bytes = append(out.Bytes, c.Text(row)...)
			}
			out.Offsets = append(out.Offsets, uint32(len(out.Bytes)))
		case c.Type == engine.Double && row >= 0:
			out.Floats = append(out.Floats, c.Floats[row])
		case c.Type == engine.Double:
			out.Floats = append(out.Floats, 0)
		case row >= 0:
			out.Ints = append(out.Ints, c.Ints[row])
		default:
			out.Ints = append(out.Ints, 0)
		}
	}
	return out
}

// run cuts the rows into batches.
func (p *Plugin) run(ctx context.Context, in []engine.Column, rows int) (*Result, error) {
	out := &Result{Columns: make([]engine.Column, len(p.function().Outputs))}
	for i, f := range p.function().Outputs {
		out.Columns[i] = engine.Column{Name: f.Field, Type: f.Kind()}
		if t := f.Kind(); t == engine.Varchar || t == engine.JSON {
			out.Columns[i].Offsets = []uint32{0}
		}
	}
	for from := 0; from < rows; {
		to := batchEnd(in, from, rows)
		s := search{p: p, in: in, out: out, until: time.Now().Add(p.searchTime())}
		if err := s.batch(ctx, from, to, p.settings.Deadline); err != nil {
			return nil, err
		}
		from = to
	}
	return out, nil
}

// batchEnd bounds a batch by rows and bytes; it has at least one row.
func batchEnd(in []engine.Column, from, rows int) int {
	to := min(from+batchRows, rows)
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
	in    []engine.Column
	out   *Result
	until time.Time
}

// batch runs rows [from, to) and adds what comes out. A batch that fails is
// halved, on fresh instances, down to the rows that break it.
func (s *search) batch(ctx context.Context, from, to int, deadline time.Duration) error {
	r, err := s.p.try(ctx, s.in, from, to, deadline)
	if ctx.Err() != nil {
		return engine.Errorf(engine.Canceled, "transform "+s.p.name, "%w", ctx.Err())
	}
	if err == nil {
		s.out.take(r, from)
		return nil
	}
	if to-from == 1 {
		s.reject(from, to, err.Error())
		return nil
	}
	if time.Now().After(s.until) {
		s.reject(from, to, "not tried alone, because the plugin broke too often in its batch: "+err.Error())
		return nil
	}
	half := from + (to-from)/2
	deadline = max(minDeadline, deadline/2)
	if err := s.batch(ctx, from, half, deadline); err != nil {
		return err
	}
	return s.batch(ctx, half, to, deadline)
}

func (s *search) reject(from, to int, reason string) {
	for row := from; row < to; row++ {
		s.out.Rejected = append(s.out.Rejected, Rejection{row, reason})
	}
}

func (p *Plugin) try(ctx context.Context, in []engine.Column, from, to int, deadline time.Duration) (*response, error) {
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
	r, err := i.call(ctx, deadline, in, from, to, p.function())
	if err != nil {
		i.discard(ctx)
		return nil, err
	}
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
		return p.newInstance(ctx)
	}
}

func (p *Plugin) give(ctx context.Context, i *instance) {
	select {
	case p.idle <- i:
	default:
		i.discard(ctx)
	}
}

// take adds a batch's answer, whose rows count from base. A row that carries
// an error takes the others made of the same record with it.
func (out *Result) take(r *response, base int) {
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

// Close ends all instances. Transform must not be called any more.
func (p *Plugin) Close(ctx context.Context) error {
	if p.runtime == nil {
		return nil
	}
	return p.runtime.Close(ctx)
}

// Stats count what a plugin did since it was loaded.
type Stats struct {
	Calls   int64
	Records int64
	Errors  int64
	// P99 is the 99th percentile of the time of a call, over the last 1000.
	P99 time.Duration
}

type stats struct {
	mu    sync.Mutex
	total Stats
	times []time.Duration
}

func (s *stats) add(records, failed int, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total.Calls++
	s.total.Records += int64(records)
	s.total.Errors += int64(failed)
	if len(s.times) == 1000 {
		s.times = append(s.times[:0], s.times[1:]...)
	}
	s.times = append(s.times, took)
}

// Stats reads the counters.
func (p *Plugin) Stats() Stats {
	p.stats.mu.Lock()
	defer p.stats.mu.Unlock()
	out := p.stats.total
	if n := len(p.stats.times); n > 0 {
		sorted := slices.Sorted(slices.Values(p.stats.times))
		out.P99 = sorted[min(n-1, n*99/100)]
	}
	return out
}

package pipeline

import (
	"cmp"
	"context"
	"errors"
	"net"
	"runtime"
	"sync"
	"sync/atomic"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/format"
	"tidemark.dev/tidemark/engine/schema"
)

// After so many objects in a row that were out of reach a pull stops asking
// for more: when it has read none yet, or when nobody answers any more. A
// server that is started anew is waited for a little longer.
const (
	giveUp       = 5
	giveUpMidway = 50
)

// puller is one run over the objects of a source.
type puller struct {
	opt    Options
	counts Counts

	version engine.SchemaVersion
	begun   bool // the dataset has had a version before this batch
	dirty   bool // version is not in the registry yet
	conform *schema.Conformer
	refused map[string]string
	shape   atomic.Pointer[shape]
	runners sync.Pool // of stages, for the next object
	// indirect: the transforms do more than change values.
	indirect atomic.Bool
	// keepMoments: somebody follows the event times of each shard.
	keepMoments bool

	// What the goroutines that read ahead may do at once: prepare pieces, and
	// decode a columnar file, which takes all processors by itself.
	preparing, decoding chan struct{}

	// sampled is what looking ahead fetched, by key.
	sampled map[string]int64

	batch   *staging
	commits *committer
	router  *router // nil: all records go to one dataset
}

// Pull reads the tasks in order and commits what they hold. What cannot be
// reached is counted and passed over, what cannot be decoded goes to
// quarantine; an error means that the pull itself could not go on. The counts
// say what is committed even then.
func Pull(ctx context.Context, opt Options, tasks []Task) (Counts, error) {
	p := newPuller(opt)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.commits = newCommitter(ctx, opt.Store)
	defer p.commits.stop()
	if err := p.prepare(ctx, tasks); err != nil {
		return p.counts, err
	}
	err := p.consume(ctx, tasks)
	if err == nil {
		err = p.flush(ctx)
	}
	p.discard()
	if final := p.commits.wait(); err == nil {
		err = final
	}
	p.settle()
	if err != nil {
		p.counts.Records = p.commits.done().stored // what was staged is gone
	}
	p.opt.Report(p.counts)
	return p.counts, err
}

// newPuller completes the options.
func newPuller(opt Options) *puller {
	if opt.Clock == nil {
		opt.Clock = engine.SystemClock{}
	}
	if opt.Formats == nil {
		opt.Formats = format.Builtin()
	}
	opt.Workers = max(1, opt.Workers)
	if opt.Report == nil {
		opt.Report = func(Counts) {}
	}
	p := &puller{
		opt: opt, refused: map[string]string{}, sampled: map[string]int64{},
		preparing: make(chan struct{}, runtime.GOMAXPROCS(0)), decoding: make(chan struct{}, 1),
	}
	if opt.Route != nil {
		p.opt.lines = true
		p.router = newRouter(p)
	}
	return p
}

// prepare takes up the dataset's version, or finds a first one by looking at
// a sample of the objects.
func (p *puller) prepare(ctx context.Context, tasks []Task) error {
	p.takeUp()
	if err := p.lookAhead(ctx, tasks, !p.begun); err != nil {
		return err
	}
	p.settled()
	return nil
}

// takeUp goes on with the dataset's version, if it has one.
func (p *puller) takeUp() {
	v, has := p.opt.Store.Schema(p.opt.Dataset)
	if has {
		p.version, p.begun = v, true
		if len(p.opt.Mapping.EventTime) == 0 && p.opt.FindTime {
			p.opt.Mapping.EventTime = v.Mapping.EventTime
		}
	} else {
		p.version = engine.SchemaVersion{Dataset: p.opt.Dataset, Author: "inference", Body: engine.Type{Kind: engine.Struct}}
	}
}

// settled takes up the mapping and the type that were learned.
func (p *puller) settled() {
	p.version.Mapping = p.opt.Mapping
	p.reshape()
}

func (p *puller) consume(ctx context.Context, tasks []Task) error {
	unreachable, silent := 0, 0
	for r := range p.readAhead(ctx, tasks) {
		err := p.object(ctx, r)
		r.release()
		var far *unreachableError
		switch {
		case errors.As(err, &far):
			unreachable++
			p.counts.Failed++
			if p.counts.Fault == "" {
				p.counts.Fault = engine.FaultOf(far.error)
			}
			if len(p.counts.Failures) < 20 {
				p.counts.Failures = append(p.counts.Failures, far.Error())
			}
			if unreachable >= giveUp && p.counts.Objects == 0 {
				return far.error
			}
			if silent = unlessAnswered(silent, far.error); silent >= giveUpMidway {
				return cmp.Or(p.flush(ctx), far.error)
			}
		case err != nil:
			return err
		default:
			unreachable, silent = 0, 0
		}
	}
	return ctx.Err()
}

// unlessAnswered counts an error of nobody who answers: a server that is gone
// is so for all objects, and one that refuses an object may give another.
func unlessAnswered(n int, err error) int {
	var network net.Error
	if errors.As(err, &network) {
		return n + 1
	}
	return 0
}

// unreachableError marks an object that could not be fetched.
type unreachableError struct{ error }

func (e *unreachableError) Unwrap() error { return e.error }

func (p *puller) report() {
	c := p.counts
	done := p.commits.done()
	c.Records = p.counts.Records - done.duplicates
	c.Duplicates = done.duplicates
	p.opt.Report(c)
}

// settle moves what only the store knows into the counts.
func (p *puller) settle() {
	done := p.commits.done()
	p.counts.Records -= done.duplicates
	p.counts.Duplicates = done.duplicates
	p.counts.Late = done.late
	if p.router != nil {
		p.counts.Routed = p.shares()
	}
}

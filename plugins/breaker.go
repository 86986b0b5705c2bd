package plugins

import (
	"fmt"
	"sync"
	"time"

	"tidemark.dev/tidemark/engine"
)

// What happens to records while a plugin is suspended.
const (
	OnFailureStop = "stop" // the work ends with an error; nothing is lost
	OnFailureSkip = "skip" // they are rejected, and go to quarantine
	OnFailurePass = "pass" // they go on as they are
)

// A plugin is suspended when it breaks badly in so many batches in a row, for
// a second first and twice as long each time after.
const (
	badRows     = 16 // that make a batch a bad one
	badBatches  = 3
	suspendMost = time.Minute
)

// breaker keeps a plugin from being run that does nothing but fail.
type breaker struct {
	mu       sync.Mutex
	now      func() time.Time
	bad      int // batches in a row
	times    int // that it was suspended in a row
	until    time.Time
	trying   bool // one batch may look whether it is better
	last     string
	suspends int64
}

// enter says why no batch may run now, or "".
func (b *breaker) enter() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.times == 0 {
		return ""
	}
	if left := b.until.Sub(b.clock()); left > 0 || b.trying {
		return fmt.Sprintf("the plugin is suspended, because it kept failing: %s", b.last)
	}
	b.trying = true
	return ""
}

func (b *breaker) clock() time.Time {
	if b.now != nil {
		return b.now()
	}
	return time.Now()
}

// abandon notes that a batch was not run to its end.
func (b *breaker) abandon() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trying = false
}

// leave notes how a batch ended: how many of its rows broke the plugin, and
// how.
func (b *breaker) leave(broken int, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trying = false
	if broken <= badRows {
		b.bad, b.times = 0, 0
		return
	}
	b.last = why
	if b.bad++; b.bad < badBatches && b.times == 0 {
		return
	}
	b.until = b.clock().Add(min(suspendMost, time.Second<<min(b.times, 6)))
	b.times++
	b.suspends++
}

// suspended says why the plugin does not run now, or "".
func (b *breaker) suspended() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.times == 0 || !b.clock().Before(b.until) {
		return ""
	}
	return b.last
}

// Suspended says why the plugin is not run for a while, or "".
func (p *Plugin) Suspended() string { return p.breaker.suspended() }

// without treats a batch that may not run, by the user's policy.
func (s *search) without(from, to int, why string) error {
	switch s.p.settings.OnFailure {
	case OnFailureSkip:
		s.reject(from, to, why)
		return nil
	case OnFailurePass:
		s.pass(from, to)
		return nil
	}
	return engine.Errorf(engine.Unavailable, "run plugin "+s.p.name, "%s", why).
		WithHint("mend the plugin, or set on_failure to skip or pass in plugins/%s.yaml", s.p.name)
}

// pass makes rows of what came in: an output that is no input is null, which
// changes nothing.
func (s *search) pass(from, to int) {
	f := s.p.manifest.Functions[s.n]
	inputs := map[string]*engine.Column{}
	for i, x := range f.inputs() {
		inputs[x.Field] = &s.in[i]
	}
	for row := from; row < to; row++ {
		s.out.Src = append(s.out.Src, uint32(row))
	}
	rows := make([]int, to-from)
	for i, x := range f.Outputs {
		in := inputs[x.Field]
		for r := range rows {
			rows[r] = from + r
			if in == nil || in.Type != x.Kind() {
				rows[r] = -1
			}
		}
		if in == nil {
			in = &engine.Column{Type: x.Kind()}
		}
		passed := pick(&engine.Column{Type: x.Kind(), Null: in.Null, Ints: in.Ints, Floats: in.Floats, Offsets: in.Offsets, Bytes: in.Bytes}, rows)
		for r := range rows {
			appendRow(&s.out.Columns[i], &passed, r)
		}
	}
}

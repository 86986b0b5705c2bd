// Package lookup adds to records what somebody else knows of them: rows of a
// table, or answers of an HTTP endpoint. It owns how many questions are on
// their way, how long one may take, how often it is asked again, what is
// remembered, and what becomes of a record without an answer. What a record
// and a dataset are is not its business.
//
// The bounds are those of asynchronous operators in stream processors: a
// capacity that holds the stream back, a timeout, and results in the order of
// the records or in that of the answers. Order matters within a batch alone:
// batches are committed one after the other, and watermarks move when one is,
// so that no record can overtake a watermark.
package lookup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tidemark.dev/tidemark/engine"
)

// What becomes of a record that has no answer.
const (
	Keep       = "keep"       // it goes on, with the fallback
	Drop       = "drop"       // it is left out, and counted
	Quarantine = "quarantine" // it is set aside
	Stop       = "stop"       // the work ends; only for failures
)

// Defaults of Config.
const (
	DefaultCapacity = 16
	DefaultTimeout  = 2 * time.Second
	DefaultRetries  = 2
	DefaultCache    = 10_000
	DefaultTTL      = 10 * time.Minute
	maxKey          = 1024 // bytes of all parts of a key
)

// Config says how a lookup asks. Zero values are the defaults.
type Config struct {
	Name string
	// Take are the values wanted, by their names in the source.
	Take []string
	// Missing says what becomes of a record whose key nobody knows, Failure of
	// one whose question failed. "" are Keep and Quarantine.
	Missing, Failure string
	// Fallback are values by name for records that are kept without an answer.
	Fallback map[string]json.RawMessage
	// Capacity is how many questions are on their way at once, Timeout how long
	// each try may take, Retries how often a failed one is repeated; negative is
	// none.
	Capacity int
	Timeout  time.Duration
	Retries  int
	// Cache is how many answers are remembered, negative for none, and TTL for
	// how long.
	Cache int
	TTL   time.Duration
	// Unordered lets records go on in the order of their answers, within a batch.
	Unordered bool
	// Wait passes the time between two tries; nil is a timer.
	Wait  func(ctx context.Context, d time.Duration) error
	Clock engine.Clock
}

// Source knows values by key. It is used by several goroutines at once.
type Source interface {
	// Get gives the values of Config.Take, nil where there is none; found is
	// false when nobody knows the key.
	Get(ctx context.Context, key []string) (values []json.RawMessage, found bool, err error)
}

// Permanent marks an error that trying again would not mend.
type Permanent struct{ Err error }

// Error is that of the cause.
func (p Permanent) Error() string { return p.Err.Error() }

// Unwrap gives the cause.
func (p Permanent) Unwrap() error { return p.Err }

// Lookup asks a source for batches of keys. It may be used by several
// goroutines, which share its capacity, its cache and its counters.
type Lookup struct {
	config Config
	source Source
	slots  chan struct{}
	cache  *cache
	fuse   fuse
	stats  counters
}

// New prepares a lookup.
func New(c Config, s Source) *Lookup {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&c.Capacity, DefaultCapacity)
	def(&c.Retries, DefaultRetries)
	def(&c.Cache, DefaultCache)
	c.Capacity = max(1, c.Capacity)
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.TTL <= 0 {
		c.TTL = DefaultTTL
	}
	if c.Missing == "" {
		c.Missing = Keep
	}
	if c.Failure == "" {
		c.Failure = Quarantine
	}
	if c.Clock == nil {
		c.Clock = engine.SystemClock{}
	}
	if c.Wait == nil {
		c.Wait = engine.Wait
	}
	return &Lookup{config: c, source: s, slots: make(chan struct{}, c.Capacity), cache: newCache(c.Cache, c.TTL), fuse: fuse{clock: c.Clock}}
}

// Stats count what a lookup did.
type Stats struct {
	Records  int64 `json:"records"`
	Asked    int64 `json:"asked"`  // questions, repeated ones too
	Cached   int64 `json:"cached"` // keys whose answer was remembered
	Missing  int64 `json:"missing"`
	Failed   int64 `json:"failed"`
	InFlight int64 `json:"in_flight"`
	Most     int64 `json:"most_in_flight"`
}

type counters struct{ records, asked, cached, missing, failed, flying, most atomic.Int64 }

// Add sums two counts.
func (s Stats) Add(t Stats) Stats {
	return Stats{
		s.Records + t.Records, s.Asked + t.Asked, s.Cached + t.Cached, s.Missing + t.Missing, s.Failed + t.Failed,
		s.InFlight + t.InFlight, max(s.Most, t.Most),
	}
}

// Stats reads the counters.
func (l *Lookup) Stats() Stats {
	s := &l.stats
	return Stats{s.records.Load(), s.asked.Load(), s.cached.Load(), s.missing.Load(), s.failed.Load(), s.flying.Load(), s.most.Load()}
}

// Answer is what became of a record.
type Answer struct {
	// Row of the batch; Values are those of Config.Take, nil for none.
	Row    int
	Values []json.RawMessage
	// Drop leaves the record out; Rejected is why it is set aside.
	Drop     bool
	Rejected string
}

// answer is what is known of a key, and the turn in which it came.
type answer struct {
	values []json.RawMessage
	found  bool
	err    error
	turn   int
}

// Batch asks for the keys of a batch, each distinct one once. A nil key has no
// answer and is not asked for. The answers come in the order of the records or,
// unordered, of the answers. An error means that ctx ended, or that the
// failures are to stop the work.
func (l *Lookup) Batch(ctx context.Context, keys [][]string) ([]Answer, error) {
	l.stats.records.Add(int64(len(keys)))
	known := map[string]*answer{}
	var asked [][]string
	for _, k := range keys {
		id := idOf(k)
		if k == nil || known[id] != nil {
			continue
		}
		if a, has := l.cache.get(id, l.config.Clock.Now()); has {
			l.stats.cached.Add(1)
			known[id] = &answer{values: a.values, found: a.found}
			continue
		}
		known[id] = &answer{}
		asked = append(asked, k)
	}
	if err := l.askAll(ctx, asked, known); err != nil {
		return nil, err
	}
	out := make([]Answer, len(keys))
	turns := make([]int, len(keys))
	for i, k := range keys {
		a := &answer{}
		if k != nil {
			a = known[idOf(k)]
		}
		var err error
		if out[i], err = l.settle(i, k, a); err != nil {
			return nil, err
		}
		turns[i] = a.turn
	}
	if l.config.Unordered {
		slices.SortStableFunc(out, func(a, b Answer) int { return turns[a.Row] - turns[b.Row] })
	}
	return out, nil
}

// idOf makes one text of a key whose parts may hold anything.
func idOf(key []string) string {
	var b strings.Builder
	for _, k := range key {
		fmt.Fprintf(&b, "%d:%s", len(k), k)
	}
	return b.String()
}

// askAll asks for all keys, as many at once as there may be.
func (l *Lookup) askAll(ctx context.Context, keys [][]string, known map[string]*answer) error {
	var run sync.WaitGroup
	var turn atomic.Int64
	for _, k := range keys {
		select {
		case l.slots <- struct{}{}:
		case <-ctx.Done():
			run.Wait()
			return ctx.Err()
		}
		into := known[idOf(k)]
		run.Go(func() {
			defer func() { <-l.slots }()
			l.flying(1)
			defer l.flying(-1)
			a := l.ask(ctx, k)
			a.turn = int(turn.Add(1))
			*into = a
			if a.err == nil {
				l.cache.put(idOf(k), a, l.config.Clock.Now())
			}
		})
	}
	run.Wait()
	return ctx.Err()
}

func (l *Lookup) flying(by int64) {
	now := l.stats.flying.Add(by)
	for {
		most := l.stats.most.Load()
		if now <= most || l.stats.most.CompareAndSwap(most, now) {
			return
		}
	}
}

// backoff is how long is waited before the first repetition; each waits twice
// as long as the one before.
const backoff = 50 * time.Millisecond

// ask asks for one key, again where it failed.
func (l *Lookup) ask(ctx context.Context, key []string) (a answer) {
	if n := len(idOf(key)); n > maxKey {
		return answer{}
	}
	for try := 0; ; try++ {
		if why := l.fuse.blown(); why != nil {
			return answer{err: fmt.Errorf("it is not asked for a while, because it kept failing: %w", why)}
		}
		l.stats.asked.Add(1)
		once, cancel := context.WithTimeout(ctx, l.config.Timeout)
		a.values, a.found, a.err = l.source.Get(once, key)
		if a.err != nil && once.Err() != nil && ctx.Err() == nil {
			a.err = fmt.Errorf("no answer within %s", l.config.Timeout)
		}
		cancel()
		l.fuse.note(a.err)
		var permanent Permanent
		if a.err == nil || ctx.Err() != nil || try >= l.config.Retries || errors.As(a.err, &permanent) {
			return a
		}
		if err := l.config.Wait(ctx, backoff<<min(try, 6)); err != nil {
			return a
		}
	}
}

// settle says what becomes of a record, by its answer and the user's policy.
func (l *Lookup) settle(row int, key []string, a *answer) (Answer, error) {
	out := Answer{Row: row, Values: a.values}
	policy, why := "", ""
	switch {
	case a.err != nil:
		l.stats.failed.Add(1)
		policy, why = l.config.Failure, "the lookup "+l.config.Name+" failed: "+a.err.Error()
		if policy == Stop {
			return out, engine.Errorf(engine.Unavailable, "look up "+l.config.Name, "%w", a.err).
				WithHint("mend it, or set failure of the lookup to keep, drop or quarantine")
		}
	case !a.found:
		l.stats.missing.Add(1)
		policy, why = l.config.Missing, "the lookup "+l.config.Name+" does not know "+shown(key)
	default:
		return out, nil
	}
	switch policy {
	case Drop:
		out.Drop = true
	case Quarantine:
		out.Rejected = why
	default:
		out.Values = l.fallback()
	}
	return out, nil
}

func (l *Lookup) fallback() []json.RawMessage {
	out := make([]json.RawMessage, len(l.config.Take))
	for i, name := range l.config.Take {
		out[i] = l.config.Fallback[name]
	}
	return out
}

// shown writes a key for people, without what steers a terminal.
func shown(key []string) string {
	if key == nil {
		return "it: the record has no key"
	}
	text := fmt.Sprintf("%q", strings.Join(key, ", "))
	return text[:min(len(text), 120)]
}

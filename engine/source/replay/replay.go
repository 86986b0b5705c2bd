// Package replay plays an archive as if it were a live stream: its objects in
// the order in which they were delivered, their records spread over the time
// that lies between, at any speed, with pause, step and seek.
//
// It owns the clock of the play. What an object holds is given to it as
// records.
package replay

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Part is one object of the archive: what arrived between two moments.
type Part struct {
	engine.Object
	From, To time.Time
}

// Config says what is played.
type Config struct {
	Name string
	// Of names the source whose archive it is.
	Of string
	// Speed is how many times faster than it happened; 0 is 1.
	Speed float64
	// Parts lists the archive.
	Parts func(ctx context.Context) ([]Part, error)
	// Records yields the raw records of an object.
	Records func(ctx context.Context, o engine.Object) iter.Seq2[[]byte, error]
	Clock   engine.Clock
	// Wait sleeps; nil is the machine's time.
	Wait func(context.Context, time.Duration) error
}

const (
	// tick is how often what is due is given out.
	tick = 100 * time.Millisecond
	// page bounds how many records are given out at once.
	page = 5000
	// shard is the one that a replay has.
	shard = "replay"
)

// Source plays an archive. Its controls may be used while a Tail runs.
type Source struct {
	config Config

	mu     sync.Mutex
	speed  float64
	paused bool
	steps  int
	// at is the play's time when the clock showed since.
	at, since time.Time
	seek      time.Time // where to go next; zero for nowhere
	until     time.Time // where to end; zero for where the archive does
	state     engine.ShardState
	begun     bool
	end       time.Time
}

// New prepares a play.
func New(c Config) *Source {
	if c.Speed <= 0 {
		c.Speed = 1
	}
	if c.Clock == nil {
		c.Clock = engine.SystemClock{}
	}
	if c.Wait == nil {
		c.Wait = engine.Wait
	}
	return &Source{config: c, speed: c.Speed, state: engine.ShardState{Shard: shard, State: "waiting"}}
}

// Play is how a play stands: Speed is how many seconds of the archive pass in
// one, At the moment of the archive that it has come to, and End its last.
type Play struct {
	Speed  float64   `json:"speed"`
	Paused bool      `json:"paused"`
	At     time.Time `json:"at"`
	End    time.Time `json:"end"`
}

// Play tells how the play stands.
func (s *Source) Play() Play {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Play{s.speed, s.paused, s.now(), s.end}
}

// now is the play's time. s.mu is held.
func (s *Source) now() time.Time {
	if s.paused || !s.begun {
		return s.at
	}
	passed := s.config.Clock.Now().Sub(s.since)
	return s.at.Add(time.Duration(float64(passed) * s.speed))
}

// hold makes the time of now the one to go on from. s.mu is held.
func (s *Source) hold() { s.at, s.since = s.now(), s.config.Clock.Now() }

// SetSpeed changes how fast it is played.
func (s *Source) SetSpeed(x float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold()
	s.speed = max(x, 0.001)
}

// Pause stops the play's time; Resume lets it go on.
func (s *Source) Pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold()
	s.paused = true
}

// Resume lets the play's time go on.
func (s *Source) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold()
	s.paused = false
}

// Step gives out the next record of a paused play.
func (s *Source) Step() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps++
}

// Seek goes to a moment: what lies before it is not given out. Going back
// plays again what was played before.
func (s *Source) Seek(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seek = t
}

// Until ends the play before what arrived at or after a moment; the next one
// goes on from there. Zero is the end of the archive.
func (s *Source) Until(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = t
}

// over reports whether the play ends before what arrived at a moment.
func (s *Source) over(at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.until.IsZero() && !at.Before(s.until)
}

// Shards tells how the play stands, as a stream of one shard.
func (s *Source) Shards() []engine.ShardState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return []engine.ShardState{s.state}
}

// Tail plays from the checkpoint, or from the beginning, to the end.
func (s *Source) Tail(ctx context.Context, from []engine.Checkpoint, sink func(context.Context, engine.Arrivals) error) error {
	parts, err := s.config.Parts(ctx)
	if err != nil {
		return err
	}
	if len(parts) == 0 {
		return engine.Errorf(engine.NotFound, "replay "+s.config.Of, "its archive has no objects")
	}
	slices.SortStableFunc(parts, func(a, b Part) int {
		if c := a.From.Compare(b.From); c != 0 {
			return c
		}
		return strings.Compare(a.Key, b.Key)
	})
	p := &play{Source: s, parts: parts, sink: sink}
	p.resume(from)
	if to := p.wanted(); !to.IsZero() {
		// Also a play that has ended goes on from there.
		if err := p.rewind(to, func() error { return nil }); err != nil {
			return err
		}
	}
	for {
		again, err := p.run(ctx)
		if err != nil || !again {
			return err
		}
	}
}

// play is one run through the parts.
type play struct {
	*Source
	parts []Part
	sink  func(context.Context, engine.Arrivals) error
	part  int
	row   int64 // records of the part that were given out
	last  time.Time
	done  bool // it is where it was to end
}

// resume finds where a checkpoint stands.
func (p *play) resume(from []engine.Checkpoint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end = p.parts[len(p.parts)-1].To
	for _, part := range p.parts {
		if part.To.After(p.end) {
			p.end = part.To
		}
	}
	for _, c := range from {
		key, row, ok := parsePosition(c.Sequence)
		if !ok || c.Shard != shard {
			continue
		}
		if i := slices.IndexFunc(p.parts, func(x Part) bool { return x.Key == key }); i >= 0 {
			p.part, p.row, p.last = i, row, c.Arrival
			if c.Ended {
				p.part, p.row = len(p.parts), 0
			}
		}
	}
	at := p.last
	if at.IsZero() && p.part < len(p.parts) {
		at = p.parts[p.part].From
	}
	p.at, p.since, p.begun = at, p.config.Clock.Now(), true
	p.state.State, p.state.Why = "reading", ""
}

// wanted is where the next seek goes; zero is nowhere.
func (p *play) wanted() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seek
}

// position names a record: the object and its number there, from 1. Parts of
// an archive have no order of their own, so it is compared by nobody.
func position(key string, row int64) string { return key + "#" + strconv.FormatInt(row, 10) }

func parsePosition(s string) (key string, row int64, ok bool) {
	i := strings.LastIndexByte(s, '#')
	if i < 0 {
		return "", 0, false
	}
	row, err := strconv.ParseInt(s[i+1:], 10, 64)
	return s[:i], row, err == nil
}

// run plays the parts from where it stands; again says that a seek wants
// another run.
func (p *play) run(ctx context.Context) (again bool, err error) {
	for ; p.part < len(p.parts); p.part, p.row = p.part+1, 0 {
		again, err := p.playPart(ctx, p.parts[p.part])
		if err != nil || again {
			return again, err
		}
		if p.done {
			p.note(func(st *engine.ShardState) { st.State = "finished" })
			return false, nil
		}
	}
	p.note(func(st *engine.ShardState) { st.State = "finished" })
	return false, p.sink(ctx, engine.Arrivals{Checkpoint: engine.Checkpoint{
		Source: p.config.Name, Stream: p.config.Of, Shard: shard, Sequence: position(p.parts[len(p.parts)-1].Key, 0), Arrival: p.last, Ended: true,
	}})
}

// playPart gives out the records of an object as their time comes.
func (p *play) playPart(ctx context.Context, part Part) (again bool, err error) {
	count := int64(0)
	for _, err := range p.config.Records(ctx, part.Object) {
		if err != nil {
			return false, fmt.Errorf("replay %s: %w", part.URL, err)
		}
		count++
	}
	var due []engine.Arrival
	row := int64(0)
	for raw, err := range p.config.Records(ctx, part.Object) {
		if err != nil {
			return false, fmt.Errorf("replay %s: %w", part.URL, err)
		}
		if row++; row <= p.row {
			continue
		}
		at := part.From.Add(time.Duration(float64(part.To.Sub(part.From)) * float64(row) / float64(count)))
		if p.done = p.over(at); p.done {
			break
		}
		again, skip, err := p.await(ctx, at, func() error { return p.give(ctx, part, &due) })
		if err != nil || again {
			return again, err
		}
		p.row, p.last = row, at
		if skip {
			continue
		}
		due = append(due, engine.Arrival{Data: slices.Clone(raw), Sequence: position(part.Key, row), Time: at})
		if len(due) == page {
			if err := p.give(ctx, part, &due); err != nil {
				return false, err
			}
		}
	}
	return false, p.give(ctx, part, &due)
}

// await returns when the play's time has come to at. Before it sleeps it
// flushes what was due. skip says that a seek passed over at.
func (p *play) await(ctx context.Context, at time.Time, flush func() error) (again, skip bool, err error) {
	for {
		p.mu.Lock()
		if to := p.seek; !to.IsZero() {
			if to.Before(p.parts[0].From) {
				to = p.parts[0].From // nothing lies before it
			}
			back := !to.After(at)
			p.at, p.since = to, p.config.Clock.Now()
			if !back || !to.Before(p.last) {
				if back { // reached
					p.seek = time.Time{}
				}
				p.mu.Unlock()
				if !back {
					return false, true, nil
				}
				continue
			}
			p.seek = time.Time{}
			p.mu.Unlock()
			return true, false, p.rewind(to, flush)
		}
		now := p.now()
		if p.paused && p.steps > 0 {
			p.steps--
			p.at = at
			now = at
		}
		p.mu.Unlock()
		if !now.Before(at) {
			return false, false, ctx.Err()
		}
		if err := flush(); err != nil {
			return false, false, err
		}
		if err := p.config.Wait(ctx, tick); err != nil {
			return false, false, err
		}
	}
}

// rewind goes to the part that a moment lies in; its records before the moment
// are passed over.
func (p *play) rewind(to time.Time, flush func() error) error {
	if err := flush(); err != nil {
		return err
	}
	p.part, p.row, p.last = 0, 0, time.Time{}
	for p.part < len(p.parts)-1 && !p.parts[p.part].To.After(to) {
		p.part++
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seek = to
	return nil
}

// give hands records on.
func (p *play) give(ctx context.Context, part Part, due *[]engine.Arrival) error {
	if len(*due) == 0 {
		return nil
	}
	last := (*due)[len(*due)-1]
	a := engine.Arrivals{
		Checkpoint: engine.Checkpoint{Source: p.config.Name, Stream: p.config.Of, Shard: shard, Sequence: last.Sequence, Arrival: last.Time},
		Records:    *due,
	}
	n := int64(len(*due))
	*due = nil
	if err := p.sink(ctx, a); err != nil {
		return err
	}
	p.note(func(st *engine.ShardState) {
		st.State, st.Records, st.LastArrival, st.SequenceAfter = "reading", st.Records+n, last.Time, last.Sequence
		st.Behind = max(0, int64(float64(p.now().Sub(last.Time).Milliseconds())/p.speed))
	})
	return nil
}

func (p *play) note(change func(*engine.ShardState)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.state)
}

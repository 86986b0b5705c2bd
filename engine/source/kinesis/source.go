package kinesis

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"golang.org/x/sync/semaphore"

	"tidemark.dev/tidemark/engine"
)

// pagesHeld bounds the bytes of answers that are on their way or wait to be
// taken, over all shards, for each processor that takes them.
const pagesHeld = 2 * largePage

// Source is a stream to be read. One Tail may run at a time; the other methods
// may be called beside it.
type Source struct {
	config Config
	client *sdk.Client
	room   *semaphore.Weighted
	pages  scratches

	mu     sync.Mutex
	states map[string]*engine.ShardState
	order  []string
}

// New prepares to read; it sends nothing.
func New(ctx context.Context, c Config) (*Source, error) {
	if c.Stream == "" {
		return nil, engine.Errorf(engine.Invalid, "open source "+c.Name, "it names no stream").WithHint("set stream to a name or an ARN")
	}
	if c.Start.kind == "" {
		c.Start = Latest
	}
	if c.Clock == nil {
		c.Clock = engine.SystemClock{}
	}
	if c.Wait == nil {
		c.Wait = engine.Wait
	}
	if c.Jitter == nil {
		c.Jitter = rand.Float64
	}
	client, err := connect(ctx, c)
	if err != nil {
		return nil, err
	}
	return &Source{config: c, client: client, room: semaphore.NewWeighted(pagesHeld * int64(runtime.GOMAXPROCS(0))), states: map[string]*engine.ShardState{}}, nil
}

// Report is what a look at the stream finds.
type Report struct {
	ARN       string        `json:"arn"`
	Created   time.Time     `json:"created"`
	Retention time.Duration `json:"retention"`
	Open      []string      `json:"open"`
	Closed    []string      `json:"closed"`
}

// Look asks what the stream is and which shards it has.
func (s *Source) Look(ctx context.Context) (Report, error) {
	id, err := s.describe(ctx)
	if err != nil {
		return Report{}, s.config.explain("describe", err)
	}
	shards, err := s.list(ctx, nil)
	if err != nil {
		return Report{}, s.config.explain("list the shards of", err)
	}
	r := Report{ARN: id.arn, Created: id.created, Retention: id.retention}
	for _, sh := range shards {
		if sh.closed {
			r.Closed = append(r.Closed, sh.id)
		} else {
			r.Open = append(r.Open, sh.id)
		}
	}
	return r, nil
}

// Shards tells how the reading of each shard stands, in the order in which
// they were found.
func (s *Source) Shards() []engine.ShardState {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]engine.ShardState, len(s.order))
	for i, id := range s.order {
		all[i] = *s.states[id]
	}
	return all
}

// note changes the state of a shard.
func (s *Source) note(shard string, change func(*engine.ShardState)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.states[shard]
	if st == nil {
		st = &engine.ShardState{Shard: shard}
		s.states[shard] = st
		s.order = append(s.order, shard)
	}
	change(st)
}

// forget drops the states of a stream that is no more.
func (s *Source) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.states, s.order = map[string]*engine.ShardState{}, nil
}

package kinesistest

import (
	"fmt"
	"math/big"
	"strings"
	"time"
)

// target names a stream in a request, either way.
type target struct{ StreamName, StreamARN string }

func (t target) name() string {
	if t.StreamName != "" {
		return t.StreamName
	}
	_, name, _ := strings.Cut(t.StreamARN, ":stream/")
	name, _, _ = strings.Cut(name, "/consumer/")
	return name
}

func (s *Server) find(t target) (*stream, error) {
	if st := s.streams[t.name()]; st != nil {
		return st, nil
	}
	return nil, notFound(t.name())
}

// CreateStream makes a stream with its hash space divided evenly. It replaces
// none: delete that first.
func (s *Server) CreateStream(name string, shards int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.createStream(createIn{StreamName: name, ShardCount: shards}); err != nil {
		panic(err)
	}
}

// DeleteStream forgets a stream and its records.
func (s *Server) DeleteStream(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.streams, name)
	s.notify()
}

// Split divides an open shard in the middle; the children are the newest two.
func (s *Server) Split(name, shard string) {
	s.change(name, func(st *stream) error {
		sh, err := st.shard(shard)
		if err != nil {
			return err
		}
		middle := new(big.Int).Add(sh.from, sh.to)
		middle.Rsh(middle, 1).Add(middle, big.NewInt(1))
		return st.split(sh, middle, s.clock.Now())
	})
}

// Merge makes one shard of two open neighbours.
func (s *Server) Merge(name, a, b string) {
	s.change(name, func(st *stream) error {
		x, err := st.shard(a)
		if err != nil {
			return err
		}
		y, err := st.shard(b)
		if err != nil {
			return err
		}
		return st.merge(x, y, s.clock.Now())
	})
}

// Retain sets how long records are kept; 24 hours is the default.
func (s *Server) Retain(name string, d time.Duration) {
	s.change(name, func(st *stream) error { st.retention = d; return nil })
}

// Put appends a record with the key's shard and the clock's time, and tells
// both.
func (s *Server) Put(name, key string, data []byte) (shard, seq string) {
	s.change(name, func(st *stream) error {
		sh, r := st.put(hashOf(key), key, data, s.clock.Now())
		shard, seq = sh.id, sequence(r.sequence)
		return nil
	})
	return shard, seq
}

// OpenShards lists the ids of the shards that take records.
func (s *Server) OpenShards(name string) (ids []string) {
	s.change(name, func(st *stream) error {
		for _, sh := range st.shards {
			if sh.closed == 0 {
				ids = append(ids, sh.id)
			}
		}
		return nil
	})
	return ids
}

// change is for the test's own calls: what fails there is the test's mistake.
func (s *Server) change(name string, do func(*stream) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.streams[name]
	if st == nil {
		panic(notFound(name))
	}
	if err := do(st); err != nil {
		panic(err)
	}
	s.notify()
}

type createIn struct {
	StreamName string
	ShardCount int
}

func (s *Server) createStream(in createIn) (any, error) {
	if s.streams[in.StreamName] != nil {
		return nil, fail("ResourceInUseException", "Stream "+in.StreamName+" under account "+Account+" already exists.")
	}
	n := max(1, in.ShardCount)
	s.made++
	st := &stream{name: in.StreamName, made: s.made, next: int64(s.made) << 32, created: s.clock.Now(), retention: 24 * time.Hour}
	width := new(big.Int).Div(hashSpace, big.NewInt(int64(n)))
	for i := range n {
		from := new(big.Int).Mul(width, big.NewInt(int64(i)))
		to := new(big.Int).Add(from, width)
		if i == n-1 {
			to = new(big.Int).Set(hashSpace)
		}
		st.addShard(from, to.Sub(to, big.NewInt(1)), "", "", st.created)
	}
	s.streams[in.StreamName] = st
	s.notify()
	return nil, nil
}

func (s *Server) deleteStream(in target) (any, error) {
	if _, err := s.find(in); err != nil {
		return nil, err
	}
	delete(s.streams, in.name())
	s.notify()
	return nil, nil
}

func (s *Server) describe(in target) (any, error) {
	st, err := s.find(in)
	if err != nil {
		return nil, err
	}
	open := 0
	for _, sh := range st.shards {
		if sh.closed == 0 {
			open++
		}
	}
	return map[string]any{"StreamDescriptionSummary": map[string]any{
		"StreamName": st.name, "StreamARN": st.arn(), "StreamStatus": "ACTIVE",
		"RetentionPeriodHours": int(st.retention.Hours()), "StreamCreationTimestamp": toEpoch(st.created),
		"OpenShardCount": open, "ConsumerCount": len(st.consumers), "EnhancedMonitoring": []any{},
	}}, nil
}

type splitIn struct {
	target
	ShardToSplit, NewStartingHashKey string
}

func (s *Server) splitShard(in splitIn) (any, error) {
	st, err := s.find(in.target)
	if err != nil {
		return nil, err
	}
	sh, err := st.shard(in.ShardToSplit)
	if err != nil {
		return nil, err
	}
	at, ok := new(big.Int).SetString(in.NewStartingHashKey, 10)
	if !ok {
		return nil, fail("InvalidArgumentException", fmt.Sprintf("%q is no hash key", in.NewStartingHashKey))
	}
	defer s.notify()
	return nil, st.split(sh, at, s.clock.Now())
}

type mergeIn struct {
	target
	ShardToMerge, AdjacentShardToMerge string
}

func (s *Server) mergeShards(in mergeIn) (any, error) {
	st, err := s.find(in.target)
	if err != nil {
		return nil, err
	}
	a, err := st.shard(in.ShardToMerge)
	if err != nil {
		return nil, err
	}
	b, err := st.shard(in.AdjacentShardToMerge)
	if err != nil {
		return nil, err
	}
	defer s.notify()
	return nil, st.merge(a, b, s.clock.Now())
}

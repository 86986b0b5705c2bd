package kinesistest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// consumer is a registered reader with a pipe of its own (enhanced fan-out).
type consumer struct {
	name string
	made time.Time
}

// subscribes is how long one subscription lasts.
const subscribes = 5 * time.Minute

func (st *stream) consumer(name string) *consumer {
	for _, c := range st.consumers {
		if c.name == name {
			return c
		}
	}
	return nil
}

type consumerIn struct{ StreamARN, ConsumerName, ConsumerARN string }

func (in consumerIn) target() target {
	if in.StreamARN != "" {
		return target{StreamARN: in.StreamARN}
	}
	return target{StreamARN: in.ConsumerARN}
}

func (st *stream) consumerARN(c *consumer) string { return st.arn() + "/consumer/" + c.name + ":1" }

func (st *stream) describeConsumer(c *consumer) map[string]any {
	return map[string]any{
		"ConsumerName": c.name, "ConsumerARN": st.consumerARN(c), "ConsumerStatus": "ACTIVE",
		"ConsumerCreationTimestamp": toEpoch(c.made), "StreamARN": st.arn(),
	}
}

func (s *Server) register(in consumerIn) (any, error) {
	st, err := s.find(in.target())
	if err != nil {
		return nil, err
	}
	if st.consumer(in.ConsumerName) != nil {
		return nil, fail("ResourceInUseException", "Consumer "+in.ConsumerName+" already exists.")
	}
	c := &consumer{in.ConsumerName, s.clock.Now()}
	st.consumers = append(st.consumers, c)
	return map[string]any{"Consumer": st.describeConsumer(c)}, nil
}

// named finds a consumer by either of the ways a request may name it.
func (s *Server) named(in consumerIn) (*stream, *consumer, error) {
	st, err := s.find(in.target())
	if err != nil {
		return nil, nil, err
	}
	for _, c := range st.consumers {
		if c.name == in.ConsumerName || st.consumerARN(c) == in.ConsumerARN {
			return st, c, nil
		}
	}
	return nil, nil, fail("ResourceNotFoundException", "Consumer "+in.ConsumerName+in.ConsumerARN+" not found.")
}

func (s *Server) deregister(in consumerIn) (any, error) {
	st, gone, err := s.named(in)
	if err != nil {
		return nil, err
	}
	var kept []*consumer
	for _, c := range st.consumers {
		if c != gone {
			kept = append(kept, c)
		}
	}
	st.consumers = kept
	return nil, nil
}

func (s *Server) describeConsumer(in consumerIn) (any, error) {
	st, c, err := s.named(in)
	if err != nil {
		return nil, err
	}
	return map[string]any{"ConsumerDescription": st.describeConsumer(c)}, nil
}

func (s *Server) listConsumers(in consumerIn) (any, error) {
	st, err := s.find(in.target())
	if err != nil {
		return nil, err
	}
	list := []map[string]any{}
	for _, c := range st.consumers {
		list = append(list, st.describeConsumer(c))
	}
	return map[string]any{"Consumers": list}, nil
}

// Consumers lists the names of a stream's registered consumers.
func (s *Server) Consumers(name string) (names []string) {
	s.change(name, func(st *stream) error {
		for _, c := range st.consumers {
			names = append(names, c.name)
		}
		return nil
	})
	return names
}

type subscribeIn struct {
	ConsumerARN, ShardId string //nolint:revive,staticcheck // the protocol's name
	StartingPosition     struct {
		Type, SequenceNumber string
		Timestamp            epoch
	}
}

// subscribe streams the records of a shard as they come.
func (s *Server) subscribe(w http.ResponseWriter, r *http.Request, body []byte) {
	var in subscribeIn
	err := json.Unmarshal(body, &in)
	s.mu.Lock()
	s.calls["SubscribeToShard"]++
	var it iterator
	if err == nil {
		it, err = s.subscription(in)
	}
	s.mu.Unlock()
	if err != nil {
		answer(w, nil, err)
		return
	}
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	encoder := eventstream.NewEncoder()
	send := func(kind string, payload []byte) bool {
		var m eventstream.Message
		m.Headers.Set(":message-type", eventstream.StringValue("event"))
		m.Headers.Set(":event-type", eventstream.StringValue(kind))
		m.Headers.Set(":content-type", eventstream.StringValue("application/json"))
		m.Payload = payload
		var b bytes.Buffer
		if encoder.Encode(&b, m) != nil {
			return false
		}
		_, err := w.Write(b.Bytes())
		w.(http.Flusher).Flush() //nolint:forcetypeassert // net/http's own
		return err == nil
	}
	if !send("initial-response", []byte("{}")) {
		return
	}
	s.follow(r, it, func(event []byte) bool { return send("SubscribeToShardEvent", event) })
}

func (s *Server) subscription(in subscribeIn) (iterator, error) {
	st, _, err := s.named(consumerIn{ConsumerARN: in.ConsumerARN})
	if err != nil {
		return iterator{}, err
	}
	sh, err := st.shard(in.ShardId)
	if err != nil {
		return iterator{}, err
	}
	now := s.clock.Now()
	next, err := st.start(sh, iteratorIn{
		ShardIteratorType: in.StartingPosition.Type, StartingSequenceNumber: in.StartingPosition.SequenceNumber, Timestamp: in.StartingPosition.Timestamp,
	}, now)
	return iterator{st.name, st.made, sh.id, next, now}, err
}

// follow sends events until the subscription is over, the shard ends, or the
// client leaves.
func (s *Server) follow(r *http.Request, it iterator, send func([]byte) bool) {
	begun := s.clock.Now()
	for s.clock.Now().Sub(begun) < subscribes {
		s.mu.Lock()
		event, ended, ok := s.nextEvent(&it)
		changed := s.changed
		s.mu.Unlock()
		if !ok || event != nil && !send(event) || ended {
			return
		}
		if event != nil {
			continue
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

// nextEvent writes the next event, nil while there is none. s.mu is held.
func (s *Server) nextEvent(it *iterator) (event []byte, ended, ok bool) {
	st := s.streams[it.Stream]
	if st == nil || st.made != it.Made {
		return nil, false, false
	}
	sh, err := st.shard(it.Shard)
	if err != nil {
		return nil, false, false
	}
	now := s.clock.Now()
	last := min(len(sh.records), it.Next+1000)
	ended = sh.closed > 0 && last == len(sh.records)
	if last == it.Next && !ended {
		return nil, false, true
	}
	b := []byte(`{"Records":[`)
	for i, r := range sh.records[it.Next:last] {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, r.wire...)
	}
	b = append(b, `]`...)
	if ended {
		b = append(append(b, `,"ChildShards":`...), st.describeChildren(sh)...)
	} else {
		b = append(b, `,"ContinuationSequenceNumber":"`+sequence(sh.records[last-1].sequence)+`"`...)
	}
	it.Next = last
	return append(b, `,"MillisBehindLatest":`+strconvI(st.behind(sh, last, now))+`}`...), ended, true
}

func strconvI(n int64) string { return strconv.FormatInt(n, 10) }

// Register makes a consumer of a stream.
func (s *Server) Register(name, consumer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.register(consumerIn{StreamARN: target{StreamName: name}.arn(), ConsumerName: consumer}); err != nil {
		panic(err)
	}
}

func (t target) arn() string { return (&stream{name: t.StreamName}).arn() }

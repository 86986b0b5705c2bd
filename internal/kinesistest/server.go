package kinesistest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Account and region that ARNs of the endpoint carry.
const (
	Account = "123456789012"
	Region  = "us-east-1"
)

// Server is the endpoint. Its methods may be called from several goroutines.
type Server struct {
	// URL is where clients reach it.
	URL string

	http  *httptest.Server
	clock engine.Clock

	mu      sync.Mutex
	streams map[string]*stream
	faults  []*Fault
	calls   map[string]int
	budgets bool
	made    int // streams ever made
	// changed is closed and replaced whenever records or shards are added.
	changed chan struct{}
}

// New starts an endpoint on the loopback interface. The caller closes it.
func New(clock engine.Clock) *Server {
	s := &Server{clock: clock, streams: map[string]*stream{}, calls: map[string]int{}, changed: make(chan struct{})}
	s.http = httptest.NewServer(s)
	s.URL = s.http.URL
	return s
}

// Close ends the endpoint and cuts its connections.
func (s *Server) Close() {
	s.http.CloseClientConnections()
	s.http.Close()
}

// Budget switches the limits of a shard on: 5 reads and 2 MiB a second, as the
// clock tells them, and an answer of more than 2 MiB blocks the shard for the
// seconds it stands for.
func (s *Server) Budget(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.budgets = on
}

// Calls counts the requests of an operation so far, refused ones included.
func (s *Server) Calls(op string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[op]
}

// failure is an error as the service words it.
type failure struct {
	status        int
	kind, message string
}

func (f *failure) Error() string { return f.kind + ": " + f.message }

func fail(kind, message string) *failure { return &failure{http.StatusBadRequest, kind, message} }

func notFound(name string) *failure {
	return fail("ResourceNotFoundException", "Stream "+name+" under account "+Account+" not found.")
}

// ServeHTTP answers one request of the awsJson1_1 protocol.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.stamp(w)
	_, op, ok := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	body, err := io.ReadAll(io.LimitReader(r.Body, 12<<20))
	if !ok || err != nil {
		answer(w, nil, fail("UnknownOperationException", "the request names no operation"))
		return
	}
	if op == "SubscribeToShard" {
		s.subscribe(w, r, body)
		return
	}
	s.mu.Lock()
	s.calls[op]++
	fault := s.faultFor(op, body)
	s.mu.Unlock()
	if fault != nil && fault.before(w, r) {
		return
	}
	s.mu.Lock()
	out, err := s.do(op, body, fault)
	s.mu.Unlock()
	if fault != nil && fault.Cut {
		cut(w, out)
		return
	}
	answer(w, out, err)
}

func (s *Server) do(op string, body []byte, f *Fault) (any, error) {
	switch op {
	case "CreateStream":
		return handle(body, s.createStream)
	case "DeleteStream":
		return handle(body, s.deleteStream)
	case "DescribeStreamSummary":
		return handle(body, s.describe)
	case "ListShards":
		return handle(body, s.listShards)
	case "GetShardIterator":
		return handle(body, s.shardIterator)
	case "GetRecords":
		return handle(body, func(in recordsIn) (any, error) { return s.getRecords(in, f) })
	case "PutRecord":
		return handle(body, s.putRecord)
	case "PutRecords":
		return handle(body, s.putRecords)
	case "SplitShard":
		return handle(body, s.splitShard)
	case "MergeShards":
		return handle(body, s.mergeShards)
	case "RegisterStreamConsumer":
		return handle(body, s.register)
	case "DeregisterStreamConsumer":
		return handle(body, s.deregister)
	case "DescribeStreamConsumer":
		return handle(body, s.describeConsumer)
	case "ListStreamConsumers":
		return handle(body, s.listConsumers)
	}
	return nil, fail("UnknownOperationException", op+" is not supported")
}

func handle[T any](body []byte, do func(T) (any, error)) (any, error) {
	var in T
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, fail("SerializationException", err.Error())
	}
	return do(in)
}

func (s *Server) stamp(w http.ResponseWriter) {
	w.Header().Set("Date", s.clock.Now().UTC().Format(http.TimeFormat))
}

func answer(w http.ResponseWriter, out any, err error) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if err != nil {
		var f *failure
		if !errors.As(err, &f) {
			f = &failure{http.StatusInternalServerError, "InternalFailure", err.Error()}
		}
		w.WriteHeader(f.status)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": f.kind, "message": f.message})
		return
	}
	if page, ok := out.([]byte); ok { // made by hand: it is the hot path
		_, _ = w.Write(page)
		return
	}
	if out == nil {
		out = struct{}{}
	}
	_ = json.NewEncoder(w).Encode(out)
}

// epoch is a time as the protocol writes it: seconds with a fraction.
type epoch float64

func toEpoch(t time.Time) epoch { return epoch(float64(t.UnixMilli()) / 1000) }

func (e epoch) time() time.Time { return time.UnixMilli(int64(float64(e)*1000 + 0.5)).UTC() }

// notify wakes those who wait for records. s.mu is held.
func (s *Server) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

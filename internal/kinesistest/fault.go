package kinesistest

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// Fault is what goes wrong with some requests. The zero values of Op, Shard
// and Times match every operation, every shard, and one request.
type Fault struct {
	Op    string
	Shard string
	// Skip lets so many matching requests pass first; Times is how many are
	// hit then, below zero for all.
	Skip, Times int

	// Kind and Message refuse the request, with Status or 400.
	Kind, Message string
	Status        int
	// Cut ends the connection in the middle of the answer.
	Cut bool
	// Hang keeps the answer back until the client leaves or the time is over.
	Hang time.Duration
	// Empty answers GetRecords without records although there are some, and
	// without moving on.
	Empty bool
	// Repeat answers GetRecords with so many records that came before.
	Repeat int
}

// Throttle is the answer to a reader that asks too often.
func Throttle(shard string, times int) *Fault {
	return &Fault{Op: "GetRecords", Shard: shard, Times: times, Kind: "ProvisionedThroughputExceededException", Message: "Rate exceeded for shard " + shard}
}

// Break is an error inside the service.
func Break(op string, times int) *Fault {
	return &Fault{Op: op, Times: times, Status: http.StatusInternalServerError, Kind: "InternalFailure", Message: "internal failure"}
}

// Script adds a fault; faults are tried in the order they were added, and one
// is used up at most a request.
func (s *Server) Script(f *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	s.faults = append(s.faults, f)
}

// Heal forgets all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// faultFor picks the fault of a request. s.mu is held.
func (s *Server) faultFor(op string, body []byte) *Fault {
	for _, f := range s.faults {
		if f.Times == 0 || f.Op != "" && f.Op != op || f.Shard != "" && f.Shard != shardOf(body) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		return f
	}
	return nil
}

// shardOf reads which shard a request is about.
func shardOf(body []byte) string {
	var in struct{ ShardId, ShardIterator string } //nolint:revive,staticcheck // the protocol's name
	_ = json.Unmarshal(body, &in)
	if in.ShardId != "" {
		return in.ShardId
	}
	var it iterator
	if b, err := decodeToken(in.ShardIterator); err == nil {
		_ = json.Unmarshal(b, &it)
	}
	return it.Shard
}

// before does what comes instead of the answer, and reports that it did.
func (f *Fault) before(w http.ResponseWriter, r *http.Request) bool {
	if f.Hang > 0 {
		select {
		case <-r.Context().Done():
		case <-time.After(f.Hang):
		}
	}
	if f.Kind == "" {
		return false
	}
	status := f.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	answer(w, nil, &failure{status, f.Kind, f.Message})
	return true
}

// cut sends the beginning of an answer and ends the connection.
func cut(w http.ResponseWriter, out any) {
	b, ok := out.([]byte)
	if !ok {
		b, _ = json.Marshal(out) //nolint:errchkjson // our own answers
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("Content-Length", "1000000000")
	_, _ = w.Write([]byte(strings.Repeat(" ", 16) + string(b[:len(b)/2])))
	panic(http.ErrAbortHandler)
}

package kinesistest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"time"
)

const (
	// answerBytes and answerRecords bound one answer of GetRecords.
	answerBytes   = 10 << 20
	answerRecords = 10_000
	// recordBytes bounds a record; bigger ones are refused when put.
	recordBytes   = 10 << 20
	iteratorLives = 5 * time.Minute
)

type iteratorIn struct {
	target
	ShardId, ShardIteratorType string //nolint:revive,staticcheck // the protocol's name
	StartingSequenceNumber     string
	Timestamp                  epoch
}

// iterator is what a ShardIterator holds: the next record to read.
type iterator struct {
	Stream string
	Made   int
	Shard  string
	Next   int // index into the shard's records
	Issued time.Time
}

func (it iterator) String() string {
	b, _ := json.Marshal(it) //nolint:errchkjson // plain fields
	return base64.StdEncoding.EncodeToString(b)
}

func (s *Server) shardIterator(in iteratorIn) (any, error) {
	st, err := s.find(in.target)
	if err != nil {
		return nil, err
	}
	sh, err := st.shard(in.ShardId)
	if err != nil {
		return nil, err
	}
	now := s.clock.Now()
	if st.expired(sh, now) {
		return nil, fail("ResourceNotFoundException", "Shard "+sh.id+" does not exist")
	}
	next, err := st.start(sh, in, now)
	if err != nil {
		return nil, err
	}
	it := iterator{st.name, st.made, sh.id, next, now}
	return map[string]string{"ShardIterator": it.String()}, nil
}

// start finds the first record that an iterator of the type yields.
func (st *stream) start(sh *shard, in iteratorIn, now time.Time) (int, error) {
	oldest := st.trimmed(sh, now)
	after := func(keep func(record) bool) int {
		for i := oldest; i < len(sh.records); i++ {
			if keep(sh.records[i]) {
				return i
			}
		}
		return len(sh.records)
	}
	switch in.ShardIteratorType {
	case "LATEST":
		return len(sh.records), nil
	case "TRIM_HORIZON":
		return oldest, nil
	case "AT_TIMESTAMP":
		at := in.Timestamp.time()
		return after(func(r record) bool { return !r.arrived.Before(at) }), nil
	case "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER":
		n, ok := parseSequence(in.StartingSequenceNumber)
		if !ok || n < sh.opened || sh.closed > 0 && n > sh.closed {
			return 0, fail("InvalidArgumentException", "StartingSequenceNumber "+in.StartingSequenceNumber+" used in GetShardIterator on shard "+sh.id+" in stream "+st.name+" under account "+Account+" is invalid.")
		}
		if oldest > 0 && n < sh.records[oldest-1].sequence {
			return 0, fail("InvalidArgumentException", "StartingSequenceNumber "+in.StartingSequenceNumber+" is older than the oldest record of shard "+sh.id)
		}
		if in.ShardIteratorType == "AFTER_SEQUENCE_NUMBER" {
			n++
		}
		return after(func(r record) bool { return r.sequence >= n }), nil
	}
	return 0, fail("InvalidArgumentException", "ShardIteratorType "+in.ShardIteratorType+" is unknown")
}

type recordsIn struct {
	target
	ShardIterator string
	Limit         int
}

func (s *Server) getRecords(in recordsIn, f *Fault) (any, error) {
	it, st, sh, err := s.readIterator(in.ShardIterator)
	if err != nil {
		return nil, err
	}
	now := s.clock.Now()
	if s.budgets {
		if err := sh.budget.take(now, sh.id); err != nil {
			return nil, err
		}
	}
	first := max(it.Next, st.trimmed(sh, now))
	if f != nil && f.Empty {
		return st.page(sh, it, nil, first, now), nil
	}
	if f != nil && f.Repeat > 0 {
		first = max(0, first-f.Repeat)
	}
	limit := in.Limit
	if limit <= 0 || limit > answerRecords {
		limit = answerRecords
	}
	last, size := first, 0
	for last < len(sh.records) && last-first < limit && (last == first || size+len(sh.records[last].data) <= answerBytes) {
		size += len(sh.records[last].data)
		last++
	}
	sh.budget.spend(now, size)
	return st.page(sh, it, sh.records[first:last], last, now), nil
}

func (s *Server) readIterator(text string) (it iterator, st *stream, sh *shard, err error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(b, &it) != nil {
		return it, nil, nil, fail("InvalidArgumentException", "ShardIterator is no iterator of this service.")
	}
	st = s.streams[it.Stream]
	if st == nil || st.made != it.Made {
		return it, nil, nil, notFound(it.Stream)
	}
	if age := s.clock.Now().Sub(it.Issued); age > iteratorLives {
		return it, nil, nil, fail("ExpiredIteratorException", fmt.Sprintf("Iterator expired. The iterator was created at time %s while right now it is %s which is further in the future than the tolerated delay of 300000 milliseconds.", it.Issued, s.clock.Now()))
	}
	sh, err = st.shard(it.Shard)
	return it, st, sh, err
}

// page writes an answer of GetRecords.
func (st *stream) page(sh *shard, it iterator, records []record, next int, now time.Time) []byte {
	size := 512
	for _, r := range records {
		size += len(r.wire) + 1
	}
	b := append(make([]byte, 0, size), `{"Records":[`...)
	for i, r := range records {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, r.wire...)
	}
	b = append(b, `],"MillisBehindLatest":`...)
	b = strconv.AppendInt(b, st.behind(sh, next, now), 10)
	if sh.closed > 0 && next >= len(sh.records) {
		b = append(b, `,"ChildShards":`...)
		b = append(b, st.describeChildren(sh)...)
	} else {
		it.Next, it.Issued = next, now
		b = append(b, `,"NextShardIterator":"`...)
		b = append(b, it.String()...)
		b = append(b, '"')
	}
	return append(b, '}')
}

// behind is how far a reader at next is from the tip, in milliseconds.
func (st *stream) behind(sh *shard, next int, now time.Time) int64 {
	if next >= len(sh.records) {
		return 0
	}
	return max(0, now.Sub(sh.records[next].arrived).Milliseconds())
}

func (st *stream) describeChildren(sh *shard) []byte {
	list := []map[string]any{}
	for _, c := range st.children(sh) {
		parents := []string{c.parent}
		if c.adjacent != "" {
			parents = append(parents, c.adjacent)
		}
		d := c.describe()
		list = append(list, map[string]any{"ShardId": c.id, "ParentShards": parents, "HashKeyRange": d["HashKeyRange"]})
	}
	b, _ := json.Marshal(list) //nolint:errchkjson // plain fields
	return b
}

func wireRecord(r record) []byte {
	b := append([]byte(nil), `{"ApproximateArrivalTimestamp":`...)
	b = strconv.AppendFloat(b, float64(toEpoch(r.arrived)), 'f', 3, 64)
	b = append(b, `,"Data":"`...)
	b = base64.StdEncoding.AppendEncode(b, r.data)
	b = append(b, `","PartitionKey":`...)
	key, _ := json.Marshal(r.key) //nolint:errchkjson // a text
	b = append(b, key...)
	b = append(b, `,"SequenceNumber":"`...)
	b = append(b, sequence(r.sequence)...)
	return append(b, `"}`...)
}

type putIn struct {
	target
	Data                          []byte
	PartitionKey, ExplicitHashKey string
}

func (in putIn) hash() (*big.Int, error) {
	if in.ExplicitHashKey == "" {
		return hashOf(in.PartitionKey), nil
	}
	h, ok := new(big.Int).SetString(in.ExplicitHashKey, 10)
	if !ok || h.Sign() < 0 || h.Cmp(hashSpace) >= 0 {
		return nil, fail("InvalidArgumentException", "ExplicitHashKey is out of range")
	}
	return h, nil
}

func (s *Server) putRecord(in putIn) (any, error) {
	st, err := s.find(in.target)
	if err != nil {
		return nil, err
	}
	hash, err := in.hash()
	if err != nil {
		return nil, err
	}
	if len(in.Data) > recordBytes {
		return nil, fail("ValidationException", "Data is larger than a record may be")
	}
	sh, r := st.put(hash, in.PartitionKey, in.Data, s.clock.Now())
	s.notify()
	return map[string]string{"ShardId": sh.id, "SequenceNumber": sequence(r.sequence)}, nil
}

type putsIn struct {
	target
	Records []putIn
}

func (s *Server) putRecords(in putsIn) (any, error) {
	st, err := s.find(in.target)
	if err != nil {
		return nil, err
	}
	if len(in.Records) == 0 || len(in.Records) > 500 {
		return nil, fail("ValidationException", "Records must hold 1 to 500 entries")
	}
	results := make([]map[string]string, 0, len(in.Records))
	for _, r := range in.Records {
		hash, err := r.hash()
		if err != nil {
			return nil, err
		}
		sh, put := st.put(hash, r.PartitionKey, r.Data, s.clock.Now())
		results = append(results, map[string]string{"ShardId": sh.id, "SequenceNumber": sequence(put.sequence)})
	}
	s.notify()
	return map[string]any{"FailedRecordCount": 0, "Records": results}, nil
}

func decodeToken(text string) ([]byte, error) { return base64.StdEncoding.DecodeString(text) }

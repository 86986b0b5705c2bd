package kinesistest

import (
	"crypto/md5" //nolint:gosec // the service maps partition keys by MD5
	"fmt"
	"math/big"
	"time"
)

// stream is one incarnation of a stream: deleting it and making another of its
// name gives a new one.
type stream struct {
	name      string
	made      int // which stream of the server it is
	created   time.Time
	retention time.Duration
	shards    []*shard
	next      int64 // of sequence numbers
	consumers []*consumer
}

// shard is a range of hash keys and the records that fell into it.
type shard struct {
	id               string
	parent, adjacent string
	from, to         *big.Int
	records          []record
	opened           int64 // sequence it starts with
	openedAt         time.Time
	closed           int64 // sequence it ended with; 0: it is open
	closedAt         time.Time
	budget           budget
}

type record struct {
	sequence int64
	key      string
	data     []byte
	arrived  time.Time
	wire     []byte // as GetRecords answers it
}

var hashSpace = new(big.Int).Lsh(big.NewInt(1), 128)

// hashOf is where a partition key falls: its MD5 as a number.
func hashOf(key string) *big.Int {
	sum := md5.Sum([]byte(key)) //nolint:gosec // see above
	return new(big.Int).SetBytes(sum[:])
}

func (st *stream) arn() string {
	return "arn:aws:kinesis:" + Region + ":" + Account + ":stream/" + st.name
}

func (st *stream) addShard(from, to *big.Int, parent, adjacent string, now time.Time) *shard {
	st.next++
	sh := &shard{
		id:   fmt.Sprintf("shardId-%012d", len(st.shards)),
		from: from, to: to, parent: parent, adjacent: adjacent, opened: st.next, openedAt: now,
	}
	st.shards = append(st.shards, sh)
	return sh
}

func (st *stream) shard(id string) (*shard, error) {
	for _, sh := range st.shards {
		if sh.id == id {
			return sh, nil
		}
	}
	return nil, fail("ResourceNotFoundException", "Shard "+id+" in stream "+st.name+" under account "+Account+" does not exist")
}

// into finds the open shard of a hash key.
func (st *stream) into(hash *big.Int) *shard {
	for _, sh := range st.shards {
		if sh.closed == 0 && hash.Cmp(sh.from) >= 0 && hash.Cmp(sh.to) <= 0 {
			return sh
		}
	}
	return nil
}

// put appends a record; at is its arrival time.
func (st *stream) put(hash *big.Int, key string, data []byte, at time.Time) (*shard, record) {
	sh := st.into(hash)
	st.next++
	r := record{sequence: st.next, key: key, data: data, arrived: at}
	r.wire = wireRecord(r)
	sh.records = append(sh.records, r)
	return sh, r
}

// trimmed is the first record that retention has left.
func (st *stream) trimmed(sh *shard, now time.Time) int {
	horizon := now.Add(-st.retention)
	for i, r := range sh.records {
		if r.arrived.After(horizon) {
			return i
		}
	}
	return len(sh.records)
}

// horizon is the oldest moment of which the stream has anything.
func (st *stream) horizon(now time.Time) time.Time {
	if h := now.Add(-st.retention); h.After(st.created) {
		return h
	}
	return st.created
}

// expired shards are closed and older than the retention: nobody lists them.
func (st *stream) expired(sh *shard, now time.Time) bool {
	return sh.closed > 0 && !sh.closedAt.After(now.Add(-st.retention))
}

func (st *stream) close(sh *shard, now time.Time) {
	st.next++
	sh.closed, sh.closedAt = st.next, now
}

// split divides an open shard at a hash key.
func (st *stream) split(sh *shard, at *big.Int, now time.Time) error {
	if sh.closed > 0 || at.Cmp(sh.from) <= 0 || at.Cmp(sh.to) > 0 {
		return fail("InvalidArgumentException", "the shard cannot be split there")
	}
	st.close(sh, now)
	st.addShard(sh.from, new(big.Int).Sub(at, big.NewInt(1)), sh.id, "", now)
	st.addShard(at, sh.to, sh.id, "", now)
	return nil
}

// merge makes one shard of two neighbours.
func (st *stream) merge(a, b *shard, now time.Time) error {
	if a.from.Cmp(b.from) > 0 {
		a, b = b, a
	}
	if a.closed > 0 || b.closed > 0 || new(big.Int).Add(a.to, big.NewInt(1)).Cmp(b.from) != 0 {
		return fail("InvalidArgumentException", "the shards are no open neighbours")
	}
	st.close(a, now)
	st.close(b, now)
	st.addShard(a.from, b.to, a.id, b.id, now)
	return nil
}

// children lists the shards that a closed one became.
func (st *stream) children(sh *shard) []*shard {
	var found []*shard
	for _, c := range st.shards {
		if c.parent == sh.id || c.adjacent == sh.id {
			found = append(found, c)
		}
	}
	return found
}

// sequence writes a number as the service does: 56 digits.
func sequence(n int64) string { return fmt.Sprintf("4966%052d", n) }

func parseSequence(s string) (int64, bool) {
	var n int64
	if len(s) != 56 || s[:4] != "4966" {
		return 0, false
	}
	_, err := fmt.Sscanf(s[4:], "%d", &n)
	return n, err == nil
}

package kinesis

import (
	"bytes"
	"crypto/md5" //nolint:gosec // the format's own checksum, and the service's hash of keys
	"fmt"
	"math/big"

	"google.golang.org/protobuf/encoding/protowire"
)

// magic begins a record into which a producer packed others
// (awslabs/amazon-kinesis-producer, aggregation-format.md): a protobuf message
// and its MD5 follow.
var magic = []byte{0xf3, 0x89, 0x9a, 0xc2}

// packed is one record inside another.
type packed struct {
	key, hash string
	data      []byte
	broken    string
}

// looksPacked reports whether data begins like a packed record.
func looksPacked(data []byte) bool {
	return len(data) > len(magic)+md5.Size && bytes.HasPrefix(data, magic)
}

// unpack takes a packed record apart. ok is false for every other record,
// also for one that only begins like a packed one.
func unpack(data []byte) (records []packed, ok bool) {
	if !looksPacked(data) {
		return nil, false
	}
	message, sum := data[len(magic):len(data)-md5.Size], data[len(data)-md5.Size:]
	if got := md5.Sum(message); !bytes.Equal(got[:], sum) { //nolint:gosec // see above
		return nil, false
	}
	var keys, hashes []string
	var raw [][]byte
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil, false
		}
		message = message[n:]
		if kind != protowire.BytesType || field > 3 {
			if n = protowire.ConsumeFieldValue(field, kind, message); n < 0 {
				return nil, false
			}
			message = message[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(message)
		if n < 0 {
			return nil, false
		}
		message = message[n:]
		switch field {
		case 1:
			keys = append(keys, string(value))
		case 2:
			hashes = append(hashes, string(value))
		case 3:
			raw = append(raw, value)
		}
	}
	for _, b := range raw {
		r, good := unpackOne(b, keys, hashes)
		if !good {
			return nil, false
		}
		records = append(records, r)
	}
	return records, true
}

// unpackOne reads one record of a message; an index that points nowhere breaks
// that record alone.
func unpackOne(b []byte, keys, hashes []string) (packed, bool) {
	whole, r := b, packed{}
	key, hash := uint64(0), uint64(0)
	hasKey, hasHash, hasData := false, false, false
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return r, false
		}
		b = b[n:]
		switch {
		case field == 1 && kind == protowire.VarintType:
			key, n = protowire.ConsumeVarint(b)
			hasKey = true
		case field == 2 && kind == protowire.VarintType:
			hash, n = protowire.ConsumeVarint(b)
			hasHash = true
		case field == 3 && kind == protowire.BytesType:
			r.data, n = protowire.ConsumeBytes(b)
			hasData = true
		default:
			n = protowire.ConsumeFieldValue(field, kind, b)
		}
		if n < 0 {
			return r, false
		}
		b = b[n:]
	}
	switch {
	case !hasData:
		r.broken, r.data = "a packed record has no data", whole
	case !hasKey || key >= uint64(len(keys)):
		r.broken = fmt.Sprintf("a packed record names partition key %d of %d", key+1, len(keys))
	case hasHash && hash >= uint64(len(hashes)):
		r.broken = fmt.Sprintf("a packed record names hash key %d of %d", hash+1, len(hashes))
	default:
		r.key = keys[key]
		if hasHash {
			r.hash = hashes[hash]
		}
	}
	return r, true
}

// hashRange is the part of the hash space that a shard takes.
type hashRange struct{ from, to *big.Int }

func newHashRange(i shardInfo) hashRange {
	from, ok1 := new(big.Int).SetString(i.from, 10)
	to, ok2 := new(big.Int).SetString(i.to, 10)
	if !ok1 || !ok2 {
		return hashRange{}
	}
	return hashRange{from, to}
}

// holds reports whether a record belongs to the shard by its keys. A range
// that is not known holds everything.
func (r hashRange) holds(p packed) bool {
	if r.from == nil {
		return true
	}
	var hash *big.Int
	if p.hash != "" {
		var ok bool
		if hash, ok = new(big.Int).SetString(p.hash, 10); !ok {
			return false
		}
	} else {
		sum := md5.Sum([]byte(p.key)) //nolint:gosec // see above
		hash = new(big.Int).SetBytes(sum[:])
	}
	return hash.Cmp(r.from) >= 0 && hash.Cmp(r.to) <= 0
}

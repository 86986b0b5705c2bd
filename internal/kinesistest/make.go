package kinesistest

import (
	"bytes"
	"compress/gzip"
	"crypto/md5" //nolint:gosec // the format's own checksum
	"encoding/json"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// UserRecord is one record inside an aggregate.
type UserRecord struct {
	Key string
	// Hash is the explicit hash key; empty for none.
	Hash string
	Data []byte
}

// Aggregate packs records into one, as the Kinesis Producer Library does
// (awslabs/amazon-kinesis-producer, aggregation-format.md).
func Aggregate(records ...UserRecord) []byte {
	var message []byte
	keys, hashes := map[string]uint64{}, map[string]uint64{}
	index := func(seen map[string]uint64, field protowire.Number, value string) uint64 {
		i, ok := seen[value]
		if !ok {
			i = uint64(len(seen))
			seen[value] = i
			message = protowire.AppendTag(message, field, protowire.BytesType)
			message = protowire.AppendString(message, value)
		}
		return i
	}
	for _, r := range records {
		var b []byte
		b = protowire.AppendTag(b, 1, protowire.VarintType)
		b = protowire.AppendVarint(b, index(keys, 1, r.Key))
		if r.Hash != "" {
			b = protowire.AppendTag(b, 2, protowire.VarintType)
			b = protowire.AppendVarint(b, index(hashes, 2, r.Hash))
		}
		b = protowire.AppendTag(b, 3, protowire.BytesType)
		b = protowire.AppendBytes(b, r.Data)
		message = protowire.AppendTag(message, 3, protowire.BytesType)
		message = protowire.AppendBytes(message, b)
	}
	sum := md5.Sum(message) //nolint:gosec // see above
	out := append([]byte{0xf3, 0x89, 0x9a, 0xc2}, message...)
	return append(out, sum[:]...)
}

// LogEvent is one event of a CloudWatch Logs subscription.
type LogEvent struct {
	ID      string
	At      time.Time
	Message string
}

// Subscription is what CloudWatch Logs puts into a stream: gzip of one JSON
// object that holds many events.
func Subscription(group, stream string, events ...LogEvent) []byte {
	list := make([]map[string]any, 0, len(events))
	for _, e := range events {
		list = append(list, map[string]any{"id": e.ID, "timestamp": e.At.UnixMilli(), "message": e.Message})
	}
	return Gzip(map[string]any{
		"messageType": "DATA_MESSAGE", "owner": Account, "logGroup": group, "logStream": stream,
		"subscriptionFilters": []string{"all"}, "logEvents": list,
	})
}

// Control is what CloudWatch Logs sends to see whether a stream takes records.
func Control() []byte {
	return Gzip(map[string]any{
		"messageType": "CONTROL_MESSAGE", "owner": "CloudwatchLogs", "logGroup": "", "logStream": "", "subscriptionFilters": []string{},
		"logEvents": []map[string]any{{"id": "", "timestamp": 0, "message": "CWL CONTROL MESSAGE: Checking health of destination Kinesis stream."}},
	})
}

// Gzip packs a value as JSON.
func Gzip(v any) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := json.NewEncoder(z).Encode(v); err != nil {
		panic(err)
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

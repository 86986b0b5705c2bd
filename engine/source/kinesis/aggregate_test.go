package kinesis

import (
	"bytes"
	"crypto/md5" //nolint:gosec // the format's own checksum
	"testing"

	"tidemark.dev/tidemark/internal/kinesistest"
)

// seal makes a packed record of any message.
func seal(message []byte) []byte {
	sum := md5.Sum(message) //nolint:gosec // see above
	return append(append(bytes.Clone(magic), message...), sum[:]...)
}

func TestUnpackKeepsTheOthers(t *testing.T) {
	good := kinesistest.Aggregate(kinesistest.UserRecord{Key: "k", Data: []byte("good")})
	message := bytes.Clone(good[len(magic) : len(good)-md5.Size])
	message = append(message, 0x1a, 0x05, 0x08, 0x09, 0x1a, 0x01, 'x') // a record of key 9
	records, ok := unpack(seal(message))
	if !ok || len(records) != 2 || records[0].broken != "" || records[1].broken != "a packed record names partition key 10 of 1" || string(records[1].data) != "x" {
		t.Fatalf("%v %+v", ok, records)
	}
}

func FuzzUnpack(f *testing.F) {
	good := kinesistest.Aggregate(kinesistest.UserRecord{Key: "k", Hash: "1", Data: []byte("good")}, kinesistest.UserRecord{Key: "k"})
	f.Add(good[len(magic) : len(good)-md5.Size])
	f.Add([]byte{0x1a, 0x00})
	f.Fuzz(func(t *testing.T, message []byte) {
		records, ok := unpack(seal(message))
		if !ok && records != nil {
			t.Error("records of a message that cannot be read")
		}
		_, _ = unpack(message)
		size := 0
		for _, r := range records {
			size += len(r.data)
		}
		if size > len(message) {
			t.Errorf("%d bytes out of %d", size, len(message))
		}
	})
}

package kinesis

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
)

// answer is what the service says, for the standard library to write.
type answer struct {
	Records            []answered
	NextShardIterator  *string
	MillisBehindLatest int64
}

type answered struct {
	ApproximateArrivalTimestamp  json.Number
	Data                         []byte
	PartitionKey, SequenceNumber string
	Other                        *string `json:",omitempty"`
}

// readText reads an answer that comes in all sorts of pieces.
func readText(text []byte) (p page, err error) {
	for i, each := range []io.Reader{iotest.OneByteReader(bytes.NewReader(text)), iotest.DataErrReader(bytes.NewReader(text)), bytes.NewReader(text)} {
		var s scratch
		failed := s.readPage(each)
		if i > 0 && (err == nil) != (failed == nil) {
			return p, fmt.Errorf("in one piece %w, else %w", failed, err)
		}
		if i > 0 && err == nil && !reflect.DeepEqual(p, s.page) {
			return p, fmt.Errorf("in one piece %+v, else %+v", s.page, p)
		}
		if err = failed; err == nil {
			p = s.page
		}
	}
	return p, err
}

func TestReadPage(t *testing.T) {
	p, err := readText([]byte(`{ "Records" : [
		{"ApproximateArrivalTimestamp":1.772366400123E9,"Data":"eyJhIjoxfQ==","PartitionKey":"k\"\u00e9","SequenceNumber":"49661","EncryptionType":"KMS"},
		{"SequenceNumber":"49662","Data":"\/\/\/\/","PartitionKey":"","More":{"a":[1,true,null,{"b":"}"}]}},
		{"Data":"","SequenceNumber":"49663","PartitionKey":"x","ApproximateArrivalTimestamp":1772366401}
	], "ChildShards": [{"ShardId":"s"}], "MillisBehindLatest": 1500, "NextShardIterator": "AAA" }` + "\n"))
	if err != nil || p.next == nil || *p.next != "AAA" || p.behind != 1500*time.Millisecond || len(p.records) != 3 {
		t.Fatalf("%+v %v", p, err)
	}
	for i, want := range []engine.Arrival{
		{Data: []byte(`{"a":1}`), Sequence: "49661", Key: `k"é`, Time: time.UnixMilli(1772366400123).UTC()},
		{Data: []byte{255, 255, 255}, Sequence: "49662"},
		{Data: []byte{}, Sequence: "49663", Key: "x", Time: time.UnixMilli(1772366401000).UTC()},
	} {
		if r := p.records[i]; !bytes.Equal(r.Data, want.Data) || r.Sequence != want.Sequence || r.Key != want.Key || !r.Time.Equal(want.Time) {
			t.Errorf("record %d: %+v", i, r)
		}
	}
	if p, err := readText([]byte(`{"Records":[],"NextShardIterator":null}`)); err != nil || p.next != nil || len(p.records) != 0 {
		t.Errorf("%+v %v", p, err)
	}
	for _, bad := range []string{"", "{", "[]", `{"Records":[{"Data":"?"}]}`, `{"Records":[{}`, `{"Records":[]}}`, `{"MillisBehindLatest":x}`, `{"a":"\`, `{"a":tru}`, `{"a" 1}`} {
		if p, err := readText([]byte(bad)); err == nil {
			t.Errorf("%s was read: %+v", bad, p)
		}
	}
}

// TestReadPageIsAsTheLibrary: whatever an answer holds, however it is written.
func TestReadPageIsAsTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a answer
		var arrived []int64
		for range rapid.IntRange(0, 5).Draw(t, "records") {
			millis := rapid.Int64Range(0, 4e12).Draw(t, "arrived")
			r := answered{
				Data:         rapid.SliceOf(rapid.Byte()).Draw(t, "data"),
				PartitionKey: rapid.String().Draw(t, "key"), SequenceNumber: rapid.StringMatching(`[0-9]{0,60}`).Draw(t, "sequence"),
				ApproximateArrivalTimestamp: json.Number(strconv.FormatFloat(float64(millis)/1000, rapid.SampledFrom([]byte("ffEe")).Draw(t, "format"), -1, 64)),
			}
			if rapid.Bool().Draw(t, "has another") {
				other := rapid.String().Draw(t, "other")
				r.Other = &other
			}
			arrived, a.Records = append(arrived, millis), append(a.Records, r)
		}
		a.MillisBehindLatest = rapid.Int64Range(0, 1e12).Draw(t, "behind")
		if rapid.Bool().Draw(t, "open") {
			next := rapid.String().Draw(t, "next")
			a.NextShardIterator = &next
		}
		text, err := json.Marshal(a) // as the service writes it
		if indent := rapid.SampledFrom([]string{"none", "", " ", "\t"}).Draw(t, "indent"); indent != "none" {
			text, err = json.MarshalIndent(a, "", indent)
		}
		if err != nil {
			t.Fatal(err)
		}
		p, err := readText(text)
		if err != nil || p.behind.Milliseconds() != a.MillisBehindLatest || (p.next == nil) != (a.NextShardIterator == nil) || p.next != nil && *p.next != *a.NextShardIterator || len(p.records) != len(a.Records) {
			t.Fatalf("%s: %+v, %v", text, p, err)
		}
		for i, r := range p.records {
			w := a.Records[i]
			if !bytes.Equal(r.Data, w.Data) || r.Sequence != w.SequenceNumber || r.Key != w.PartitionKey || r.Time.UnixMilli() != arrived[i] {
				t.Fatalf("record %d of %s: %+v", i, text, r)
			}
		}
	})
}

// FuzzReadPage: an answer is hostile at worst, and read or refused.
func FuzzReadPage(f *testing.F) {
	f.Add([]byte(`{"Records":[{"ApproximateArrivalTimestamp":1772366400.123,"Data":"eyJhIjoxfQ==","PartitionKey":"k\n","SequenceNumber":"1","x":[{}]}],"MillisBehindLatest":5,"NextShardIterator":"A"}`))
	f.Add([]byte(`{"Records":null,"ChildShards":[[],{"a":-1e3}],"NextShardIterator":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := readText(text)
		if err != nil {
			return
		}
		size := 0
		for _, r := range p.records {
			size += len(r.Data) + len(r.Sequence) + len(r.Key)
		}
		if size > len(text) {
			t.Errorf("%d bytes out of %d", size, len(text))
		}
	})
}

// BenchmarkReadPage reads a page of a thousand records of 300 bytes.
func BenchmarkReadPage(b *testing.B) {
	var a answer
	for range 1000 {
		a.Records = append(a.Records, answered{ApproximateArrivalTimestamp: "1772366400.123", Data: bytes.Repeat([]byte("log"), 100), PartitionKey: "key", SequenceNumber: "49668160642704865135248150142853902518389748960000001234"})
	}
	text, err := json.Marshal(a)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	var all scratches
	for b.Loop() {
		s := all.take()
		if err := s.readPage(bytes.NewReader(text)); err != nil {
			b.Fatal(err)
		}
		s.spare = true
		all.free(s)
	}
}

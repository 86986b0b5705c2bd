package plugins_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/plugins"
)

// A hostileAnswer is what a transform gives back for a record.
type hostileAnswer struct {
	name   string
	answer []byte
	want   string // why it is rejected; empty: two records come of it
}

func hostileAnswers() []hostileAnswer {
	good := frame(2, src(0, 0), text())
	const srcD, textD = 32, 64 // where the columns are described
	long := bytes.Repeat([]byte("x"), 200<<10)
	return []hostileAnswer{
		{"good", good, ""},
		{"of no bytes", nil, "not a frame"},
		{"other magic", edit(good, 0, 7), "not a frame"},
		{"status 1", edit(good, 4, 1), "refused the batch: no reason given"},
		{"status 1, error beyond", edit(edit(edit(good, 4, 1), 24, 1<<31), 28, 1<<31), "refused the batch: no reason given"},
		{"too many rows", edit(good, 8, 9), "more than 8 of each"},
		{"4 billion rows", edit(good, 8, 1<<32-1), "more than 8 of each"},
		{"a column less", frame(2, src(0, 0)), "1 columns instead of 2"},
		{"two columns more", frame(2, src(0, 0), text(), text(), text()), "4 columns instead of 2"},
		{"4 billion columns", edit(good, 12, 1<<32-1), "4294967295 columns instead of 2"},
		{"other length", edit(good, 16, 8), "says that it has 8 bytes"},
		{"other type", edit(good, textD, 5), "column message: has type 5 instead of 4"},
		{"unknown flag", edit(good, textD, 4|4<<8), "column message: has unknown flags"},
		{"text for $src", frame(2, text(), text()), "column $src: has type 4"},
		{"$src beyond", frame(2, src(0, 1), text()), "column $src: row 1 is out of order or out of range"},
		{"$src over the offsets", edit(good, srcD+16, binary.LittleEndian.Uint32(good[textD+12:])), "$src: row 2 is out of order or out of range"},
		{"text over its own offsets", edit(good, textD+16, binary.LittleEndian.Uint32(good[textD+12:])), ""},
		{"$src with nulls", frame(2, col{kind: 7, flags: 1, validity: []byte{1}, data: u32s(0, 0)}, text()), "column $src: has nulls"},
		{"$src too short", edit(good, srcD+20, 4), "data is too short for 2 rows"},
		{"data beyond", edit(good, textD+16, 1<<16), "data lies outside"},
		{"data size beyond", edit(good, textD+20, 1<<32-1), "data lies outside"},
		{"data over the head", edit(good, textD+16, 0), "data lies outside"},
		{"data over the columns", edit(good, textD+16, 64), "data lies outside"},
		{"data unaligned", edit(good, srcD+16, 97), "data lies outside"},
		{"offsets beyond", edit(good, textD+12, 1<<32-8), "offsets lies outside"},
		{"offsets over the head", edit(good, textD+12, 8), "offsets lies outside"},
		{"offsets from 1", frame(2, src(0, 0), col{kind: 4, offsets: u32s(1, 2, 3), data: []byte("abc")}), "offsets do not begin at 0"},
		{"offsets go back", frame(2, src(0, 0), col{kind: 4, offsets: u32s(0, 3, 2), data: []byte("abc")}), "offsets go back"},
		{"offsets beyond data", frame(2, src(0, 0), col{kind: 4, offsets: u32s(0, 3, 4), data: []byte("abc")}), "beyond the data"},
		{"not UTF-8", frame(2, src(0, 0), col{kind: 4, offsets: u32s(0, 1, 2), data: []byte("a\xff")}), "column message: row 1 is not valid UTF-8"},
		{"not UTF-8 behind a null", frame(2, src(0, 0), col{kind: 4, flags: 1, validity: []byte{1}, offsets: u32s(0, 1, 2), data: []byte("a\xff")}), ""},
		{"half a letter each", frame(2, src(0, 0), col{kind: 4, offsets: u32s(0, 1, 2), data: []byte("é")}), "row 0 is not valid UTF-8"},
		{"validity beyond", edit(edit(good, textD, 4|1<<8), textD+8, 1<<20), "validity lies outside"},
		{"one text for all", frame(2, src(0, 0), col{kind: 4, flags: 2, offsets: u32s(0, 1), data: []byte("a")}), ""},
		{"much text", frame(2, src(0, 0), col{kind: 4, offsets: u32s(0, 1, 200<<10), data: long}), ""},
		{"more than is allowed", frame(2, src(0, 0), col{kind: 4, offsets: u32s(0, 1, 3), data: bytes.Repeat(long, 10)}), "bytes, more than"},
	}
}

// TestHostileAnswers gives a record to plugins that load well, and make two of
// it when their answer is right.
func TestHostileAnswers(t *testing.T) {
	s := surround(t)
	for _, c := range hostileAnswers() {
		t.Run(c.name, func(t *testing.T) {
			p, err := s.host.Load(context.Background(), "hostile", some(c.answer).Bytes(), plugins.Settings{})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close(context.Background())
			r, err := p.Transform(context.Background(), []engine.Column{texts("message", "one")}, 1)
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				if len(r.Src) != 2 || len(r.Rejected) != 0 || r.Columns[0].Len() != 2 {
					t.Errorf("%+v", r)
				}
				return
			}
			if len(r.Src) != 0 || len(r.Rejected) != 1 || r.Columns[0].Len() != 0 {
				t.Fatalf("%+v", r)
			}
			if got := r.Rejected[0].Reason; !strings.Contains(got, c.want) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			s.stillWorks(t)
		})
	}
}

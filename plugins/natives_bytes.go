package plugins

import (
	"context"
	"encoding/binary"
	"math"

	"github.com/tetratelabs/wazero/api"
)

// What a set of bytes_find says of a byte.
const (
	byteFound = 1 // wherever it stands
	byteFirst = 2 // unless a byte of a word stands before it
	byteWord  = 4
)

// findStretch is how much is looked at between two looks at the clock, in
// bytes and rows: about a quarter of a millisecond.
const findStretch = 1 << 18

// bytesFind finds the bytes of a set in all texts of a column: what it writes is
// a column of lists, where the numbers of each row end and then all numbers. It
// gives how many words that takes, and writes no more than there is room for.
//
// Texts are long and lists are short, so that one call for a column costs a
// plugin less than a call, or a walk of its own, for each text.
func bytesFind(ctx context.Context, m api.Module, set, offsets, rows, data, to, room uint32) int32 {
	n := begin(ctx, m, "bytes_find")
	kinds := n.part(set, 256, "set lies")
	ends := n.part(offsets, 4*(uint64(rows)+1), "offsets lie")
	text := n.part(data, uint64(binary.LittleEndian.Uint32(ends[4*rows:])), "texts lie")
	out := n.part(to, 4*uint64(room), "room lies")
	for _, in := range []span{{set, 256}, {offsets, len(ends)}, {data, len(text)}} {
		if in.overlaps(span{to, len(out)}) {
			wrong(n.name, "its room lies over what it is to read")
		}
	}
	f := finder{out: out, found: int(rows) + 1}
	f.read(kinds)
	f.put(0, 0)
	at, left := uint32(0), findStretch
	for row := range rows {
		end := binary.LittleEndian.Uint32(ends[4*row+4:])
		if end < at || uint64(end) > uint64(len(text)) {
			wrong(n.name, "its offsets are not in order")
		}
		last := byte(begun)
		for from := at; from < end; {
			piece := min(end, from+findStretch)
			last = f.find(text[from:piece], from-at, last)
			if left -= int(piece - from); left <= 0 {
				yield(ctx)
				left = findStretch
			}
			from = piece
		}
		if left--; left <= 0 {
			yield(ctx)
			left = findStretch
		}
		f.put(int(row)+1, uint32(f.found)-rows-1)
		at = end
	}
	return int32(f.found) // of a memory of 512 MB at most
}

// part is some of the guest's memory.
func (n native) part(at uint32, size uint64, what string) []byte {
	if size > math.MaxUint32 {
		wrong(n.name, "its %s outside of the memory", what)
	}
	b, ok := n.m.Memory().Read(at, uint32(size))
	if !ok {
		wrong(n.name, "its %s outside of the memory", what)
	}
	return b
}

// span is a place in the guest's memory.
type span struct {
	at   uint32
	size int
}

func (a span) overlaps(b span) bool {
	return uint64(a.at) < uint64(b.at)+uint64(b.size) && uint64(b.at) < uint64(a.at)+uint64(a.size) && a.size > 0 && b.size > 0
}

// finder writes words of what it finds.
type finder struct {
	// steps say of each byte what finds it, and four bits higher what is found
	// behind it.
	steps [256]byte
	out   []byte
	found int // words, with those there is no room for
}

// begun is what stands before a text.
const begun = (byteFound | byteFirst) << 4

func (f *finder) read(kinds []byte) {
	for b, kind := range kinds {
		behind := byte(byteFound | byteFirst)
		if kind&byteWord != 0 {
			behind = byteFound
		}
		f.steps[b] = kind&(byteFound|byteFirst) | behind<<4
	}
}

func (f *finder) put(at int, v uint32) {
	if 4*at+4 <= len(f.out) {
		binary.LittleEndian.PutUint32(f.out[4*at:], v)
	}
}

// find looks at a piece of a text that begins at a place in it, behind a step,
// and gives the step of its last byte. Most groups of eight have nothing.
func (f *finder) find(piece []byte, at uint32, last byte) byte {
	for ; len(piece) >= 8; piece, at = piece[8:], at+8 {
		b := piece[:8]
		s0, s1, s2, s3 := f.steps[b[0]], f.steps[b[1]], f.steps[b[2]], f.steps[b[3]]
		s4, s5, s6, s7 := f.steps[b[4]], f.steps[b[5]], f.steps[b[6]], f.steps[b[7]]
		if s0&(last>>4)|s1&(s0>>4)|s2&(s1>>4)|s3&(s2>>4)|s4&(s3>>4)|s5&(s4>>4)|s6&(s5>>4)|s7&(s6>>4) != 0 {
			f.each(b, at, last)
		}
		last = s7
	}
	return f.each(piece, at, last)
}

func (f *finder) each(piece []byte, at uint32, last byte) byte {
	for i, b := range piece {
		step := f.steps[b]
		if step&(last>>4) != 0 {
			f.put(f.found, at+uint32(i))
			f.found++
		}
		last = step
	}
	return last
}

package tm

import "unsafe"

// Set says of each byte whether Find finds it.
type Set [256]Kind

// Kind is what a set says of a byte.
type Kind byte

// What Find does with a byte: a sum of these.
const (
	Found Kind = 1 // found wherever it stands
	First Kind = 2 // found unless a byte of a word stands before it
	Word  Kind = 4 // part of a word
)

//go:wasmimport tm1 bytes_find
func hostFindBytes(set, offsets, rows, data, to, room uint32) int32

// finds are what the host found in columns of this request.
var finds []found

type found struct {
	input int
	set   *Set
	lists []uint32 // where each row's places end, from a 0 on, and then all places
	rows  int
}

// Find gives where bytes of a set stand in a text. The host looks for them in the
// texts of all rows at once, many times as fast as a plugin walks over them; it
// wants Natives("bytes"). What Find gives is valid until the call ends.
func (r Row) Find(i int, s *Set) []uint32 {
	for n := range finds {
		if f := &finds[n]; f.input == i && f.set == s {
			return f.lists[f.rows+1:][f.lists[r.row]:f.lists[r.row+1]]
		}
	}
	r.findAll(i, s)
	return r.Find(i, s)
}

// findAll asks the host, twice when the room of the request before is too small.
func (r Row) findAll(i int, s *Set) {
	if len(finds) == cap(finds) {
		finds = append(finds, found{})[:len(finds)]
	}
	finds = finds[:len(finds)+1]
	f := &finds[len(finds)-1]
	f.input, f.set, f.rows = i, s, int(le.Uint32(r.frame[8:]))
	for need := 9*f.rows + 1; ; {
		if need > len(f.lists) {
			f.lists = make([]uint32, need)
		}
		offsets, _ := placeOf(r.frame[r.word(i, 12):])
		data, _ := placeOf(r.frame[r.word(i, 16):])
		set, to := uint32(uintptr(unsafe.Pointer(s))), uint32(uintptr(unsafe.Pointer(&f.lists[0])))
		if need = int(hostFindBytes(set, offsets, uint32(f.rows), data, to, uint32(len(f.lists)))); need <= len(f.lists) {
			return
		}
	}
}

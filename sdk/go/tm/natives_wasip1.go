package tm

import "unsafe"

//go:wasmimport tm1 regex_find
func hostFind(pattern, patternSize, text, textSize uint32) int64

//go:wasmimport tm1 regex_replace
func hostReplace(pattern, patternSize, text, textSize, with, withSize uint32) int32

//go:wasmimport tm1 json_get
func hostJSON(pointer, pointerSize, text, textSize uint32) int32

//go:wasmimport tm1 take
func hostTake(at uint32)

func place(s string) (at, size uint32) {
	return uint32(uintptr(unsafe.Pointer(unsafe.StringData(s)))), uint32(len(s))
}

func placeOf(b []byte) (at, size uint32) {
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))), uint32(len(b))
}

func taken(size int32) []byte {
	b := make([]byte, size, size+1)
	hostTake(uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))))
	return b
}

// Find gives where the first match of a regular expression begins and ends.
// The host does it, ten times as fast as package regexp in a plugin; it wants
// Natives("regex"), as Replace does.
func Find(pattern string, text []byte) (from, to int, ok bool) {
	p, n := place(pattern)
	t, size := placeOf(text)
	found := hostFind(p, n, t, size)
	return int(found >> 32), int(uint32(found)), found >= 0
}

// Replace puts one text, as it is, in the place of all matches.
func Replace(pattern string, text []byte, with string) []byte {
	p, n := place(pattern)
	t, size := placeOf(text)
	w, withSize := place(with)
	return taken(hostReplace(p, n, t, size, w, withSize))
}

// JSON finds a value by a JSON pointer such as /user/id: what a text says, of
// all else its JSON. It wants Natives("json").
func JSON(pointer string, text []byte) ([]byte, bool) {
	p, n := place(pointer)
	t, size := placeOf(text)
	found := hostJSON(p, n, t, size)
	if found < 0 {
		return nil, false
	}
	return taken(found), true
}

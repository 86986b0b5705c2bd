package format

import "bytes"

// A wrapper is an object whose one array holds the records, {"Records":[…]}.
// It may be larger than what is kept in memory, so its elements are cut one by
// one, and what stands before the array is kept aside.

type wrapperState uint8

const (
	noWrapper     wrapperState = iota
	wrapperPassed              // a bracket of a wrapper was passed over
	wrapperOpen                // not to be told yet: more bytes, or a new chunk
)

// wrapperHead is how far into an object the name of the array is looked for.
const wrapperHead = 4 << 10

// atWrapper goes into a wrapper that b begins with, or out of the one that
// ends here. busy says that the chunk has records of what was before.
func (s *Splitter) atWrapper(b []byte, busy bool) (used int, state wrapperState) {
	switch {
	case s.wrapped && b[0] == ']':
		return s.leaveWrapper(b)
	case s.wrapped || b[0] != '{' || !bytes.Contains(b[:min(len(b), wrapperHead)], []byte(`"`+s.wrapper+`"`)):
		return 0, noWrapper
	}
	for m := range headMembers(b) {
		if m.name != s.wrapper || len(m.value) == 0 || m.value[0] != '[' {
			continue
		}
		if busy {
			return 0, wrapperOpen
		}
		start := cap(b) - cap(m.value) // of the array in b
		s.inArray, s.wrapped, s.indent = true, true, -1
		s.outer = outerObject(b[:start], s.wrapper)
		return start + 1, wrapperPassed
	}
	return 0, noWrapper
}

// outerObject closes what stands before the array, without the array's name.
func outerObject(before []byte, name string) []byte {
	cut := bytes.LastIndex(before, []byte(`"`+name+`"`))
	kept := bytes.TrimRight(before[:max(cut, 1)], ", \t\r\n")
	return append(bytes.Clone(kept), '}')
}

// leaveWrapper passes over what follows the array, up to and with the bracket
// that closes the wrapper.
func (s *Splitter) leaveWrapper(b []byte) (used int, state wrapperState) {
	end, whole := value(append([]byte("{"), b[1:]...), nil)
	if whole == isOpen && !s.eof {
		return 0, wrapperOpen
	}
	s.inArray, s.wrapped, s.indent = false, false, -1
	if end <= 0 {
		end = len(b)
	}
	return end, wrapperPassed
}

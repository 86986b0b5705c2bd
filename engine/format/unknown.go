package format

import "bytes"

// Unrecognised says what is known of an object whose Format is Unknown.
func (s *Stream) Unrecognised() string {
	head, _ := s.r.Peek(4)
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return "it is text in UTF-16; convert it to UTF-8"
	}
	return "its format is not recognised"
}

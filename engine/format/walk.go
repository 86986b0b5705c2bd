package format

import (
	"bytes"
	"encoding/json"
	"iter"
)

// member is one name and value of a JSON object, both as they stand there.
type member struct {
	name  string
	value []byte
}

// members walks the members of the JSON object that b begins with, in order.
// It goes by brackets and quotes alone, and ends where they do not match: what
// is malformed is the conformer's to judge.
func members(b []byte) iter.Seq[member] { return walk(b, false) }

// headMembers is members for an object that may be cut off: the last value may
// end early.
func headMembers(b []byte) iter.Seq[member] { return walk(b, true) }

func walk(b []byte, cut bool) iter.Seq[member] {
	return func(yield func(member) bool) {
		b = skipBlanks(b)
		if len(b) == 0 || b[0] != '{' {
			return
		}
		var room [64]byte
		for b = skipBlanks(b[1:]); len(b) > 0 && b[0] == '"'; b = skipBlanks(b[1:]) {
			n := stringEnd(b)
			if n < 0 {
				return
			}
			name := unquoted(b[:n+1])
			b = skipBlanks(b[n+1:])
			if len(b) == 0 || b[0] != ':' {
				return
			}
			b = skipBlanks(b[1:])
			end, state := value(b, room[:0])
			if cut && state == isOpen {
				yield(member{name, b})
				return
			}
			if state != isWhole || end <= 0 || !yield(member{name, b[:end]}) {
				return
			}
			if b = skipBlanks(b[end:]); len(b) == 0 || b[0] != ',' {
				return
			}
		}
	}
}

// elements walks the elements of the JSON array that b begins with.
func elements(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		b = skipBlanks(b)
		if len(b) == 0 || b[0] != '[' {
			return
		}
		var room [64]byte
		for b = skipBlanks(b[1:]); len(b) > 0 && b[0] != ']'; {
			end, state := value(b, room[:0])
			if state != isWhole || end <= 0 || !yield(b[:end]) {
				return
			}
			if b = skipBlanks(b[end:]); len(b) == 0 || b[0] != ',' {
				return
			}
			b = skipBlanks(b[1:])
		}
	}
}

// at finds the value at a path of an object, or nil.
func at(b []byte, path ...string) []byte {
	for _, name := range path {
		var found []byte
		for m := range members(b) {
			if m.name == name {
				found = m.value
			}
		}
		if found == nil {
			return nil
		}
		b = found
	}
	return b
}

// textAt is the text at a path of an object, or "": for anything else.
func textAt(b []byte, path ...string) string { return textOf(at(b, path...)) }

// textOf is the text of a string token, "" for any other.
func textOf(token []byte) string {
	if len(token) < 2 || token[0] != '"' {
		return ""
	}
	return unquoted(token)
}

// scalarOf is the text of a string token, or a number or bool as it stands.
func scalarOf(token []byte) string {
	if len(token) == 0 || token[0] == '{' || token[0] == '[' || token[0] == 'n' {
		return ""
	}
	if token[0] == '"' {
		return unquoted(token)
	}
	return string(token)
}

// unquoted is the text of a string token; a malformed one is given without
// its quotes.
func unquoted(token []byte) string {
	inner := token[1:max(1, len(token)-1)]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	var s string
	if json.Unmarshal(token, &s) != nil {
		return string(inner)
	}
	return s
}

func skipBlanks(b []byte) []byte {
	for len(b) > 0 && blank(b[0]) {
		b = b[1:]
	}
	return b
}

// isObject reports whether a value is an object that has members.
func isObject(token []byte) bool {
	return len(token) > 2 && token[0] == '{' && len(skipBlanks(token[1:])) > 1
}

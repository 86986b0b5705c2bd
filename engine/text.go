package engine

// Text is a piece of a user's file together with where it stood, so that an
// error found later inside it can point at the place. Line and Column are
// 1-based and name the first character of Value; they are 0 when the text did
// not come from a file.
type Text struct {
	Value  string
	File   string
	Line   int
	Column int
	// Excerpt is the whole source line.
	Excerpt string
}

// At makes an invalid-input error that points offset characters into the text.
func (t Text) At(offset int, format string, args ...any) *Error {
	e := Errorf(Invalid, "", format, args...)
	e.File, e.Line, e.Column, e.Excerpt = t.File, t.Line, t.Column, t.Excerpt
	if e.Line == 0 {
		e.Line, e.Column, e.Excerpt = 1, 1, t.Value
	}
	// A text that goes over several lines is shown by its own lines.
	for _, r := range t.Value[:min(offset, len(t.Value))] {
		if r == '\n' {
			e.Line++
			e.Column, e.Excerpt = 0, ""
		}
		e.Column++
	}
	return e
}

// Entry is one key of a mapping whose order matters.
type Entry[T any] struct {
	Key   Text
	Value T
}

// Entries is a mapping in the order it was written in.
type Entries[T any] []Entry[T]

// ScalarForm is implemented by a struct that a file may also write as one
// plain scalar: the short form of a longer mapping.
type ScalarForm interface {
	SetScalar(Text) error
}

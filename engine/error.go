package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Kind says what sort of failure an Error is; callers branch on it, and the
// command line turns it into an exit code.
type Kind string

// The kinds of failure.
const (
	Invalid       Kind = "invalid"       // the input is wrong: a file, a flag, a query
	NotFound      Kind = "not_found"     // it names something that does not exist
	Conflict      Kind = "conflict"      // it is already so, or somebody else holds it
	Unavailable   Kind = "unavailable"   // something outside cannot be reached now
	Inexpressible Kind = "inexpressible" // a target cannot say what was asked
	Canceled      Kind = "canceled"      // the user or a deadline stopped it
	Internal      Kind = "internal"      // a bug of ours
)

// Error is a failure told to a user: what was being done (Op), what went
// wrong (Err), where (File, Line, Column; 1-based, 0 when unknown) and what
// to do next (Hint, an action in the imperative).
type Error struct {
	Kind   Kind
	Op     string
	Hint   string
	File   string
	Line   int
	Column int
	// Excerpt is the source line that Line names, for the caret.
	Excerpt string
	// Fault is the known way of failing that this is; "" for others.
	Fault Fault
	Err   error
}

// Error renders the failure on one line, position first, without the hint.
func (e *Error) Error() string {
	var b strings.Builder
	if at := e.Position(); at != "" {
		b.WriteString(at)
		b.WriteString(": ")
	}
	if e.Op != "" {
		b.WriteString(e.Op)
		if e.Err != nil {
			b.WriteString(": ")
		}
	}
	if e.Err != nil {
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Position is "file:line:column", as much of it as is known.
func (e *Error) Position() string {
	switch {
	case e.Line > 0 && e.Column > 0 && e.File != "":
		return fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
	case e.Line > 0 && e.File != "":
		return fmt.Sprintf("%s:%d", e.File, e.Line)
	case e.Line > 0:
		return fmt.Sprintf("%d:%d", e.Line, e.Column)
	default:
		return e.File
	}
}

// Caret gives the excerpt with a caret under the column, or "" when either is
// unknown. Tabs before the column are kept so that the caret lines up.
func (e *Error) Caret() string {
	if e.Excerpt == "" || e.Column < 1 {
		return ""
	}
	pad := []rune{}
	for i, r := range []rune(e.Excerpt) {
		if i >= e.Column-1 {
			break
		}
		if r != '\t' {
			r = ' '
		}
		pad = append(pad, r)
	}
	return e.Excerpt + "\n" + string(pad) + "^"
}

// Errorf makes an Error of a kind for an operation; the format may wrap with %w.
func Errorf(kind Kind, op, format string, args ...any) *Error {
	return &Error{Kind: kind, Op: op, Err: fmt.Errorf(format, args...)}
}

// WithHint returns a copy of e carrying the next step for the user.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// KindOf finds the kind of the outermost Error in err's chain: Canceled for a
// context's end, Internal for anything that was never classified.
func KindOf(err error) Kind {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e) && e.Kind != "":
		return e.Kind
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Canceled
	}
	return Internal
}

package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/export"
)

// Exit codes are part of the contract with scripts.
const (
	exitFailed        = 1   // the work failed
	exitInvalid       = 2   // wrong usage or invalid file
	exitInexpressible = 3   // the request cannot be expressed
	exitQuarantined   = 4   // done, but records were set aside, and --strict
	exitCanceled      = 130 // the user stopped it
)

// exitError ends a run with a code; everything was said already.
type exitError struct{ code int }

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// quarantinedError says that the work is done but records were set aside, and
// that the user asked to be told by the exit code.
type quarantinedError struct{ records int64 }

func (e quarantinedError) Error() string {
	return fmt.Sprintf("%d set aside in quarantine; see tidemark quarantine list", e.records)
}

func exitCode(err error) int {
	var exit exitError
	var quarantined quarantinedError
	switch {
	case errors.As(err, &exit):
		return exit.code
	case errors.As(err, &quarantined):
		return exitQuarantined
	}
	switch engine.KindOf(err) {
	case engine.Invalid:
		return exitInvalid
	case engine.Inexpressible:
		return exitInexpressible
	case engine.Canceled:
		return exitCanceled
	}
	return exitFailed
}

// printError says what went wrong: on stderr for people, on stdout under
// --json.
func (a *app) printError(err error) {
	var exit exitError
	var quarantined quarantinedError
	switch {
	case errors.As(err, &exit):
		return
	case errors.As(err, &quarantined):
		// The work is done and its result is on stdout: this is no failure.
		fmt.Fprintln(a.stderr, quarantined.Error())
		return
	}
	problems := flatten(err)
	if a.json {
		a.printErrorJSON(problems)
		return
	}
	for _, p := range problems {
		fmt.Fprint(a.stderr, errorText(p))
	}
	if n := len(problems); n > 1 {
		fmt.Fprintf(a.stderr, "%d problems\n", n)
	}
}

// flatten lists the errors that were joined.
func flatten(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, flatten(e)...)
	}
	return out
}

// errorText is an error as people see it: what and where, the line with a
// caret, and what to do.
func errorText(err error) string {
	var b strings.Builder
	message := err.Error()
	switch engine.KindOf(err) {
	case engine.Canceled:
		message = "cancelled"
	case engine.Internal:
		message = "internal error: " + message
	}
	fmt.Fprintf(&b, "error: %s\n", safeText(message))
	if at := placed(err); at != nil {
		excerpt, column := excerptAround(at.Excerpt, at.Column)
		shown := engine.Error{Excerpt: safeExcerpt(excerpt), Column: column}
		if caret := shown.Caret(); caret != "" {
			fmt.Fprintf(&b, "  %s\n", strings.ReplaceAll(caret, "\n", "\n  "))
		}
	}
	if hint := hintOf(err); hint != "" {
		fmt.Fprintf(&b, "  hint: %s\n", safeText(hint))
	}
	return b.String()
}

// excerptWidth is how much of a long line is shown, in characters.
const excerptWidth = 100

// excerptAround cuts a long line so that the column stays in view.
func excerptAround(line string, column int) (string, int) {
	r := []rune(line)
	if len(r) <= excerptWidth {
		return line, column
	}
	from := max(0, min(column-1-excerptWidth/2, len(r)-excerptWidth))
	cut := string(r[from : from+excerptWidth])
	if from > 0 {
		return "…" + cut, column - from + 1
	}
	return cut + "…", column
}

// placed is the outermost error that knows a line of a file.
func placed(err error) *engine.Error {
	return first(err, func(e *engine.Error) bool { return e.Line > 0 })
}

func hintOf(err error) string {
	if e := first(err, func(e *engine.Error) bool { return e.Hint != "" }); e != nil {
		return e.Hint
	}
	return ""
}

// first finds the outermost engine.Error of which is holds.
func first(err error, is func(*engine.Error) bool) *engine.Error {
	for err != nil {
		var e *engine.Error
		if !errors.As(err, &e) {
			return nil
		}
		if is(e) {
			return e
		}
		err = e.Err
	}
	return nil
}

// errorJSON is the form of an error that programs read.
type errorJSON struct {
	Kind    engine.Kind `json:"kind"`
	Op      string      `json:"op"`
	Message string      `json:"message"`
	Hint    string      `json:"hint"`
	File    string      `json:"file"`
	Line    int         `json:"line"`
	Column  int         `json:"column"`
	// Refusal is there when an export cannot hold a rule.
	*export.Refusal
}

func toJSON(err error) errorJSON {
	j := errorJSON{Kind: engine.KindOf(err), Message: err.Error(), Hint: hintOf(err)}
	if e := first(err, func(*engine.Error) bool { return true }); e != nil {
		j.Op, j.File = e.Op, e.File
		if e.Err != nil {
			j.Message = e.Err.Error()
		}
	}
	errors.As(err, &j.Refusal)
	if at := placed(err); at != nil {
		j.File, j.Line, j.Column = at.File, at.Line, at.Column
	}
	return j
}

// printErrorJSON prints the first problem as "error" and, if there are more,
// all of them as "errors".
func (a *app) printErrorJSON(problems []error) {
	out := struct {
		Error  errorJSON   `json:"error"`
		Errors []errorJSON `json:"errors,omitempty"`
	}{Error: toJSON(problems[0])}
	if len(problems) > 1 {
		for _, p := range problems {
			out.Errors = append(out.Errors, toJSON(p))
		}
	}
	_ = a.printJSON(out) // there is nowhere else to say it
}

// printJSON prints a value as JSON on a line of stdout.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.stdout)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

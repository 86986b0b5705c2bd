// Package scripttest holds commands that the scripts of several packages type
// (testdata/script).
package scripttest

import (
	"errors"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
)

// Exits runs a command line and compares its exit code:
//
//	exits 2 tidemark nonsense
func Exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit interface{ ExitCode() int }
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

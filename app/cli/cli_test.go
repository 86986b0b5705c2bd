package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/internal/clocktest"
)

func TestTableCannotSteerTheTerminal(t *testing.T) {
	tb := newTable("NAME", ">N", "NOTE")
	tb.add("café", "1", "plain")
	tb.add("日本", "12345", "\x1b]0;owned\x07\u202e\r\n\ttail")
	tb.add("x", "3", "not\xffutf8")
	var out bytes.Buffer
	if err := tb.write(&out); err != nil {
		t.Fatal(err)
	}
	want := `NAME      N  NOTE
café      1  plain
日本  12345  \x1b]0;owned\x07\u202e\r\n\ttail
x         3  not\xffutf8
`
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
}

func TestEmptyTablePrintsNothing(t *testing.T) {
	var out bytes.Buffer
	if err := newTable("A").write(&out); err != nil || out.Len() != 0 {
		t.Error(out.String(), err)
	}
}

func TestSafeTextNeverSteers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "in")
		for _, r := range safeCell(in) {
			if steers(r) {
				t.Fatalf("%q lets %U through", in, r)
			}
		}
		if got := []rune(safeExcerpt(in)); len(got) != len([]rune(in)) {
			t.Fatalf("%q changed its length", in)
		}
	})
}

func TestLongLinesAreCutAroundTheCaret(t *testing.T) {
	for _, column := range []int{1, 50, 500, 999, 1000} {
		line := strings.Repeat(".", column-1) + "X" + strings.Repeat(".", 1000-column)
		cut, at := excerptAround(line, column)
		if r := []rune(cut); len(r) > excerptWidth+2 || r[at-1] != 'X' {
			t.Errorf("column %d: %q points at %d", column, cut, at)
		}
	}
}

func TestExitCodes(t *testing.T) {
	wrapped := engine.Errorf(engine.Inexpressible, "export", "%w", engine.Errorf(engine.Internal, "", "x"))
	for want, errs := range map[int][]error{
		1:   {errors.New("x"), engine.Errorf(engine.NotFound, "", "x"), engine.Errorf(engine.Unavailable, "", "x")},
		2:   {engine.Errorf(engine.Invalid, "", "x"), errors.Join(engine.Errorf(engine.Invalid, "", "a"), errors.New("b"))},
		3:   {wrapped},
		4:   {quarantinedError{1}},
		7:   {exitError{7}},
		130: {context.Canceled, engine.Errorf(engine.Canceled, "", "x")},
	} {
		for _, err := range errs {
			if got := exitCode(err); got != want {
				t.Errorf("%v: %d, want %d", err, got, want)
			}
		}
	}
}

func TestErrorJSONTakesEachFactFromTheOutermostThatKnowsIt(t *testing.T) {
	inner := engine.Errorf(engine.Invalid, "parse", "unexpected )").WithHint("remove it")
	inner.File, inner.Line, inner.Column = "rules/a.yaml", 7, 9
	got := toJSON(engine.Errorf(engine.Invalid, "check rule", "%w", inner))
	want := errorJSON{"invalid", "check rule", "rules/a.yaml:7:9: parse: unexpected )", "remove it", "rules/a.yaml", 7, 9, nil}
	if got != want {
		t.Errorf("%+v", got)
	}
}

func TestProgressElsewhereIsALineNowAndThen(t *testing.T) {
	clock := clocktest.New(time.Unix(0, 0))
	var out bytes.Buffer
	a := &app{env: Env{Clock: clock}, stderr: &out}
	p := a.newProgress("pull")
	for i := range int64(12) {
		p.update(counts{objects: i, objectsTotal: 40, bytes: i * 1_000_000, bytesTotal: 20_000_000, records: i * 100})
		clock.Move(time.Second)
	}
	p.done()
	p.update(counts{objects: 40})
	want := "pull: 5/40 objects, 500 records, 5.0 MB of 20.0 MB, about 15s left\n" +
		"pull: 10/40 objects, 1000 records, 10.0 MB of 20.0 MB, about 10s left\n"
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
}

func TestProgressOnATerminalIsABarThatGoesAway(t *testing.T) {
	clock := clocktest.New(time.Unix(0, 0))
	var out bytes.Buffer
	a := &app{env: Env{Clock: clock, TTY: true, Columns: 100}, stderr: &out}
	p := a.newProgress("pull")
	clock.Move(time.Second)
	p.update(counts{objects: 1, objectsTotal: 2, bytes: 5, bytesTotal: 10, records: 7})
	p.done()
	if !strings.Contains(out.String(), "pull 1/2 objects, 7 records") || strings.Contains(out.String(), "\n") || !strings.Contains(out.String(), "\r") {
		t.Errorf("%q", out.String())
	}
}

func TestProgressIsSilentWhenAsked(t *testing.T) {
	for name, a := range map[string]*app{
		"--quiet":                   {quiet: true, env: Env{TTY: true}},
		"--json without a terminal": {json: true},
	} {
		var out bytes.Buffer
		clock := clocktest.New(time.Unix(0, 0))
		a.env.Clock, a.stderr = clock, &out
		p := a.newProgress("pull")
		clock.Move(time.Hour)
		p.update(counts{objects: 1})
		p.done()
		if out.Len() != 0 {
			t.Errorf("%s: %q", name, out.String())
		}
	}
}

func TestFormatBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1200: "1.2 KB", 8e6: "8.0 MB", 3e15: "3000.0 TB"} {
		if got := formatBytes(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

package wire

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

func TestMessagesAreReadAsWritten(t *testing.T) {
	t.Parallel()
	sameAgain(t,
		Order{Kind: Open, Open: &Opening{Protocol: Version, Title: "shop · Tidemark", URL: "http://127.0.0.1:1/#k=x", StateFile: "/c/window.json", GPU: "never", Icon: []byte{1, 2}}},
		Order{Kind: Show},
		Order{Kind: Ask, ID: 7, What: "folder"},
		Order{Kind: Ask, ID: 8, What: "workspace"},
		Order{Kind: Quit},
	)
	sameAgain(t,
		Event{Kind: Ready},
		Event{Kind: Command, Name: "go", Path: "/rules"},
		Event{Kind: Dropped, Paths: []string{"/with space\nand line", `C:\x`, "/Zürich"}},
		Event{Kind: Answer, ID: 7, Path: "/x"},
		Event{Kind: Answer, ID: 8},
		Event{Kind: Failed, Message: "failed to init GTK"},
		Event{Kind: Closed},
	)
}

func sameAgain[M message](t *testing.T, messages ...M) {
	t.Helper()
	var pipe bytes.Buffer
	w := NewWriter[M](&pipe)
	for _, m := range messages {
		if err := w.Write(m); err != nil {
			t.Errorf("%+v: %v", m, err)
		}
	}
	if n := strings.Count(pipe.String(), "\n"); n != len(messages) {
		t.Errorf("%d lines for %d messages", n, len(messages))
	}
	r := NewReader[M](&pipe)
	for _, want := range messages {
		if got, err := r.Read(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("read %+v (%v), want %+v", got, err, want)
		}
	}
	if _, err := r.Read(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last: %v", err)
	}
}

func TestWhatIsNoMessage(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"(tidemark-window:12): Gtk-WARNING\n":    "no message",
		"{}\n":                                   `no event ""`,
		`{"kind":"show"}` + "\n":                 `no event "show"`,
		`{"kind":"ready"} {}` + "\n":             "no message",
		`{"kind":"command"}` + "\n":              "no name",
		`{"kind":"dropped","paths":[]}` + "\n":   "no file",
		`{"kind":"answer","path":"/x"}` + "\n":   "no id",
		`{"kind":"failed"}` + "\n":               "says nothing",
		`{"kind":"answer","id":1,"path":"/x`:     io.ErrUnexpectedEOF.Error(),
		`{"kind":"answer","id":"1"}` + "\n":      "no message",
		"":                                       io.EOF.Error(),
		"\n":                                     "no message",
		strings.Repeat("x", MaxLine+1):           ErrTooLong.Error(),
		strings.Repeat("x", MaxLine-1) + "\n":    "no message",
		`{"kind":"dropped","paths":"/x"}` + "\n": "no message",
	} {
		if _, err := NewReader[Event](strings.NewReader(line)).Read(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", line, err, want)
		}
	}
	for line, want := range map[string]string{
		`{"kind":"open"}`:                        "no page",
		`{"kind":"open","open":{"protocol":1}}`:  "no page",
		`{"kind":"ask","what":"file"}`:           "no id",
		`{"kind":"ask","id":1,"what":"printer"}`: `no dialog for "printer"`,
		`{"kind":"closed"}`:                      `no order "closed"`,
	} {
		if _, err := NewReader[Order](strings.NewReader(line + "\n")).Read(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}

func TestWhatCannotBeReadIsNotWritten(t *testing.T) {
	t.Parallel()
	var pipe bytes.Buffer
	w := NewWriter[Event](&pipe)
	for _, e := range []Event{{Kind: "x"}, {Kind: Command}, {Kind: Dropped, Paths: []string{strings.Repeat("x", MaxLine)}}} {
		if err := w.Write(e); err == nil || pipe.Len() > 0 {
			t.Errorf("%.60v: %v, wrote %d bytes", e, err, pipe.Len())
		}
	}
}

// FuzzReader reads any bytes as events: what is read can be written, and is
// the same again.
func FuzzReader(f *testing.F) {
	f.Add([]byte(`{"kind":"ready"}` + "\n" + `{"kind":"command","name":"go","path":"/rules"}` + "\n"))
	f.Add([]byte(`{"kind":"dropped","paths":["/x","/y z"]}` + "\n" + `{"kind":"answer","id":1}` + "\n" + `{"kind":"cl`))
	f.Add([]byte("\n\x00{}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := NewReader[Event](bytes.NewReader(data))
		for {
			e, err := r.Read()
			if err != nil {
				return
			}
			written := line(t, e)
			again, err := NewReader[Event](strings.NewReader(written)).Read()
			if err != nil {
				t.Fatalf("%q was written and is not read: %v", written, err)
			}
			if twice := line(t, again); twice != written {
				t.Fatalf("%q was written again as %q", written, twice)
			}
		}
	})
}

func line(t *testing.T, e Event) string {
	t.Helper()
	var pipe bytes.Buffer
	if err := NewWriter[Event](&pipe).Write(e); err != nil {
		t.Fatalf("%+v was read and is not written: %v", e, err)
	}
	return pipe.String()
}

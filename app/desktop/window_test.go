package desktop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"tidemark.dev/tidemark/app/desktop/wire"
	"tidemark.dev/tidemark/engine"
)

// fake says how this program behaves as the window's: TestMain starts it so.
const fake = "TIDEMARK_FAKE_WINDOW"

func TestMain(m *testing.M) {
	if how, ok := os.LookupEnv(fake); ok {
		os.Exit(fakeWindow(how))
	}
	os.Exit(m.Run())
}

// fakeWindow does what a window does, without a toolkit. It says what it was
// told to open as a command, and answers every dialog but one for a folder.
func fakeWindow(how string) int {
	out := wire.NewWriter[wire.Event](os.NewFile(wire.EventsFile, "events"))
	in := wire.NewReader[wire.Order](os.Stdin)
	say := func(e wire.Event) {
		if err := out.Write(e); err != nil {
			panic(err)
		}
	}
	fmt.Println("a library prints this")
	switch how {
	case "libraries missing":
		fmt.Fprintln(os.Stderr, "libwebkit2gtk-4.1.so.0: cannot open shared object file")
		return 127
	case "wordless":
		return 0
	case "other":
		fmt.Fprintln(os.NewFile(wire.EventsFile, "events"), `{"kind":"greeting"}`)
		_, _ = in.Read()
		return 0
	case "failed":
		say(wire.Event{Kind: wire.Failed, Message: "failed to init GTK"})
		return 1
	}
	for {
		o, err := in.Read()
		if err != nil {
			return 1
		}
		switch o.Kind {
		case wire.Open:
			say(wire.Event{Kind: wire.Ready})
			say(wire.Event{Kind: wire.Command, Name: o.Open.Title, Path: o.Open.URL})
			if how == "crash" {
				own, _ := os.FindProcess(os.Getpid())
				_ = own.Kill()
				<-make(chan struct{})
			}
		case wire.Show:
			say(wire.Event{Kind: wire.Command, Name: "shown"})
		case wire.Ask:
			switch o.What {
			case "file":
				say(wire.Event{Kind: wire.Answer, ID: o.ID + 1000, Path: "/nobody asked"})
				say(wire.Event{Kind: wire.Answer, ID: o.ID, Path: "/chosen"})
				say(wire.Event{Kind: wire.Answer, ID: o.ID, Path: "/twice"})
			case "plugin":
				say(wire.Event{Kind: wire.Answer, ID: o.ID, Message: "the toolkit cannot"})
			case "folder": // the dialog stays open; the user closes the window
				say(wire.Event{Kind: wire.Dropped, Paths: []string{"/a b", "/c"}})
				if how == "closed" {
					say(wire.Event{Kind: wire.Closed})
					return 0
				}
			}
		case wire.Quit:
			say(wire.Event{Kind: wire.Closed})
			return 0
		}
	}
}

// opened is a window that runs.
type opened struct {
	*Window
	commands chan [2]string
	dropped  chan []string
	over     chan error
	stderr   *buffer
}

func open(t *testing.T, ctx context.Context, how string) *opened {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(fake, how)
	o := &opened{New(own), make(chan [2]string, 8), make(chan []string, 8), make(chan error, 1), &buffer{}}
	go func() {
		o.over <- o.Run(ctx, Options{
			Title: "shop", URL: "http://127.0.0.1:1/#k=secret", Stderr: o.stderr,
			Command: func(name, path string) { o.commands <- [2]string{name, path} },
			Dropped: func(paths []string) { o.dropped <- paths },
		})
	}()
	return o
}

type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func TestWindow(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	w := open(t, ctx, "well")
	if got, want := <-w.commands, [2]string{"shop", "http://127.0.0.1:1/#k=secret"}; got != want {
		t.Errorf("opened %q, want %q", got, want)
	}
	if args := w.running().cmd.Args; len(args) != 1 {
		t.Errorf("its command line is %q: others can read it", args)
	}
	w.Show()
	if got := <-w.commands; got[0] != "shown" {
		t.Errorf("show: %q", got)
	}
	for range 3 {
		if path, err := w.Open(ctx, "file"); path != "/chosen" || err != nil {
			t.Errorf("chose %q %v", path, err)
		}
	}
	if _, err := w.Open(ctx, "plugin"); engine.KindOf(err) != engine.Unavailable || !strings.Contains(err.Error(), "the toolkit cannot") {
		t.Errorf("a dialog that cannot be shown: %v", err)
	}
	left, leave := context.WithCancel(ctx)
	go func() { <-w.dropped; leave() }()
	if _, err := w.Open(left, "folder"); !errors.Is(err, context.Canceled) {
		t.Errorf("a dialog that nobody waits for: %v", err)
	}
	if len(w.asked) != 0 {
		t.Errorf("%d dialogs are kept", len(w.asked))
	}
	stop()
	if err := <-w.over; err != nil {
		t.Error(err)
	}
	if _, err := w.Open(t.Context(), "file"); engine.KindOf(err) != engine.Unavailable {
		t.Errorf("a dialog without a window: %v", err)
	}
	w.Show()
	if text := w.stderr.String(); text != "a library prints this\n" {
		t.Errorf("stderr: %q", text)
	}
}

// TestTheUserClosesTheWindow, while a dialog of it is open.
func TestTheUserClosesTheWindow(t *testing.T) {
	w := open(t, t.Context(), "closed")
	<-w.commands
	if _, err := w.Open(t.Context(), "folder"); engine.KindOf(err) != engine.Unavailable || !strings.Contains(err.Error(), "was closed") {
		t.Errorf("the dialog: %v", err)
	}
	if got := <-w.dropped; !reflect.DeepEqual(got, []string{"/a b", "/c"}) {
		t.Errorf("dropped %q", got)
	}
	if err := <-w.over; err != nil {
		t.Error(err)
	}
}

func TestHowAWindowFails(t *testing.T) {
	for how, want := range map[string][2]string{
		"crash":             {"its program ended: signal: killed", "nothing is lost"},
		"libraries missing": {"its program ended: exit status 127", "libwebkit2gtk"},
		"wordless":          {"its program ended: without a word", "tidemark serve"},
		"other":             {`is not understood: there is no event "greeting"`, "of one build"},
		"failed":            {"failed to init GTK", "tidemark serve"},
	} {
		err := <-open(t, t.Context(), how).over
		var e *engine.Error
		if !errors.As(err, &e) || e.Kind != engine.Unavailable || !strings.Contains(err.Error(), want[0]) || !strings.Contains(e.Hint, want[1]) {
			t.Errorf("%s: %+v, want %q", how, err, want)
		}
	}
	err := New(filepath.Join(t.TempDir(), "gone")).Run(t.Context(), Options{})
	if engine.KindOf(err) != engine.Unavailable {
		t.Errorf("no program: %v", err)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file := func(path ...string) string {
		name := filepath.Join(append([]string{root}, path...)...)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o755); err != nil {
			t.Fatal(err)
		}
		return name
	}
	nowhere := func(string) (string, error) { return "", errors.New("not in PATH") }
	inPath := func(name string) (string, error) { return "/path/" + name, nil }
	own, link := file("usr", "bin", "tidemark"), filepath.Join(root, "link")
	if err := os.Symlink(own, link); err != nil {
		t.Fatal(err)
	}
	if _, err := find(link, nowhere); !errors.Is(err, ErrNone) {
		t.Errorf("nowhere: %v", err)
	}
	check := func(where, want string) {
		t.Helper()
		if got, err := find(link, inPath); got != want || err != nil {
			t.Errorf("%s: %q %v, want %q", where, got, err, want)
		}
	}
	if err := os.Mkdir(filepath.Join(root, "usr", "bin", program), 0o755); err != nil {
		t.Fatal(err)
	}
	check("a folder of its name", "/path/"+program)
	check("in lib", file("usr", "lib", "tidemark", program))
	if err := os.Remove(filepath.Join(root, "usr", "bin", program)); err != nil {
		t.Fatal(err)
	}
	check("beside", file("usr", "bin", program))
	if got, err := find("", inPath); got != "/path/"+program || err != nil {
		t.Errorf("a program that knows no name of its own: %q %v", got, err)
	}
}

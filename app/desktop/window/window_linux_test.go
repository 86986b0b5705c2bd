//go:build desktop

package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/wailsapp/wails/v2/pkg/runtime"

	"tidemark.dev/tidemark/app/desktop/wire"
)

// first runs what the toolkit wants on the program's first goroutine.
var first = make(chan func())

func TestMain(m *testing.M) {
	go func() { os.Exit(m.Run()) }()
	for f := range first {
		f()
	}
}

// display starts an X server for the test and names it in DISPLAY.
func display(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("Xvfb"); err != nil {
		t.Skip("there is no Xvfb: scripts/setup.sh browser installs it")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	x := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1360x900x24", "-nolisten", "tcp")
	x.ExtraFiles = []*os.File{w}
	if err := x.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	t.Cleanup(func() { _ = x.Process.Kill(); _ = x.Wait() })
	number, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DISPLAY", ":"+strings.TrimSpace(number))
	t.Setenv("WAYLAND_DISPLAY", "")
	t.Setenv("GDK_BACKEND", "x11")
	t.Setenv("NO_AT_BRIDGE", "1")
}

// TestWindow opens a real window. What its toolkit says was dropped arrives
// with its path, and so does what is chosen in its dialogs.
func TestWindow(t *testing.T) {
	display(t)
	loaded := make(chan struct{})
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/loaded" {
			close(loaded)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><title>x</title><script>fetch("/loaded")</script>`)
	}))
	defer page.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	w, state := &window{}, filepath.Join(t.TempDir(), "window.json")
	ready := make(chan struct{})
	dropped, over := make(chan []string, 1), make(chan error, 1)
	first <- func() {
		opening := wire.Opening{Title: "test", URL: page.URL + "/", StateFile: state}
		over <- w.run(ctx, opening, func(e wire.Event) {
			switch e.Kind {
			case wire.Ready:
				close(ready)
			case wire.Dropped:
				dropped <- e.Paths
			}
		})
	}
	select {
	case <-loaded:
	case err := <-over:
		t.Fatalf("the window closed: %v", err)
	}

	<-ready
	want := []string{"/tmp/with space.ndjson", "/tmp/Zürich"}
	runtime.EventsEmit(w.context(), "wails:file-drop", 10, 20, want)
	if got := <-dropped; !reflect.DeepEqual(got, want) {
		t.Errorf("dropped %q, want %q", got, want)
	}

	var asked runtime.OpenDialogOptions
	answer := "/tmp/x/../chosen.wasm"
	defer func(f, d func(context.Context, runtime.OpenDialogOptions) (string, error)) {
		openFile, openFolder = f, d
	}(openFile, openFolder)
	openFile = func(_ context.Context, o runtime.OpenDialogOptions) (string, error) { asked = o; return answer, nil }
	openFolder = func(context.Context, runtime.OpenDialogOptions) (string, error) { return "/tmp/folder/", nil }
	for what, want := range map[string]string{"plugin": "/tmp/chosen.wasm", "file": "/tmp/chosen.wasm", "folder": "/tmp/folder", "workspace": "/tmp/folder"} {
		if got, err := w.choose(what); got != want || err != nil {
			t.Errorf("%s: %q %v, want %q", what, got, err, want)
		}
	}
	answer = ""
	if got, err := w.choose("plugin"); got != "" || err != nil {
		t.Errorf("a changed mind: %q %v", got, err)
	}
	if len(asked.Filters) != 1 || asked.Filters[0].Pattern != "*.wasm" {
		t.Errorf("a plugin is chosen among %+v", asked.Filters)
	}

	stop()
	if err := <-over; err != nil {
		t.Error(err)
	}
	if s := readSize(state); s.Width < leastWidth || s.Height < leastHeight {
		t.Errorf("its size was kept as %+v", s)
	}
	if _, err := w.choose("file"); err == nil {
		t.Error("a dialog without a window")
	}
}

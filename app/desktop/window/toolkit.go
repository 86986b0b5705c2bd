//go:build desktop

package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/wailsapp/wails/v2"
	"github.com/wailsapp/wails/v2/pkg/logger"
	"github.com/wailsapp/wails/v2/pkg/options"
	"github.com/wailsapp/wails/v2/pkg/options/assetserver"
	"github.com/wailsapp/wails/v2/pkg/options/linux"
	"github.com/wailsapp/wails/v2/pkg/runtime"

	"tidemark.dev/tidemark/app/desktop/wire"
)

// window is the toolkit's: GTK and WebKit on Linux, Cocoa and WebKit on macOS.
type window struct {
	mu  sync.Mutex
	ctx context.Context // the toolkit's; nil before the window is there
}

// The toolkit's dialogs; tests answer in their place.
var (
	openFile   = runtime.OpenFileDialog
	openFolder = runtime.OpenDirectoryDialog
)

func newToolkit() toolkit { return &window{} }

func (w *window) run(ctx context.Context, o wire.Opening, tell func(wire.Event)) error {
	// The fast way of drawing leaves windows blank on some drivers; who knows
	// theirs to work may say so.
	const dmabuf = "WEBKIT_DISABLE_DMABUF_RENDERER"
	if _, set := os.LookupEnv(dmabuf); !set {
		_ = os.Setenv(dmabuf, "1")
	}
	s := readSize(o.StateFile)
	start := options.Normal
	if s.Maximised {
		start = options.Maximised
	}
	var ready sync.Once
	stop := context.AfterFunc(ctx, func() {
		if c := w.context(); c != nil {
			runtime.Quit(c)
		}
	})
	defer stop()
	defer w.gone()
	return wails.Run(&options.App{
		Title: o.Title, Width: s.Width, Height: s.Height, MinWidth: leastWidth, MinHeight: leastHeight,
		StartHidden: true, WindowStartState: start,
		AssetServer: &assetserver.Options{Handler: leadTo(o.URL)},
		Menu:        w.menu(func(name, path string) { tell(wire.Event{Kind: wire.Command, Name: name, Path: path}) }),
		Logger:      quiet{}, LogLevel: logger.ERROR, LogLevelProduction: logger.ERROR,
		OnStartup: func(c context.Context) {
			w.set(c)
			runtime.OnFileDrop(c, func(_, _ int, paths []string) {
				if len(paths) > 0 {
					tell(wire.Event{Kind: wire.Dropped, Paths: paths})
				}
			})
			if ctx.Err() != nil {
				runtime.Quit(c)
			}
		},
		OnDomReady: func(c context.Context) {
			runtime.WindowShow(c)
			ready.Do(func() {
				tell(wire.Event{Kind: wire.Ready})
				runtime.WindowExecJS(c, "go()")
			})
		},
		OnBeforeClose: func(c context.Context) bool {
			now := size{Maximised: runtime.WindowIsMaximised(c)}
			now.Width, now.Height = runtime.WindowGetSize(c)
			if now.Maximised { // the size to return to is the one before
				now.Width, now.Height = s.Width, s.Height
			}
			writeSize(o.StateFile, now)
			return false
		},
		// The page cancels the drop itself; with the toolkit's own switch no
		// file arrives at all.
		DragAndDrop:              &options.DragAndDrop{EnableFileDrop: true, DisableWebViewDrop: false},
		EnableDefaultContextMenu: true,
		Linux:                    &linux.Options{Icon: o.Icon, ProgramName: "tidemark", WebviewGpuPolicy: policy(o.GPU)},
	})
}

func policy(name string) linux.WebviewGpuPolicy {
	switch name {
	case "always":
		return linux.WebviewGpuPolicyAlways
	case "ondemand":
		return linux.WebviewGpuPolicyOnDemand
	}
	return linux.WebviewGpuPolicyNever
}

// leadTo serves the one page that the toolkit asks for itself: it goes on to
// the server once it stands and the window is shown. Had it gone while it was
// read, WebKit would wait for half a second, in every other start. Nothing else
// goes through the toolkit, whose transport dies of some request bodies.
func leadTo(url string) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/" {
			http.NotFound(rw, r)
			return
		}
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(rw, `<!doctype html><title>Tidemark</title><meta name="color-scheme" content="light dark"><script>const go=()=>location.replace(%q)</script><a href="%s">Open</a>`, url, html.EscapeString(url))
	})
}

func (w *window) context() context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ctx
}

func (w *window) set(c context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctx = c
}

func (w *window) gone() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctx = nil
}

func (w *window) show() {
	if c := w.context(); c != nil {
		runtime.WindowUnminimise(c)
		runtime.WindowShow(c)
	}
}

func (w *window) choose(what string) (string, error) {
	c := w.context()
	if c == nil {
		return "", errors.New("there is no window")
	}
	home, _ := os.UserHomeDir()
	o := runtime.OpenDialogOptions{Title: "Add to the workspace", DefaultDirectory: home}
	var path string
	var err error
	switch what {
	case "workspace":
		o.Title = "Open a workspace: the folder of its tidemark.yaml"
		path, err = openFolder(c, o)
	case "folder":
		path, err = openFolder(c, o)
	case "plugin":
		o.Filters = []runtime.FileFilter{{DisplayName: "WebAssembly (*.wasm)", Pattern: "*.wasm"}}
		path, err = openFile(c, o)
	default:
		o.Filters = []runtime.FileFilter{
			{DisplayName: "Logs and tables", Pattern: "*.json;*.ndjson;*.jsonl;*.log;*.csv;*.tsv;*.parquet;*.gz;*.zst;*.bz2"},
			{DisplayName: "All files", Pattern: "*"},
		}
		path, err = openFile(c, o)
	}
	if err != nil || path == "" {
		return "", err
	}
	return filepath.Clean(path), nil
}

// quiet drops what the toolkit narrates; its errors come back from Run.
type quiet struct{}

func (quiet) Print(string)   {}
func (quiet) Trace(string)   {}
func (quiet) Debug(string)   {}
func (quiet) Info(string)    {}
func (quiet) Warning(string) {}
func (quiet) Error(m string) { fmt.Fprintln(os.Stderr, m) }
func (quiet) Fatal(m string) { fmt.Fprintln(os.Stderr, m) }

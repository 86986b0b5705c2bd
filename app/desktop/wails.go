//go:build desktop

package desktop

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/wailsapp/wails/v2"
	"github.com/wailsapp/wails/v2/pkg/logger"
	"github.com/wailsapp/wails/v2/pkg/menu"
	"github.com/wailsapp/wails/v2/pkg/menu/keys"
	"github.com/wailsapp/wails/v2/pkg/options"
	"github.com/wailsapp/wails/v2/pkg/options/assetserver"
	"github.com/wailsapp/wails/v2/pkg/options/linux"
	"github.com/wailsapp/wails/v2/pkg/runtime"

	"tidemark.dev/tidemark/engine"
)

// Available says whether this program has a window.
const Available = true

// Window is the window. Show and Open may be called from any goroutine.
type Window struct {
	mu  sync.Mutex
	ctx context.Context // the toolkit's; nil before the window is there
}

// The toolkit's dialogs; tests answer in their place.
var (
	openFile   = runtime.OpenFileDialog
	openFolder = runtime.OpenDirectoryDialog
)

// New makes a window that is not shown yet.
func New() *Window { return &Window{} }

// Run shows the window and returns when it was closed, or ctx ended. It must
// be called on the program's first goroutine, which the toolkit needs.
func (w *Window) Run(ctx context.Context, o Options) error {
	// The fast way of drawing leaves windows blank on some drivers; who knows
	// theirs to work may say so.
	for _, name := range []string{"WEBKIT_DISABLE_DMABUF_RENDERER"} {
		if _, set := os.LookupEnv(name); !set {
			_ = os.Setenv(name, "1")
		}
	}
	s := readSize(o.StateFile)
	start := options.Normal
	if s.Maximised {
		start = options.Maximised
	}
	stop := context.AfterFunc(ctx, func() {
		if c := w.context(); c != nil {
			runtime.Quit(c)
		}
	})
	defer stop()
	err := wails.Run(&options.App{
		Title: o.Title, Width: s.Width, Height: s.Height, MinWidth: leastWidth, MinHeight: leastHeight,
		StartHidden: true, WindowStartState: start,
		AssetServer: &assetserver.Options{Handler: leadTo(o.URL)},
		Menu:        w.menu(o.Command),
		Logger:      quiet{}, LogLevel: logger.ERROR, LogLevelProduction: logger.ERROR,
		OnStartup: func(c context.Context) {
			w.mu.Lock()
			w.ctx = c
			w.mu.Unlock()
			runtime.OnFileDrop(c, func(_, _ int, paths []string) { o.Dropped(paths) })
			if ctx.Err() != nil {
				runtime.Quit(c)
			}
		},
		OnDomReady: func(c context.Context) { runtime.WindowShow(c) },
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
	w.mu.Lock()
	w.ctx = nil
	w.mu.Unlock()
	if err != nil {
		return engine.Errorf(engine.Unavailable, "open the window", "%w", err).
			WithHint("without a display: tidemark serve, and open the address it prints")
	}
	return nil
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
// the server at once. Nothing else goes through the toolkit, whose transport
// dies of some request bodies.
func leadTo(url string) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/" {
			http.NotFound(rw, r)
			return
		}
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(rw, `<!doctype html><title>Tidemark</title><meta name="color-scheme" content="light dark"><script>location.replace(%q)</script><a href="%s">Open</a>`, url, html.EscapeString(url))
	})
}

// menu is the menu bar. What it does, the page does.
func (w *Window) menu(command func(name, path string)) *menu.Menu {
	tell := func(name, path string) menu.Callback {
		return func(*menu.CallbackData) { command(name, path) }
	}
	m := menu.NewMenu()
	file := m.AddSubmenu("File")
	file.AddText("Add Files…", keys.CmdOrCtrl("o"), tell("add", "file"))
	file.AddText("Add a Folder…", nil, tell("add", "folder"))
	file.AddText("Add a Plugin…", nil, tell("add", "plugin"))
	file.AddSeparator()
	file.AddText("Pull", keys.CmdOrCtrl("p"), tell("pull", ""))
	file.AddSeparator()
	file.AddText("Quit", keys.CmdOrCtrl("q"), func(*menu.CallbackData) {
		if c := w.context(); c != nil {
			runtime.Quit(c)
		}
	})
	m.Append(menu.EditMenu())
	goTo := m.AddSubmenu("Go")
	goTo.AddText("Go To…", keys.CmdOrCtrl("k"), tell("palette", ""))
	goTo.AddSeparator()
	for i, p := range []struct{ name, path string }{
		{"Home", "/"},
		{"Explore", "/explore"},
		{"Notebooks", "/notebooks"},
		{"Dashboards", "/dashboards"},
		{"Rules", "/rules"},
		{"Sources", "/sources"},
		{"Schema", "/schema"},
		{"Quarantine", "/quarantine"},
		{"Plugins", "/plugins"},
	} {
		goTo.AddText(p.name, keys.CmdOrCtrl(fmt.Sprint(i+1)), tell("go", p.path))
	}
	view := m.AddSubmenu("View")
	view.AddText("Light or Dark", nil, tell("theme", ""))
	view.AddText("Full Screen", keys.Key("f11"), func(*menu.CallbackData) {
		c := w.context()
		switch {
		case c == nil:
		case runtime.WindowIsFullscreen(c):
			runtime.WindowUnfullscreen(c)
		default:
			runtime.WindowFullscreen(c)
		}
	})
	help := m.AddSubmenu("Help")
	help.AddText("Keys", nil, tell("keys", ""))
	return m
}

func (w *Window) context() context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ctx
}

// Show brings the window to the front.
func (w *Window) Show() {
	if c := w.context(); c != nil {
		runtime.WindowUnminimise(c)
		runtime.WindowShow(c)
	}
}

// Open asks the user for a file, a folder or a plugin, and gives "" when they
// change their mind.
func (w *Window) Open(_ context.Context, what string) (string, error) {
	c := w.context()
	if c == nil {
		return "", engine.Errorf(engine.Unavailable, "open the dialog", "there is no window")
	}
	home, _ := os.UserHomeDir()
	o := runtime.OpenDialogOptions{Title: "Add to the workspace", DefaultDirectory: home}
	var path string
	var err error
	switch what {
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
	if err != nil {
		return "", engine.Errorf(engine.Unavailable, "open the dialog", "%w", err)
	}
	if path == "" {
		return "", nil
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

// Package desktop is the window as tidemark sees it: a program of its own,
// tidemark-window (app/desktop/window), that is a browser of the system's own
// on the same page, from the same server, as any browser. What only a window
// can do (menus, dialogs, files dropped on it) comes from it over a pipe
// (app/desktop/wire) and is told to the page over its stream of events; the
// page knows nothing of the window's toolkit.
//
// This package links no toolkit, and the window's program nothing of the
// engine: so a query pays for no window, and a window for no database.
package desktop

import (
	"errors"
	"io"
)

// ErrNone is what Find gives where the window's program is not installed.
var ErrNone = errors.New("its program, " + program + ", is not there")

// Options are what a window shows and tells.
type Options struct {
	// Title names the workspace.
	Title string
	// URL is the page with its token.
	URL string
	// StateFile keeps the window's size from one time to the next.
	StateFile string
	Icon      []byte
	// Command tells the page what the user chose from the menu.
	Command func(name, path string)
	// Dropped tells the page that files were dropped on the window.
	Dropped func(paths []string)
	// GPU lets the window draw with the graphics card: "never" (which is
	// quicker where there is none), "ondemand" or "always".
	GPU string
	// Stderr takes what the window's program and its toolkit print.
	Stderr io.Writer
}

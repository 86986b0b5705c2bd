// Package desktop is the window: a browser of the system's own that shows the
// same page, from the same server, as a browser does. What only a window can
// do (menus, dialogs, files dropped on it) is done here, in Go, and told to
// the page over its stream of events; the page knows nothing of the window's
// toolkit.
//
// Programs built without the tag desktop have no window and link no toolkit.
package desktop

import "errors"

// ErrNone is what Run gives in a program that was built without a window.
var ErrNone = errors.New("this program was built without its window")

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
}

// size is what StateFile holds.
type size struct {
	Width     int  `json:"width"`
	Height    int  `json:"height"`
	Maximised bool `json:"maximised"`
}

const (
	startWidth, startHeight = 1360, 860
	leastWidth, leastHeight = 760, 480
)

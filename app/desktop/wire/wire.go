// Package wire is what tidemark and the program of its window say to each
// other: lines of JSON over two pipes. tidemark writes orders, which the window
// reads from its stdin; the window writes events to its file 3 (EventsFile),
// so that what a library prints to stdout is not taken for one.
//
//	tidemark                          tidemark-window
//	{"kind":"open","open":{…}}   →
//	                             ←    {"kind":"ready"}
//	{"kind":"show"}              →
//	{"kind":"ask","id":1,…}      →
//	                             ←    {"kind":"answer","id":1,"path":"/x"}
//	                             ←    {"kind":"command","name":"pull"}
//	                             ←    {"kind":"dropped","paths":["/x"]}
//	{"kind":"quit"}              →
//	                             ←    {"kind":"closed"}
//
// The first order is open, and the last event closed or failed. The end of the
// orders means quit: no window outlives the process whose page it shows. The
// page's address holds the token of the launch, so it goes through the pipe
// and never over a command line or the environment, which others can read.
package wire

import (
	"errors"
	"fmt"
	"slices"
)

// Version is the version of what is said here. Both programs come from one
// build; a window of another build that is found instead says so. 2 brought
// the dialog for workspaces.
const Version = 2

// EventsFile is the file descriptor that the window writes its events to.
const EventsFile = 3

// OrderKind says what the window is to do.
type OrderKind string

// The orders.
const (
	Open OrderKind = "open" // open the window, as Order.Open says
	Show OrderKind = "show" // bring it to the front
	Ask  OrderKind = "ask"  // let the user choose What; the answer has the same ID
	Quit OrderKind = "quit" // close it
)

// Order is what tidemark tells the window.
type Order struct {
	Kind OrderKind `json:"kind"`
	Open *Opening  `json:"open,omitempty"`
	ID   int64     `json:"id,omitempty"`
	// What is chosen: "file", "folder", "plugin" or "workspace".
	What string `json:"what,omitempty"`
}

// Opening is what the window shows.
type Opening struct {
	// Protocol is the Version of who says this.
	Protocol int    `json:"protocol"`
	Title    string `json:"title"`
	// URL is the page with its token.
	URL string `json:"url"`
	// StateFile keeps the window's size from one time to the next; "" keeps none.
	StateFile string `json:"state_file,omitempty"`
	// GPU lets the window draw with the graphics card: "never", "ondemand" or "always".
	GPU string `json:"gpu,omitempty"`
	// Icon is a PNG.
	Icon []byte `json:"icon,omitempty"`
}

// EventKind says what happened.
type EventKind string

// The events. Closed and Failed are the last that a window says.
const (
	Ready   EventKind = "ready"   // the window is there
	Command EventKind = "command" // the user chose Name (of Path) from the menu
	Dropped EventKind = "dropped" // files at Paths were dropped on it
	Answer  EventKind = "answer"  // the user chose Path, or nothing: "". Message says why they could not
	Closed  EventKind = "closed"  // the user closed it, or it was told to
	Failed  EventKind = "failed"  // Message says why there is no window
)

// Event is what the window tells tidemark.
type Event struct {
	Kind    EventKind `json:"kind"`
	Name    string    `json:"name,omitempty"`
	Path    string    `json:"path,omitempty"`
	Paths   []string  `json:"paths,omitempty"`
	ID      int64     `json:"id,omitempty"`
	Message string    `json:"message,omitempty"`
}

// message is what can be read and written: it says what it lacks.
type message interface{ check() error }

func (o Order) check() error {
	switch o.Kind {
	case Open:
		if o.Open == nil || o.Open.URL == "" {
			return errors.New("open names no page")
		}
	case Ask:
		if o.ID <= 0 {
			return errors.New("ask has no id")
		}
		if !slices.Contains([]string{"file", "folder", "plugin", "workspace"}, o.What) {
			return fmt.Errorf("there is no dialog for %q", o.What)
		}
	case Show, Quit:
	default:
		return fmt.Errorf("there is no order %q", o.Kind)
	}
	return nil
}

func (e Event) check() error {
	switch e.Kind {
	case Command:
		if e.Name == "" {
			return errors.New("command has no name")
		}
	case Dropped:
		if len(e.Paths) == 0 {
			return errors.New("dropped names no file")
		}
	case Answer:
		if e.ID <= 0 {
			return errors.New("answer has no id")
		}
	case Failed:
		if e.Message == "" {
			return errors.New("failed says nothing")
		}
	case Ready, Closed:
	default:
		return fmt.Errorf("there is no event %q", e.Kind)
	}
	return nil
}

//go:build !desktop

package desktop

import "context"

// Available says whether this program has a window.
const Available = false

// Window is the window of a program that has none.
type Window struct{}

// New makes no window.
func New() *Window { return &Window{} }

// Run fails with ErrNone.
func (*Window) Run(context.Context, Options) error { return ErrNone }

// Show does nothing.
func (*Window) Show() {}

// Open fails with ErrNone.
func (*Window) Open(context.Context, string) (string, error) { return "", ErrNone }

//go:build !desktop

package main

import (
	"context"
	"errors"

	"tidemark.dev/tidemark/app/desktop/wire"
)

var errNone = errors.New("its program was built without the tag desktop, which brings the toolkit")

// none is the toolkit of a program without one.
type none struct{}

func newToolkit() toolkit { return none{} }

func (none) run(context.Context, wire.Opening, func(wire.Event)) error { return errNone }
func (none) show()                                                     {}
func (none) choose(string) (string, error)                             { return "", errNone }

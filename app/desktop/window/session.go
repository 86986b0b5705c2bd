package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"tidemark.dev/tidemark/app/desktop/wire"
)

// grace is how long the toolkit may take to close the window before the
// program ends without it.
const grace = 10 * time.Second

// toolkit is what draws the window. All but run may be called from any
// goroutine, and before run.
type toolkit interface {
	// run shows the window until it is closed or ctx ends, on the goroutine
	// that it is called from, and tells what happens.
	run(ctx context.Context, o wire.Opening, tell func(wire.Event)) error
	// show brings the window to the front.
	show()
	// choose lets the user choose, as wire.Ask says.
	choose(what string) (string, error)
}

// session is one window, from open to its last event.
type session struct {
	toolkit toolkit
	out     *wire.Writer[wire.Event]
	exit    func(code int)
}

// serve does what the orders say and gives the exit code.
func (s *session) serve(orders io.Reader) int {
	in := wire.NewReader[wire.Order](orders)
	o, err := opening(in)
	if err != nil {
		return s.over(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		s.follow(in)
		cancel()
		time.AfterFunc(grace, func() { s.exit(1) })
	}()
	return s.over(s.run(ctx, o))
}

// opening reads the first order.
func opening(in *wire.Reader[wire.Order]) (wire.Opening, error) {
	first, err := in.Read()
	switch {
	case err != nil:
		return wire.Opening{}, fmt.Errorf("the first order: %w", err)
	case first.Kind != wire.Open:
		return wire.Opening{}, fmt.Errorf("the first order is %s, not %s", first.Kind, wire.Open)
	case first.Open.Protocol != wire.Version:
		return wire.Opening{}, fmt.Errorf("tidemark speaks version %d of the protocol and its window version %d: they are of different builds", first.Open.Protocol, wire.Version)
	}
	return *first.Open, nil
}

// follow does what the orders say until one says quit, or there are no more:
// then the process that served the page is gone.
func (s *session) follow(in *wire.Reader[wire.Order]) {
	for {
		o, err := in.Read()
		if err != nil {
			return
		}
		switch o.Kind {
		case wire.Quit:
			return
		case wire.Show:
			s.toolkit.show()
		case wire.Ask:
			go s.answer(o)
		}
	}
}

func (s *session) answer(o wire.Order) {
	path, err := s.toolkit.choose(o.What)
	e := wire.Event{Kind: wire.Answer, ID: o.ID, Path: path}
	if err != nil {
		e.Message = err.Error()
	}
	s.tell(e)
}

// tell says what happened. If nobody listens any more, follow sees it, too.
func (s *session) tell(e wire.Event) {
	err := s.out.Write(e)
	if errors.Is(err, wire.ErrTooLong) {
		_ = s.out.Write(wire.Event{Kind: wire.Failed, Message: fmt.Sprintf("%s: %v", e.Kind, err)})
	}
}

// run shows the window; the toolkit panics where it finds no display.
func (s *session) run(ctx context.Context, o wire.Opening) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return s.toolkit.run(ctx, o, s.tell)
}

// over says the last word.
func (s *session) over(err error) int {
	if err != nil {
		s.tell(wire.Event{Kind: wire.Failed, Message: err.Error()})
		return 1
	}
	s.tell(wire.Event{Kind: wire.Closed})
	return 0
}

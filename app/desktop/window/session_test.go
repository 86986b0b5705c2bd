package main

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"tidemark.dev/tidemark/app/desktop/wire"
)

// drawn is a toolkit that draws nothing: its window is open until ctx ends or
// the test closes it.
type drawn struct {
	opened chan wire.Opening
	shown  chan struct{}
	close  chan error
	tell   func(wire.Event)
}

func newDrawn() *drawn {
	return &drawn{opened: make(chan wire.Opening, 1), shown: make(chan struct{}, 1), close: make(chan error)}
}

func (d *drawn) run(ctx context.Context, o wire.Opening, tell func(wire.Event)) error {
	if o.Title == "no display" {
		panic(errors.New("failed to init GTK"))
	}
	d.tell = tell
	d.opened <- o
	select {
	case <-ctx.Done():
		return nil
	case err := <-d.close:
		return err
	}
}

func (d *drawn) show() { d.shown <- struct{}{} }

func (d *drawn) choose(what string) (string, error) {
	switch what {
	case "folder":
		return "", errors.New("the toolkit cannot")
	case "plugin":
		return "", nil
	}
	return "/chosen " + what, nil
}

// both is a session whose other end the test has.
type both struct {
	toolkit *drawn
	orders  *wire.Writer[wire.Order]
	pipe    io.Closer // of the orders
	events  *wire.Reader[wire.Event]
	code    chan int
}

func begin(t *testing.T) *both {
	t.Helper()
	in, orders := io.Pipe()
	events, out := io.Pipe()
	b := &both{
		toolkit: newDrawn(), orders: wire.NewWriter[wire.Order](orders), pipe: orders,
		events: wire.NewReader[wire.Event](events), code: make(chan int, 1),
	}
	s := &session{toolkit: b.toolkit, out: wire.NewWriter[wire.Event](out), exit: func(int) {}}
	go func() { b.code <- s.serve(in); _ = out.Close() }()
	t.Cleanup(func() { _ = orders.Close(); _ = events.Close() })
	return b
}

func (b *both) order(t *testing.T, o wire.Order) {
	t.Helper()
	if err := b.orders.Write(o); err != nil {
		t.Fatal(err)
	}
}

func (b *both) want(t *testing.T, want wire.Event) {
	t.Helper()
	if got, err := b.events.Read(); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("the window said %+v (%v), want %+v", got, err, want)
	}
}

var page = wire.Opening{Protocol: wire.Version, Title: "shop", URL: "http://127.0.0.1:1/#k=x"}

func TestSession(t *testing.T) {
	t.Parallel()
	b := begin(t)
	b.order(t, wire.Order{Kind: wire.Open, Open: &page})
	if o := <-b.toolkit.opened; !reflect.DeepEqual(o, page) {
		t.Errorf("opened %+v", o)
	}
	b.order(t, wire.Order{Kind: wire.Show})
	<-b.toolkit.shown
	b.order(t, wire.Order{Kind: wire.Ask, ID: 4, What: "file"})
	b.want(t, wire.Event{Kind: wire.Answer, ID: 4, Path: "/chosen file"})
	b.order(t, wire.Order{Kind: wire.Ask, ID: 5, What: "plugin"})
	b.want(t, wire.Event{Kind: wire.Answer, ID: 5})
	b.order(t, wire.Order{Kind: wire.Ask, ID: 6, What: "folder"})
	b.want(t, wire.Event{Kind: wire.Answer, ID: 6, Message: "the toolkit cannot"})
	go b.toolkit.tell(wire.Event{Kind: wire.Dropped, Paths: []string{strings.Repeat("x", wire.MaxLine)}})
	if e, err := b.events.Read(); err != nil || e.Kind != wire.Failed || !strings.Contains(e.Message, "dropped: a message is too long") {
		t.Errorf("a drop of too much: %+v %v", e, err)
	}
	b.order(t, wire.Order{Kind: wire.Quit})
	b.want(t, wire.Event{Kind: wire.Closed})
	if code := <-b.code; code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestTheEndOfASession: who closes the window, and how.
func TestTheEndOfASession(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		end  func(*both)
		want wire.Event
		code int
	}{
		"the user":           {func(b *both) { b.toolkit.close <- nil }, wire.Event{Kind: wire.Closed}, 0},
		"tidemark is gone":   {func(b *both) { _ = b.pipe.Close() }, wire.Event{Kind: wire.Closed}, 0},
		"the toolkit":        {func(b *both) { b.toolkit.close <- errors.New("broken") }, wire.Event{Kind: wire.Failed, Message: "broken"}, 1},
		"a second open page": {func(b *both) { _ = b.orders.Write(wire.Order{Kind: wire.Open, Open: &page}); _ = b.pipe.Close() }, wire.Event{Kind: wire.Closed}, 0},
	} {
		b := begin(t)
		b.order(t, wire.Order{Kind: wire.Open, Open: &page})
		<-b.toolkit.opened
		test.end(b)
		b.want(t, test.want)
		if code := <-b.code; code != test.code {
			t.Errorf("%s: exit code %d", name, code)
		}
	}
}

func TestASessionThatDoesNotBegin(t *testing.T) {
	t.Parallel()
	other, dark := page, page
	other.Protocol++
	dark.Title = "no display"
	for want, first := range map[string]wire.Order{
		"the first order is show":         {Kind: wire.Show},
		"they are of different builds":    {Kind: wire.Open, Open: &other},
		"failed to init GTK":              {Kind: wire.Open, Open: &dark},
		"the first order is quit, not op": {Kind: wire.Quit},
	} {
		b := begin(t)
		b.order(t, first)
		if e, err := b.events.Read(); err != nil || e.Kind != wire.Failed || !strings.Contains(e.Message, want) {
			t.Errorf("%+v %v, want %q", e, err, want)
		}
		if code := <-b.code; code != 1 {
			t.Errorf("%s: exit code %d", want, code)
		}
	}
	b := begin(t)
	_ = b.pipe.Close()
	b.want(t, wire.Event{Kind: wire.Failed, Message: "the first order: EOF"})
}

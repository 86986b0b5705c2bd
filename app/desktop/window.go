package desktop

import (
	"context"
	"errors"
	"io"
	"sync"

	"tidemark.dev/tidemark/app/desktop/wire"
	"tidemark.dev/tidemark/engine"
)

// Instead is what to do where there is no window.
const Instead = "tidemark serve shows the same in a browser"

// Window is the window. Show and Open may be called from any goroutine.
type Window struct {
	program string

	mu    sync.Mutex
	child *child // nil before and after Run
	last  int64  // the id of the newest dialog
	asked map[int64]chan wire.Event
}

// New makes a window that is not shown yet, of the program that Find gave.
func New(program string) *Window {
	return &Window{program: program, asked: map[int64]chan wire.Event{}}
}

// Run shows the window and returns when it was closed, or ctx ended. The
// window's program has ended then, and its last word, if that is of a failure
// or lacking, is the error.
func (w *Window) Run(ctx context.Context, o Options) error {
	c, err := start(w.program, o.Stderr)
	if err != nil {
		return engine.Errorf(engine.Unavailable, "open the window", "%w", err).WithHint(Instead)
	}
	w.set(c)
	defer w.set(nil)
	stop := context.AfterFunc(ctx, c.quit)
	defer stop()
	// An order that is not taken shows in what the program says, or does not.
	_ = c.tell(wire.Order{Kind: wire.Open, Open: &wire.Opening{
		Protocol: wire.Version, Title: o.Title, URL: o.URL, StateFile: o.StateFile, GPU: o.GPU, Icon: o.Icon,
	}})
	last, err := w.listen(c, o)
	exit := c.end()
	if ctx.Err() != nil {
		return nil
	}
	return over(last, err, exit)
}

// said is what the window's program said in the end.
type said struct {
	ready bool // the window was there
	last  wire.Event
}

// listen passes on what the window says until its last word.
func (w *Window) listen(c *child, o Options) (said, error) {
	var s said
	in := wire.NewReader[wire.Event](c.events)
	for {
		e, err := in.Read()
		if err != nil {
			return s, err
		}
		switch e.Kind {
		case wire.Ready:
			s.ready = true
		case wire.Command:
			o.Command(e.Name, e.Path)
		case wire.Dropped:
			o.Dropped(e.Paths)
		case wire.Answer:
			w.answered(e)
		case wire.Closed, wire.Failed:
			s.last = e
			return s, nil
		}
	}
}

// over makes an error of a window's end: of what it said last, of what could
// not be read, and of how its process ended.
func over(s said, broken, exit error) error {
	switch {
	case s.last.Kind == wire.Closed:
		return nil
	case s.last.Kind == wire.Failed:
		return engine.Errorf(engine.Unavailable, "open the window", "%s", s.last.Message).WithHint(Instead)
	case broken != nil && !errors.Is(broken, io.EOF) && !errors.Is(broken, io.ErrUnexpectedEOF):
		return engine.Errorf(engine.Unavailable, "show the window", "its program is not understood: %w", broken).
			WithHint("%s and %s have to be of one build", "tidemark", program)
	case exit == nil:
		exit = errors.New("without a word")
	}
	e := engine.Errorf(engine.Unavailable, "show the window", "its program ended: %w", exit)
	if s.ready {
		return e.WithHint("nothing is lost: start it again; %s", Instead)
	}
	return e.WithHint("it needs WebKitGTK 4.1 on Linux (apt-get install libwebkit2gtk-4.1-0); %s", Instead)
}

func (w *Window) set(c *child) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.child = c
}

func (w *Window) running() *child {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.child
}

// Show brings the window to the front.
func (w *Window) Show() {
	if c := w.running(); c != nil {
		_ = c.tell(wire.Order{Kind: wire.Show})
	}
}

// Open asks the user for a file ("file"), a folder ("folder"), a plugin
// ("plugin") or a workspace ("workspace"), and gives "" when they change their mind. A dialog that is open
// when ctx ends stays, and what is chosen there counts for nothing.
func (w *Window) Open(ctx context.Context, what string) (string, error) {
	const op = "open the dialog"
	c := w.running()
	if c == nil {
		return "", engine.Errorf(engine.Unavailable, op, "there is no window")
	}
	id, answer := w.ask()
	defer w.forget(id)
	if err := c.tell(wire.Order{Kind: wire.Ask, ID: id, What: what}); err != nil {
		return "", engine.Errorf(engine.Unavailable, op, "%w", err)
	}
	select {
	case e := <-answer:
		if e.Message != "" {
			return "", engine.Errorf(engine.Unavailable, op, "%s", e.Message)
		}
		return e.Path, nil
	case <-c.exited:
		return "", engine.Errorf(engine.Unavailable, op, "the window was closed")
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (w *Window) ask() (int64, <-chan wire.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last++
	answer := make(chan wire.Event, 1)
	w.asked[w.last] = answer
	return w.last, answer
}

func (w *Window) forget(id int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.asked, id)
}

// answered hands an answer to who asked, once, if they still wait.
func (w *Window) answered(e wire.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if answer, waits := w.asked[e.ID]; waits {
		delete(w.asked, e.ID)
		answer <- e
	}
}

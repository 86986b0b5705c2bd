package server

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tidemark.dev/tidemark/engine/store/spool"
)

const (
	// eventTick is how long events gather before they are sent: browsers take
	// a few large pieces much better than many small ones.
	eventTick = 30 * time.Millisecond
	// heartbeat keeps a quiet stream alive, and finds out who is gone.
	heartbeat = 10 * time.Second
)

// Event is one line of the event stream. Which members it has depends on its
// type.
type Event struct {
	Type    string `json:"type" enum:"hello,alive,files,data,command"`
	Version string `json:"version,omitempty" doc:"hello: of the program."`
	Started string `json:"started,omitempty" doc:"hello: when the server started; another one has another time."`
	// Paths, of files, are relative with slashes.
	Paths   []string `json:"paths,omitempty" doc:"files: what changed on disk."`
	Dataset string   `json:"dataset,omitempty" doc:"data: its rows changed."`
	Name    string   `json:"name,omitempty" doc:"command: palette, open, ..."`
	Path    string   `json:"path,omitempty" doc:"command: what it is about."`
}

// QueryEvent says how far a query is.
type QueryEvent struct {
	Type  string      `json:"type" enum:"query"`
	ID    string      `json:"id"`
	Rows  int64       `json:"rows"`
	State spool.State `json:"state" enum:"running,done,canceled,failed,stopped"`
}

// PullEvent says how far a pull is.
type PullEvent struct {
	Type string `json:"type" enum:"pull"`
	PullState
}

// events hands what happens to every page that listens.
type events struct {
	mu      sync.Mutex
	streams map[*stream]bool
	left    time.Time // when the last stream ended
}

// stream is what one page has not been sent yet. Of events with the same key
// only the last is kept, so that it stays small.
type stream struct {
	wake  chan struct{}
	mu    sync.Mutex
	queue []queued
}

type queued struct {
	key  string
	line []byte
}

func newEvents() *events { return &events{streams: map[*stream]bool{}, left: time.Now()} }

// publish sends an event to every page. An event with a key takes the place
// of one with the same key that has not been sent.
func (e *events) publish(key string, event any) {
	line, err := json.Marshal(event)
	if err != nil {
		panic(err) // our own structs
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for s := range e.streams {
		s.add(queued{key, append(line, '\n')})
	}
}

func (s *stream) add(q queued) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.queue, func(o queued) bool { return q.key != "" && o.key == q.key }); i >= 0 {
		s.queue = slices.Delete(s.queue, i, i+1)
	}
	s.queue = append(s.queue, q)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take empties the queue.
func (s *stream) take() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []byte
	for _, q := range s.queue {
		out = append(out, q.line...)
	}
	s.queue = nil
	return out
}

// listen adds a page. The function it gives ends that.
func (e *events) listen() (*stream, func()) {
	s := &stream{wake: make(chan struct{}, 1)}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.streams[s] = true
	return s, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.streams, s)
		e.left = time.Now()
	}
}

// unheard reports whether no page has listened since a time.
func (e *events) unheard(since time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.streams) == 0 && e.left.Before(since)
}

func (s *Server) eventsAPI() {
	handleStream(s, huma.Operation{Method: "GET", Path: "/events", OperationID: "events", Summary: "What happens, a line of JSON each, until the request ends"},
		map[string]any{typeNDJSON: oneOf{Event{}, QueryEvent{}, PullEvent{}, TailEvent{}}}, func(ctx context.Context, _ *struct{}) (answer, error) {
			return func(w http.ResponseWriter) error { return s.stream(ctx, w) }, nil
		})
}

// Command tells every page about a command of the window: a menu, a drop.
func (s *Server) Command(name, path string) {
	s.events.publish("", Event{Type: "command", Name: name, Path: path})
}

func (s *Server) stream(ctx context.Context, w http.ResponseWriter) error {
	own, end := s.events.listen()
	defer end()
	w.Header().Set("Content-Type", typeNDJSON)
	hello, err := json.Marshal(Event{Type: "hello", Version: s.opt.Version, Started: s.started.UTC().Format(time.RFC3339Nano)})
	if err != nil {
		return err
	}
	out := http.NewResponseController(w)
	send := func(lines []byte) error {
		if _, err := w.Write(lines); err != nil {
			return err
		}
		return out.Flush()
	}
	if err := send(append(hello, '\n')); err != nil {
		return err
	}
	alive := time.NewTicker(heartbeat)
	defer alive.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.ctx.Done():
			return nil
		case <-alive.C:
			err = send([]byte(`{"type":"alive"}` + "\n"))
		case <-own.wake:
			select {
			case <-time.After(eventTick):
			case <-ctx.Done():
				return nil
			}
			err = send(own.take())
		}
		if err != nil {
			return nil // the page is gone
		}
	}
}

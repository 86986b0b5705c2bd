package plugins_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
	. "tidemark.dev/tidemark/plugins/internal/wasmtest"

	"tidemark.dev/tidemark/plugins"
)

// meeting counts how many calls are inside of it at once: a plugin that logs
// waits here until as many have come as are wanted, if any are.
type meeting struct {
	now, most, wanted atomic.Int64
	once              sync.Once
	full              chan struct{}
}

func newMeeting() *meeting { return &meeting{full: make(chan struct{})} }

func (*meeting) Enabled(context.Context, slog.Level) bool { return true }
func (m *meeting) WithAttrs([]slog.Attr) slog.Handler     { return m }
func (m *meeting) WithGroup(string) slog.Handler          { return m }

func (m *meeting) Handle(context.Context, slog.Record) error {
	now := m.now.Add(1)
	defer m.now.Add(-1)
	for most := m.most.Load(); now > most && !m.most.CompareAndSwap(most, now); most = m.most.Load() {
	}
	wanted := m.wanted.Load()
	if wanted == 0 {
		return nil
	}
	if now >= wanted {
		m.once.Do(func() { close(m.full) })
	}
	select {
	case <-m.full:
	case <-time.After(patience):
	}
	return nil
}

// logging is a plugin that logs a line in each call.
func logging() []byte {
	empty := frame(0, src(), emptyText())
	m := some(empty)
	m.Imports = []Import{{Module: "tidemark", Name: "log", Params: i32i32i32}}
	for i, f := range m.Funcs {
		if f.Name == "tm_call" {
			m.Funcs[i].Code = Code(Const32(1), Const32(manifestAt), Const32(4), Call(0), Packed(emptyAt, uint32(len(empty))))
		}
	}
	return m.Bytes()
}

func TestInstancesAreBounded(t *testing.T) {
	for _, bound := range []int{1, 3} {
		m := newMeeting()
		host := must(plugins.NewHost(t.Context(), plugins.Options{MaxInstances: bound, Logger: slog.New(m)}))
		p := must(host.Load(t.Context(), "logging", logging(), plugins.Settings{Deadline: patience}))
		m.wanted.Store(int64(bound)) // loading it has called it once
		var callers sync.WaitGroup
		for range 12 {
			callers.Go(func() {
				if _, err := p.Transform(context.Background(), []engine.Column{texts("message", "a")}, 1); err != nil {
					t.Error(err)
				}
			})
		}
		callers.Wait()
		if most := m.most.Load(); most != int64(bound) {
			t.Errorf("%d instances ran at once, not %d", most, bound)
		}
		p.Close(context.Background())
		host.Close(context.Background())
	}
}

// A caller that waits for an instance can be called off.
func TestWaitingForAnInstanceIsCancelled(t *testing.T) {
	m := newMeeting()
	host := must(plugins.NewHost(t.Context(), plugins.Options{MaxInstances: 1, Logger: slog.New(m)}))
	defer host.Close(context.Background())
	endless := some(nil)
	endless.Imports = []Import{{Module: "tidemark", Name: "log", Params: i32i32i32}}
	for i, f := range endless.Funcs {
		if f.Name == "tm_call" { // only once there is a row, so that it loads
			endless.Funcs[i].Code = Code(Get(1), Load32(8), If(Const32(1), Const32(manifestAt), Const32(4), Call(0), Forever()), Packed(emptyAt, uint32(len(frame(0, src(), emptyText())))))
		}
	}
	p := must(host.Load(t.Context(), "endless", endless.Bytes(), plugins.Settings{Deadline: patience}))
	defer p.Close(context.Background())
	one := []engine.Column{texts("message", "a")}

	m.wanted.Store(1)
	busy, release := context.WithCancel(t.Context())
	var first sync.WaitGroup
	first.Go(func() { p.Transform(busy, one, 1) })
	<-m.full // it has the instance
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := p.Transform(ctx, one, 1)
	if engine.KindOf(err) != engine.Canceled {
		t.Error(err)
	}
	if most := m.most.Load(); most != 1 {
		t.Errorf("%d calls ran at once", most)
	}
	release()
	first.Wait()
}

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
// waits here.
type meeting struct{ now, most atomic.Int64 }

func (*meeting) Enabled(context.Context, slog.Level) bool { return true }
func (m *meeting) WithAttrs([]slog.Attr) slog.Handler     { return m }
func (m *meeting) WithGroup(string) slog.Handler          { return m }

func (m *meeting) Handle(context.Context, slog.Record) error {
	now := m.now.Add(1)
	defer m.now.Add(-1)
	for most := m.most.Load(); now > most && !m.most.CompareAndSwap(most, now); most = m.most.Load() {
	}
	time.Sleep(5 * time.Millisecond)
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
		m := &meeting{}
		host := must(plugins.NewHost(t.Context(), plugins.Options{MaxInstances: bound, Logger: slog.New(m)}))
		p := must(host.Load(t.Context(), "logging", logging(), plugins.Settings{}))
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
	host := must(plugins.NewHost(t.Context(), plugins.Options{MaxInstances: 1}))
	defer host.Close(context.Background())
	endless := some(nil)
	for i, f := range endless.Funcs {
		if f.Name == "tm_call" { // only once there is a row, so that it loads
			endless.Funcs[i].Code = Code(Get(1), Load32(8), If(Forever()), Packed(emptyAt, uint32(len(frame(0, src(), emptyText())))))
		}
	}
	p := must(host.Load(t.Context(), "endless", endless.Bytes(), plugins.Settings{Deadline: 30 * time.Second}))
	defer p.Close(context.Background())
	one := []engine.Column{texts("message", "a")}

	busy, release := context.WithCancel(t.Context())
	var first sync.WaitGroup
	first.Go(func() { p.Transform(busy, one, 1) })
	time.Sleep(50 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	started := time.Now()
	_, err := p.Transform(ctx, one, 1)
	if engine.KindOf(err) != engine.Canceled || time.Since(started) > patience {
		t.Errorf("%v after %v", err, time.Since(started))
	}
	release()
	first.Wait()
}

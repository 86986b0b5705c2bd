package plugins

import (
	"context"
	"sync"
)

// holds counts who uses a plugin, so that one that was replaced lives until
// the last of them is done.
type holds struct {
	mu      sync.Mutex
	n       int
	retired bool
}

// Hold keeps the plugin from being closed until release is called.
func (p *Plugin) Hold() (release func()) {
	p.holds.mu.Lock()
	p.holds.n++
	p.holds.mu.Unlock()
	return sync.OnceFunc(func() { p.let(-1, false) })
}

// Retire closes the plugin once nobody holds it.
func (p *Plugin) Retire() { p.let(0, true) }

func (p *Plugin) let(change int, retire bool) {
	p.holds.mu.Lock()
	p.holds.n += change
	p.holds.retired = p.holds.retired || retire
	last := p.holds.retired && p.holds.n == 0
	p.holds.mu.Unlock()
	if last {
		_ = p.Close(context.Background()) // nothing of it is used any more
	}
}

package workbench

import (
	"context"
	"sync"
	"time"
)

const (
	// firstOf is for how long a question comes before the tails; one that takes
	// longer shares the machine with them.
	firstOf = 250 * time.Millisecond
	// asideMost is how long a tail stands aside in one go, and never longer than
	// it has worked since the last time: half of the time is its own.
	asideMost = 100 * time.Millisecond
)

// asking knows of the questions that somebody waits for. Its methods may be
// called from several goroutines.
type asking struct {
	mu     sync.Mutex
	open   int
	newest time.Time     // when the last of them began
	quiet  chan struct{} // closed when there is none any more
	worked time.Time     // since when tails have been at work
}

// begin says that somebody waits for an answer, until end is called.
func (a *asking) begin() (end func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open == 0 {
		a.quiet = make(chan struct{})
	}
	a.open++
	a.newest = time.Now()
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.open--; a.open == 0 {
			close(a.quiet)
		}
	}
}

// aside lets the questions that have just been asked come first. It is called
// by what catches up, before each piece of its work.
func (a *asking) aside(ctx context.Context) {
	a.mu.Lock()
	open, quiet := a.open, a.quiet
	most := min(asideMost, firstOf-time.Since(a.newest), time.Since(a.worked))
	a.mu.Unlock()
	if open == 0 || most <= 0 {
		return
	}
	wait := time.NewTimer(most)
	defer wait.Stop()
	select {
	case <-quiet:
	case <-wait.C:
	case <-ctx.Done():
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.worked = time.Now()
}

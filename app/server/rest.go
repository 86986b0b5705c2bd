package server

import (
	"runtime/debug"
	"time"
)

// restAfter is how long no query must have run before memory is given back.
// Sooner, somebody who looks around would pay for it at every step.
const restAfter = 5 * time.Second

// rest gives what a backtest or a large result took back to the system once
// nobody asks for anything; by itself Go keeps half as much again for minutes.
func (q *queries) rest() {
	if len(q.slots) == 0 {
		debug.FreeOSMemory()
	}
}

// leave ends a turn that enter gave.
func (q *queries) leave() {
	<-q.slots
	if len(q.slots) == 0 {
		q.resting.Reset(restAfter)
	}
}

package pipeline

import "sync"

// stack keeps what is not in use. What was in use last is taken first: it is the
// likeliest to be in a processor's cache.
type stack[T any] struct {
	mu   sync.Mutex
	idle []T
}

// take takes one, if there is one.
func (s *stack[T]) take() (x T, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.idle) - 1
	if n < 0 {
		return x, false
	}
	x = s.idle[n]
	s.idle = s.idle[:n]
	return x, true
}

func (s *stack[T]) put(x T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, x)
}

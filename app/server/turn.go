package server

import (
	"context"

	"tidemark.dev/tidemark/engine"
)

// enter waits for the turn of a query. The function it gives ends that.
func (q *queries) enter(ctx context.Context) (leave func(), err error) {
	select {
	case q.slots <- struct{}{}:
		return q.leave, nil
	default:
	}
	q.mu.Lock()
	if q.waiting >= maxWaiting {
		q.mu.Unlock()
		return nil, engine.Errorf(engine.Unavailable, "query", "%d queries run and %d wait", maxRunning, maxWaiting).
			WithHint("wait for one to end, or cancel one")
	}
	q.waiting++
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		q.waiting--
		q.mu.Unlock()
	}()
	select {
	case q.slots <- struct{}{}:
		return q.leave, nil
	case <-ctx.Done():
		return nil, canceled("query")
	}
}

// inTurn makes a handler that asks the database wait for its turn, like a
// query.
func inTurn[I, O any](s *Server, fn func(context.Context, *I) (O, error)) func(context.Context, *I) (O, error) {
	return func(ctx context.Context, in *I) (out O, err error) {
		leave, err := s.queries.enter(ctx)
		if err != nil {
			return out, err
		}
		defer leave()
		return fn(ctx, in)
	}
}

// load counts the queries that run and that wait.
func (q *queries) load() (running, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.slots), q.waiting
}

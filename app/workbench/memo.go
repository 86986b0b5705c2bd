package workbench

import (
	"strconv"
	"sync"
)

// memo remembers answers that hold as long as the data stays as it is.
type memo struct {
	// limit is how many answers are kept; 0 is memoEntries.
	limit    int
	mu       sync.Mutex
	revision int64
	answers  map[string]any
}

const (
	memoEntries = 256
	// memoBacktests is smaller, for a backtest lists every window.
	memoBacktests = 16
	// memoSeries is small, for windows are many.
	memoSeries = 3
)

// cached gives the answer to key from memory, or computes it. A failure is
// not remembered.
func cached[T any](b *Workbench, key string, compute func() (T, error)) (T, error) {
	return cachedIn(b, &b.memo, key, compute)
}

func cachedIn[T any](b *Workbench, m *memo, key string, compute func() (T, error)) (T, error) {
	revision := b.Store.Revision()
	if v, ok := m.get(revision, key); ok {
		return v.(T), nil
	}
	v, err := compute()
	if err == nil {
		m.put(revision, key, v)
	}
	return v, err
}

func (m *memo) get(revision int64, key string) (any, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.revision != revision {
		return nil, false
	}
	v, ok := m.answers[key]
	return v, ok
}

func (m *memo) put(revision int64, key string, v any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	limit := m.limit
	if limit == 0 {
		limit = memoEntries
	}
	if m.answers == nil || m.revision != revision || len(m.answers) >= limit {
		m.revision, m.answers = revision, map[string]any{}
	}
	m.answers[key] = v
}

// quoted joins the parts of a key so that no two lists of parts look alike.
func quoted(parts ...string) string {
	var b []byte
	for _, p := range parts {
		b = append(strconv.AppendQuote(b, p), ',')
	}
	return string(b)
}

package workbench

import (
	"strconv"
	"sync"
)

// memoEntries is how many answers are remembered.
const memoEntries = 256

// memo remembers answers that hold as long as the data stays as it is.
type memo struct {
	mu       sync.Mutex
	revision int64
	answers  map[string]any
}

// cached gives the answer to key from memory, or computes it. A failure is
// not remembered.
func cached[T any](b *Workbench, key string, compute func() (T, error)) (T, error) {
	revision := b.Store.Revision()
	if v, ok := b.memo.get(revision, key); ok {
		return v.(T), nil
	}
	v, err := compute()
	if err == nil {
		b.memo.put(revision, key, v)
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
	if m.answers == nil || m.revision != revision || len(m.answers) >= memoEntries {
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

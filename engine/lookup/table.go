package lookup

import (
	"context"
	"encoding/json"

	"tidemark.dev/tidemark/engine"
)

// Bounds of a table, which is held in memory.
const (
	MaxRows  = 1_000_000
	MaxBytes = 256 << 20
)

// Table is a source in memory. It is filled by one goroutine and then read by
// any number.
type Table struct {
	rows  map[string][]json.RawMessage
	bytes int64
}

// NewTable gives an empty table.
func NewTable() *Table { return &Table{rows: map[string][]json.RawMessage{}} }

// Add puts a row in. Of several with one key the first counts.
func (t *Table) Add(key []string, values []json.RawMessage) error {
	id := idOf(key)
	if _, has := t.rows[id]; has {
		return nil
	}
	t.bytes += int64(len(id))
	for _, v := range values {
		t.bytes += int64(len(v))
	}
	if len(t.rows) >= MaxRows || t.bytes > MaxBytes {
		return engine.Errorf(engine.Invalid, "read a lookup's table", "it has more than %d rows or %d MB", MaxRows, MaxBytes>>20).
			WithHint("take a smaller table, or join in SQL: it is in the database as it is")
	}
	t.rows[id] = values
	return nil
}

// Len is the number of keys.
func (t *Table) Len() int { return len(t.rows) }

// Get finds a row.
func (t *Table) Get(_ context.Context, key []string) ([]json.RawMessage, bool, error) {
	v, ok := t.rows[idOf(key)]
	return v, ok, nil
}

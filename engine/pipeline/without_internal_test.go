package pipeline

import (
	"testing"
)

// A pipeline without a plugin pays nothing for there being plugins: the records
// go on as they are, where they are.
func TestNoTransformCostsNothing(t *testing.T) {
	p := &puller{}
	a := p.preparer(Task{})
	c := &piece{lines: []line{{raw: []byte(`{"a":1}`), row: 1}, {raw: []byte(`{"a":2}`), row: 2}}, read: 2}
	before := &c.lines[0]
	allocations := testing.AllocsPerRun(100, func() {
		if err := a.transform(t.Context(), c); err != nil {
			t.Error(err)
		}
	})
	a.done()
	if allocations != 0 || len(c.lines) != 2 || &c.lines[0] != before || c.read != 2 || c.dropped != 0 || c.asides != nil {
		t.Errorf("%v allocations, %+v", allocations, c)
	}
	if idle := p.runners.Get(); idle != nil {
		t.Errorf("%v was kept for the next object", idle)
	}
}

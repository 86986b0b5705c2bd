package workbench

import (
	"fmt"
	"testing"

	"tidemark.dev/tidemark/engine/store"
)

// TestAnAlarmThatGrowsIsKept: its peak alone changes, which nobody is told.
func TestAnAlarmThatGrowsIsKept(t *testing.T) {
	w := newWatched(t, map[string]string{"hook": ""}, map[string]string{"errors": errorsRule})
	w.stored("a", "calm 0", "calm 1")
	w.watches.get("requests").fresh = true
	w.step(evaluated{})
	w.stored("b", "calm 2", "calm 2", "calm 2", "calm 3")
	w.step(evaluated{})
	list, err := w.Store.Incidents(t.Context(), store.IncidentFilter{})
	if err != nil || len(list) != 1 || list[0].State != "open" || fmt.Sprint(list[0].Peak["errors"]) != "3" {
		t.Fatalf("%+v %v", list, err)
	}
}

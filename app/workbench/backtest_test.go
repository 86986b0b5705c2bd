package workbench

import (
	"testing"
	"time"

	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/rule"
)

// TestKnown: an alarm that lasts is known to last as far as its group has
// windows, whatever others have.
func TestKnown(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 1, 9, 14, minute, 0, 0, time.UTC) }
	group := func(name string) rule.Group { return rule.Group{"service": plan.Text(name)} }
	point := func(name string, minute int) rule.Datapoint {
		var d rule.Datapoint
		d.Key, d.Start, d.End = group(name), at(minute-1), at(minute)
		return d
	}
	b := Backtested{Report: &rule.Report{Datapoints: []rule.Datapoint{point("a", 1), point("a", 3), point("b", 9)}}}
	if got := b.known(rule.Episode{Key: group("a")}); got == nil || !got.Equal(at(3)) {
		t.Errorf("known until %v, want %v", got, at(3))
	}
	if got := b.known(rule.Episode{Key: group("c")}); got != nil {
		t.Errorf("a group without windows is known until %v", got)
	}
}

package export

import (
	"fmt"

	"tidemark.dev/tidemark/engine"
)

// differences says how the copy differs from the rule.
func (w *promRule) differences() []Difference {
	size := engine.FormatDuration(w.Plan.Window.Size)
	list := []Difference{
		{"event time", "a record counts when its program is scraped, not when it happened; a late record counts in the window in which it arrives, and no window is corrected"},
		{"window", "windows of " + size + " end when Prometheus evaluates the group, at a second that it derives from the group's name, not at full multiples of " + size},
		{"counts", "increase() extrapolates to the edges of the window and misses what a new series counted before its first scrape, so counts are approximate and may be fractions"},
		{"clock", "rules are evaluated " + queryOffset + " behind the clock"},
		{"nil", "a field that is missing and one that is empty text are the same label"},
		{"states", "there is no INSUFFICIENT_DATA: an alert fires or does not"},
	}
	if w.Of > 1 || w.Missing == MissingIsMissing {
		list = append(list, Difference{"datapoints", fmt.Sprintf("the newest %d windows count; an older window does not stand in for a missing one", w.Of)})
	}
	if w.Missing == MissingIsBreaching && len(w.Plan.Keys) > 0 {
		list = append(list, Difference{"groups", fmt.Sprintf("the %d groups known at export are named; one that appears later and falls silent is not noticed", len(w.Groups))})
	}
	if w.quantiles {
		list = append(list, Difference{"quantile", "it is interpolated within a bucket of a histogram; give the histogram a bucket that ends at each threshold of when, and the comparison is right there"})
	}
	if w.sums {
		list = append(list, Difference{"sum, avg", "they come from a counter, which cannot count negative values"})
	}
	list = append(list, pastDifferences(w.Plan, true)...)
	_, renamed := alertLabels(w.Rule)
	return append(append(list, renamed...), w.sentence.differences()...)
}

package workbench

import (
	"regexp"
	"strconv"
	"time"

	"tidemark.dev/tidemark/engine"
)

// keyDate finds a date in an object's key: dt=2026-01-09, year=2026/month=01,
// 2026/01/09, 20260109T14. The parts may be apart by a slash, a dash or a
// partition's name.
var keyDate = regexp.MustCompile(`(?:^|[^0-9])(20[0-9]{2})(?:[-/]|/month=)?(0[1-9]|1[0-2])(?:[-/]|/day=)?(0[1-9]|[12][0-9]|3[01])(?:[^0-9]|$)`)

// dateSlack covers late delivery and clocks of other zones: the dates in keys
// are when objects were delivered, not when events happened.
const dateSlack = 24 * time.Hour

// mayHold reports whether an object may hold events in [from, to).
func mayHold(o engine.Object, from, to time.Time) bool {
	if from.IsZero() && to.IsZero() {
		return true
	}
	if m := keyDate.FindStringSubmatch(o.Key); m != nil {
		year, _ := strconv.Atoi(m[1])
		month, _ := strconv.Atoi(m[2])
		day, _ := strconv.Atoi(m[3])
		begin := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
		early := !to.IsZero() && !begin.Add(-dateSlack).Before(to)
		late := !from.IsZero() && !begin.Add(24*time.Hour+dateSlack).After(from)
		return !early && !late
	}
	// What was written before from cannot hold what happened after it.
	return from.IsZero() || !o.Modified.Before(from)
}

package workbench

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// keyDate finds a date in an object's key, and the hour if it has one:
// dt=2026-01-09/hour=03, year=2026/month=01/day=09, 2026/01/09/03, 20260109T14,
// 20260109T1405Z.
var keyDate = regexp.MustCompile(`(?:^|[^0-9])(20[0-9]{2})[-/_]?(?:month=)?(0[1-9]|1[0-2])[-/_]?(?:day=)?(0[1-9]|[12][0-9]|3[01])(?:[-/_T]?(?:hour=|hr=|hh=|h=)?([01][0-9]|2[0-3])(?:[0-5][0-9](?:[0-5][0-9])?)?)?(?:[^0-9]|$)`)

// dated is the day or the hour that a key names.
func dated(key string) (from, to time.Time, ok bool) {
	m := keyDate.FindStringSubmatch(key)
	if m == nil {
		return from, to, false
	}
	// A folder of a day may hold objects whose names tell more.
	for rest := key[strings.LastIndexByte(key, '/')+1:]; m[4] == ""; {
		finer := keyDate.FindStringSubmatch(rest)
		if finer == nil || finer[4] == "" || finer[1] != m[1] || finer[2] != m[2] || finer[3] != m[3] {
			break
		}
		m = finer
	}
	n := func(s string) int { i, _ := strconv.Atoi(s); return i }
	from = time.Date(n(m[1]), time.Month(n(m[2])), n(m[3]), n(m[4]), 0, 0, 0, time.UTC)
	if m[4] == "" {
		return from, from.AddDate(0, 0, 1), true
	}
	return from, from.Add(time.Hour), true
}

// dateSlack covers late delivery and clocks of other zones: the dates in keys
// are when objects were delivered, not when events happened.
const dateSlack = 24 * time.Hour

// awsDelivery are the keys that AWS writes, in UTC, soon after the events: the
// longest is fifteen minutes, of CloudTrail. CloudFront's may be a day late.
var awsDelivery = regexp.MustCompile(`/(?:elasticloadbalancing|vpcflowlogs|WAFLogs|vpcdnsquerylogs|CloudTrail)/`)

const awsSlack = 2 * time.Hour

// mayHold reports whether an object may hold events in [from, to).
func mayHold(o engine.Object, from, to time.Time) bool {
	if from.IsZero() && to.IsZero() {
		return true
	}
	if begin, end, ok := dated(o.Key); ok {
		slack := dateSlack
		if awsDelivery.MatchString(o.Key) {
			slack = awsSlack
		}
		early := !to.IsZero() && !begin.Add(-slack).Before(to)
		late := !from.IsZero() && !end.Add(slack).After(from)
		return !early && !late
	}
	// What was written before from cannot hold what happened after it.
	return from.IsZero() || !o.Modified.Before(from)
}

package samples

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// This file works out, straight from the generator and without the engine,
// what the rules of the workspace must find in the default week: the planted
// episodes and nothing else. The conditions are written out again here on
// purpose; a change to a rule's file has to be made in both places.

// cell is what one service did in one region in one minute of event time.
type cell struct {
	requests, faults, declined int
	durations                  []float64
}

type place struct {
	service service
	region  *region
}

// tally counts the requests of the whole default week by minute, once.
var tally = sync.OnceValue(func() map[place]*[hours * 60]cell {
	w, err := newWeek(Options{})
	if err != nil {
		panic(err)
	}
	all := map[place]*[hours * 60]cell{}
	for n := range hours {
		w.makeHour(n, func(r *record) {
			minute := int(r.at.Sub(Start) / time.Minute)
			if r.kind != kindRequest || minute >= hours*60 {
				return
			}
			p := place{r.service, r.region}
			if all[p] == nil {
				all[p] = new([hours * 60]cell)
			}
			c := &all[p][minute]
			c.requests++
			if r.level == fault {
				c.faults++
			}
			if r.status == 402 {
				c.declined++
			}
			if r.service == payments {
				c.durations = append(c.durations, r.duration)
			}
		})
	}
	return all
})

// windows adds the minutes of the places that in names up to windows of size
// minutes.
func windows(all map[place]*[hours * 60]cell, size int, in func(place) bool) []cell {
	out := make([]cell, hours*60/size)
	for p, minutes := range all {
		if !in(p) {
			continue
		}
		for m := range minutes {
			c := &out[m/size]
			c.requests += minutes[m].requests
			c.faults += minutes[m].faults
			c.declined += minutes[m].declined
			c.durations = append(c.durations, minutes[m].durations...)
		}
	}
	return out
}

// episode is one stay in ALARM: from the end of the window that raised it to
// the end of the one that ended it.
type episode struct{ from, to time.Time }

// episodes evaluates an alarm of `need` breaching datapoints among `of`, a
// missing one counting as not breaching.
func episodes(cells []cell, size, need, of int, breach func(cell) bool) []episode {
	var out []episode
	alarm := false
	for i := range cells {
		n := 0
		for _, c := range cells[max(0, i-of+1) : i+1] {
			if breach(c) {
				n++
			}
		}
		end := Start.Add(time.Duration((i+1)*size) * time.Minute)
		switch {
		case n >= need && !alarm:
			out = append(out, episode{from: end})
		case n < need && alarm:
			out[len(out)-1].to = end
		}
		alarm = n >= need
	}
	return out
}

func of(s service) func(place) bool { return func(p place) bool { return p.service == s } }

func p95(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[(len(x)-1)*95/100]
}

// expectOne asserts a single episode that begins and ends within a quarter of
// an hour after what was planted did.
func expectOne(t *testing.T, got []episode, from, to time.Time) {
	t.Helper()
	if len(got) != 1 {
		t.Fatalf("episodes: got %d, want 1: %v", len(got), got)
	}
	t.Logf("episode from %s to %s", got[0].from.Format(time.RFC3339), got[0].to.Format(time.RFC3339))
	const slack = 15 * time.Minute
	if e := got[0]; e.from.Before(from) || e.from.After(from.Add(slack)) || e.to.Before(to) || e.to.After(to.Add(slack)) {
		t.Errorf("episode %s to %s does not match what happened from %s to %s", e.from, e.to, from, to)
	}
}

func TestRulesFindOnlyWhatWasPlanted(t *testing.T) {
	all := tally()

	t.Run("checkout_error_rate", func(t *testing.T) {
		breach := func(c cell) bool {
			return c.requests > 30 && float64(c.faults)/float64(c.requests) > 0.05
		}
		for s := storefront; s < probe; s++ {
			got := episodes(windows(all, 1, of(s)), 1, 3, 5, breach)
			if s == checkout {
				expectOne(t, got, badDeploy, rollback)
			} else if len(got) > 0 {
				t.Errorf("%s: unexpected episodes %v", s, got)
			}
		}
	})

	t.Run("payments_slow", func(t *testing.T) {
		breach := func(c cell) bool { return c.requests > 30 && p95(c.durations) > 1500 }
		expectOne(t, episodes(windows(all, 5, of(payments)), 5, 2, 3, breach), badDeploy, rollback)
	})

	t.Run("payments_wait of the incident notebook", func(t *testing.T) {
		breach := func(c cell) bool { return c.requests > 10 && p95(c.durations) > 3000 }
		expectOne(t, episodes(windows(all, 1, of(payments)), 1, 3, 5, breach), badDeploy, rollback)
	})

	t.Run("catalog_quiet", func(t *testing.T) {
		pages, lookups := windows(all, 5, of(storefront)), windows(all, 5, of(catalog))
		for i := range pages {
			pages[i].faults = lookups[i].requests
		}
		breach := func(c cell) bool { return c.requests > 50 && float64(c.faults)/float64(c.requests) < 0.3 }
		expectOne(t, episodes(pages, 5, 2, 3, breach), quietFrom, quietTo)
	})

	t.Run("card_testing", func(t *testing.T) {
		breach := func(c cell) bool {
			return c.declined > 20 && float64(c.declined)/float64(c.requests) > 0.3
		}
		for i := range regions {
			in := func(p place) bool { return p == place{payments, &regions[i]} }
			got := episodes(windows(all, 5, in), 5, 2, 3, breach)
			if i == 1 {
				expectOne(t, got, cardsFrom, cardsTo)
			} else if len(got) > 0 {
				t.Errorf("%s: unexpected episodes %v", regions[i].name, got)
			}
		}
	})
}

// The incident must stand out by a margin, or another seed would lose it.
func TestIncidentStandsOut(t *testing.T) {
	minutes := windows(tally(), 1, of(checkout))
	inside := func(m int) bool {
		at := Start.Add(time.Duration(m) * time.Minute)
		return !at.Before(badDeploy.Add(3*time.Minute)) && at.Before(rollback)
	}
	low, quietest, highest := 1.0, 1<<30, 0.0
	for m, c := range minutes {
		rate := float64(c.faults) / float64(max(1, c.requests))
		switch {
		case inside(m):
			low, quietest = min(low, rate), min(quietest, c.requests)
		case c.requests > 30 && (m < 4*24*60+14*60 || m > 4*24*60+15*60):
			highest = max(highest, rate)
		}
	}
	t.Logf("inside: at least %.3f of at least %d requests; outside: at most %.3f", low, quietest, highest)
	if quietest <= 30 || low < 0.1 || highest > 0.1 {
		t.Error("want more than 30 requests and errors above 0.1 inside, below 0.1 outside")
	}
}

package window

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine/plan"
)

// run feeds batches as a live stream does, the watermark lateness behind the
// newest event, and restarts from snapshots now and then. pick chooses.
func run(r *rapid.T, c Config, batches [][]record, lateness int, restarts bool) (panes []Pane, dropped int64) {
	ctx := context.Background()
	m := NewMemory(c.Plan)
	p := New(c, m)
	mark := NewWatermark(Strategy{Kind: MaxLateness, Lateness: time.Duration(lateness) * time.Second}, time.Time{}, nil)
	must := func(fired []Pane, err error) {
		if err != nil {
			r.Fatal(err)
		}
		panes = append(panes, fired...)
	}
	now := 1000
	for _, batch := range batches {
		var seen []time.Time
		for _, rec := range batch {
			m.Add(rec.values(m.Columns()))
			seen = append(seen, rec.at)
		}
		now += rapid.IntRange(0, 4).Draw(r, "passes")
		must(p.Pass(ctx, at(now)))
		fired, lost, err := p.Arrived(ctx, m.Last())
		must(fired, err)
		dropped += lost
		mark.Observe("", seen, at(now))
		must(p.Advance(ctx, mark.At()))
		if restarts && rapid.IntRange(0, 2).Draw(r, "crash") == 0 {
			state, err := p.Snapshot()
			if err != nil {
				r.Fatal(err)
			}
			if p, err = Restore(c, m, state); err != nil {
				r.Fatal(err)
			}
		}
	}
	must(p.Advance(ctx, EndOfInput))
	if p.Open() > 0 || len(p.lost) > 0 {
		r.Fatalf("after the end %d windows are open and %d spans are kept", p.Open(), len(p.lost))
	}
	return panes, dropped
}

func id(p Pane) string { return fmt.Sprint(p.Window, p.Keys) }

// TestSameAnswer: whatever the split into batches, the order within the
// lateness that is allowed, and crashes in between, what windows show at last
// is what one query over everything gives.
func TestSameAnswer(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := eventsPlan(t, windows(r))
		c := configs(r, p)
		c.Mode, c.Allowed = Update, Forever
		arrived := batches(r)
		var all []record
		for _, b := range arrived {
			all = append(all, b...)
		}
		once, _ := run(r, Config{Plan: p}, [][]record{all}, 0, false)
		live, dropped := run(r, c, arrived, rapid.IntRange(0, 30).Draw(r, "lateness"), true)
		if dropped != 0 {
			r.Fatalf("%d were dropped", dropped)
		}
		want := map[string]string{}
		for _, p := range once {
			want[id(p)] = fmt.Sprint(p.Records, p.Measures)
		}
		switch c.Accumulation {
		case Accumulating:
			mustEndAt(r, live, want)
		case Retracting:
			mustNetTo(r, live, want)
		default:
			mustAddUp(r, p, live, once)
		}
		mustBeWellFormed(r, p, live)
	})
}

// The last pane of each window is the batch's.
func mustEndAt(r *rapid.T, live []Pane, want map[string]string) {
	got := map[string]string{}
	for _, p := range live {
		got[id(p)] = fmt.Sprint(p.Records, p.Measures)
	}
	for window, values := range want {
		if got[window] != values {
			r.Fatalf("%s: %s, in one batch %s", window, got[window], values)
		}
	}
}

// What is left after all that was taken back is the batch's, and nothing else.
func mustNetTo(r *rapid.T, live []Pane, want map[string]string) {
	standing := map[string][]string{}
	for _, p := range live {
		values := fmt.Sprint(p.Records, p.Measures)
		if !p.Retraction {
			standing[id(p)] = append(standing[id(p)], values)
			continue
		}
		i := slices.Index(standing[id(p)], values)
		if i < 0 {
			r.Fatalf("%s %s is taken back and was never shown", id(p), values)
		}
		standing[id(p)] = slices.Delete(standing[id(p)], i, i+1)
	}
	got := map[string]string{}
	for window, list := range standing {
		if len(list) > 1 {
			r.Fatalf("%s stands twice: %v", window, list)
		}
		if len(list) == 1 {
			got[window] = list[0]
		}
	}
	if !maps.Equal(got, want) {
		r.Fatalf("%v stands, in one batch %v", got, want)
	}
}

// Discarding panes add up to the batch's, group by group (sessions change
// their spans).
func mustAddUp(r *rapid.T, p *plan.Plan, live, once []Pane) {
	sum := func(panes []Pane) map[string]int64 {
		out := map[string]int64{}
		for _, x := range panes {
			group := id(x)
			if p.Window.Kind == plan.Session {
				group = fmt.Sprint(x.Keys)
			}
			out[group] += x.Records
			for i, m := range p.Measures {
				if n, ok := x.Measures[i].Int64(); ok && m.Name == "sum" {
					out[group+" sum"] += n
				}
			}
		}
		return out
	}
	if a, b := sum(live), sum(once); !maps.Equal(a, b) {
		r.Fatalf("panes add up to %v, in one batch to %v", a, b)
	}
}

// Indexes count from 0, and there is one on-time pane at most.
func mustBeWellFormed(r *rapid.T, p *plan.Plan, live []Pane) {
	next, onTime := map[string]int{}, map[string]int{}
	for _, x := range live {
		if x.Retraction {
			continue
		}
		if p.Window.Kind != plan.Session && x.Index != next[id(x)] {
			r.Fatalf("%s: pane %d comes after %d", id(x), x.Index, next[id(x)]-1)
		}
		next[id(x)] = x.Index + 1
		if x.Timing == OnTime {
			onTime[id(x)]++
		}
		if onTime[id(x)] > 1 || onTime[id(x)] == 1 && x.Timing == Early {
			r.Fatalf("%s: a pane %s after the one on time", id(x), x.Timing)
		}
	}
}

// Within the lateness nothing is dropped; beyond it what is dropped and what
// is shown are all there is.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := eventsPlan(t, plan.Window{Size: 10 * time.Second})
		c := configs(r, p)
		c.Accumulation = Discarding
		arrived := batches(r)
		records := int64(0)
		for _, b := range arrived {
			records += int64(len(b))
		}
		live, dropped := run(r, c, arrived, rapid.IntRange(0, 70).Draw(r, "lateness"), true)
		shown := int64(0)
		for _, x := range live {
			shown += x.Records
		}
		if shown+dropped != records {
			r.Fatalf("%d shown and %d dropped of %d", shown, dropped, records)
		}
	})
}

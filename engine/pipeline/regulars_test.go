package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
)

// reading is what a shard brings, so long after the tail began.
type reading struct {
	at     time.Duration
	shard  int
	behind bool
}

// scripted is a stream whose shards are read at moments that were written down.
type scripted []reading

func (s scripted) Shards() []engine.ShardState { return nil }

func (s scripted) Tail(ctx context.Context, _ []engine.Checkpoint, sink func(context.Context, engine.Arrivals) error) error {
	began := time.Now()
	var shards sync.WaitGroup
	problems := make([]error, 10)
	for shard := range problems {
		shards.Go(func() {
			for i, r := range s {
				if r.shard != shard || problems[shard] != nil {
					continue
				}
				time.Sleep(time.Until(began.Add(r.at)))
				problems[shard] = sink(ctx, r.arrivals(i))
			}
		})
	}
	shards.Wait()
	return slices.MaxFunc(problems, func(a, b error) int {
		if (a != nil) == (b != nil) {
			return 0
		} else if a != nil {
			return 1
		}
		return -1
	})
}

func (r reading) arrivals(i int) engine.Arrivals {
	a := engine.Arrivals{Checkpoint: engine.Checkpoint{Source: "live", Stream: "app", Shard: strconv.Itoa(r.shard), Sequence: strconv.Itoa(i)}}
	if r.behind {
		a.Behind = time.Minute
	}
	a.Records = []engine.Arrival{{Data: []byte(`{"ts":"2026-03-01T12:00:00Z"}`), Sequence: a.Sequence}}
	return a
}

// moments is a store that knows when it was written to, and what.
type moments struct {
	pipeline.Store
	began   time.Time
	at      []time.Duration
	batches [][]int // readings
}

func (m *moments) Schema(string) (engine.SchemaVersion, bool)          { return engine.SchemaVersion{}, false }
func (m *moments) AllocateSeq(int64) int64                             { return 1 }
func (m *moments) Exact(context.Context, string, string) (bool, error) { return false, nil }

func (m *moments) Commit(_ context.Context, b engine.Batch) (engine.Committed, error) {
	var readings []int
	for _, c := range b.Live.Checkpoints {
		n, err := strconv.Atoi(c.Sequence)
		if err != nil {
			return engine.Committed{}, err
		}
		readings = append(readings, n)
	}
	m.at, m.batches = append(m.at, time.Since(m.began)), append(m.batches, readings)
	return engine.Committed{Stored: b.Rows}, nil
}

// tail runs a script in a time of its own, in which work takes none.
func (s scripted) tail(t *testing.T) (m moments, counts pipeline.Counts) {
	return s.tailAside(t, nil)
}

func (s scripted) tailAside(t *testing.T, aside func(context.Context)) (m moments, counts pipeline.Counts) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		m.began = time.Now()
		var err error
		counts, err = pipeline.Tail(t.Context(), pipeline.LiveOptions{
			Options: pipeline.Options{Dataset: "logs", Source: "live", Store: &m, Staging: dir, Scratch: dir, Mapping: engine.Mapping{EventTime: []engine.Path{{"ts"}}}},
			Every:   time.Second, Aside: aside,
		}, s)
		if err != nil {
			t.Error(err)
		}
	})
	return m, counts
}

// each reads so many shards once in so many seconds, one 10 ms after the other.
func each(from, to int, shards ...int) (s scripted) {
	for second := from; second < to; second++ {
		for _, shard := range shards {
			s = append(s, reading{at: time.Duration(second)*time.Second + time.Duration(shard)*10*time.Millisecond, shard: shard})
		}
	}
	return s
}

// TestCommitsWhenAllHaveCome: what is read together is committed as soon as the
// last shard is there that usually comes.
func TestCommitsWhenAllHaveCome(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name   string
		script scripted
		want   []int // milliseconds
	}{
		{"the first time nobody is known", each(1, 5, 1, 2, 3), []int{1260, 2030, 3030, 4030}},
		{
			"one that stays away is waited for, and then forgotten", append(each(1, 13, 1, 2), each(1, 3, 3)...),
			[]int{1260, 2030, 3260, 4260, 5260, 6260, 7260, 8260, 9260, 10260, 11020, 12020},
		},
		{
			"one more comes when the others are through, and is waited for from then on", append(each(1, 8, 1, 2), each(3, 8, 3)...),
			[]int{1260, 2020, 3020, 3770, 4520, 5270, 6030, 7030},
		},
		{
			"one that comes every other second costs nothing", append(each(1, 8, 1, 2), append(append(each(1, 2, 3), each(3, 4, 3)...), each(5, 6, 3)...)...),
			[]int{1260, 2260, 3030, 4260, 5030, 6260, 7020},
		},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			m, _ := x.script.tail(t)
			var got []int
			for _, at := range m.at {
				got = append(got, int(at.Milliseconds()))
			}
			if !slices.Equal(got, x.want) {
				t.Errorf("commits at %v ms, want %v", got, x.want)
			}
		})
	}
}

// TestCommitsAreApart however shards come: three quarters of the time at least,
// and nothing that arrives waits longer than all of it, or than a few times that
// where its shard is far behind. All is committed, in the order of each shard.
func TestCommitsAreApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		script := scripted(rapid.SliceOfN(rapid.Custom(func(r *rapid.T) reading {
			return reading{
				at:     time.Duration(rapid.IntRange(0, 400).Draw(r, "at")) * 25 * time.Millisecond,
				shard:  rapid.IntRange(0, 4).Draw(r, "shard"),
				behind: rapid.IntRange(0, 9).Draw(r, "behind") == 0,
			}
		}), 0, 200).Draw(r, "script"))
		slices.SortStableFunc(script, func(a, b reading) int { return int(a.at - b.at) })
		m, counts := script.tail(t)
		if counts.Records != int64(len(script)) {
			r.Errorf("%d of %d records are stored", counts.Records, len(script))
		}
		for i := range m.at[:max(0, len(m.at)-1)] { // the last one comes with the end
			if i > 0 && m.at[i]-m.at[i-1] < 750*time.Millisecond {
				r.Errorf("a commit at %v, and one at %v", m.at[i-1], m.at[i])
			}
		}
		if err := script.covered(m); err != nil {
			r.Error(err)
		}
	})
}

// TestBatchesGrow where all shards are far behind, until one of them is not, or
// for some time.
func TestBatchesGrow(t *testing.T) {
	t.Parallel()
	script := each(1, 11, 1, 2)
	for i := range script {
		script[i].behind = i != 13
	}
	m, _ := script.tail(t)
	var got []int
	for _, at := range m.at {
		got = append(got, int(at.Milliseconds()))
	}
	if want := []int{4000, 7020, 10020}; !slices.Equal(got, want) {
		t.Errorf("commits at %v ms, want %v", got, want)
	}
}

// TestTailLetsOthersBeFirst before each piece of work while it is behind, and
// before each commit; nothing is lost by that.
func TestTailLetsOthersBeFirst(t *testing.T) {
	t.Parallel()
	script := each(1, 4, 1)
	for i := range script {
		script[i].behind = i > 0
	}
	var asked atomic.Int64
	m, counts := script.tailAside(t, func(context.Context) {
		asked.Add(1)
		time.Sleep(100 * time.Millisecond)
	})
	if n := int64(2 + len(m.at)); counts.Records != 3 || asked.Load() != n {
		t.Errorf("%d records are stored; others were let first %d times, want %d", counts.Records, asked.Load(), n)
	}
	if m.at[0] != 1360*time.Millisecond {
		t.Errorf("the first commit was at %v", m.at[0])
	}
}

// covered checks when each reading was committed.
func (s scripted) covered(m moments) error {
	last := map[int]int{} // reading that is committed, by shard
	for i, readings := range m.batches {
		for _, n := range readings {
			shard := s[n].shard
			for j := last[shard]; j <= n; j++ {
				most := time.Second
				if s[j].behind {
					most = 5 * time.Second
				}
				if s[j].shard == shard && m.at[i]-s[j].at > most {
					return fmt.Errorf("what came at %v was committed at %v", s[j].at, m.at[i])
				}
			}
			if n < last[shard] {
				return fmt.Errorf("reading %d after %d", n, last[shard])
			}
			last[shard] = n + 1
		}
	}
	return nil
}

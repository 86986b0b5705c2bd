package window

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func at(seconds int) time.Time { return time.Unix(int64(seconds), 0).UTC() }

func times(seconds ...int) (out []time.Time) {
	for _, s := range seconds {
		out = append(out, at(s))
	}
	return out
}

func TestStrategies(t *testing.T) {
	for _, c := range []struct {
		what  string
		s     Strategy
		times []time.Time
		now   int
		want  int
	}{
		{"the newest less the lateness", Strategy{Kind: MaxLateness, Lateness: 10 * time.Second}, times(50, 100, 70), 0, 90},
		{"a clock in the future is left out", Strategy{Kind: MaxLateness, MaxFuture: 5 * time.Second}, times(50, 100, 9000), 100, 100},
		{"the lower median", Strategy{Kind: Median, Lateness: 10 * time.Second}, times(50, 100, 70, 9000), 0, 60},
		{"one value is its median", Strategy{Kind: Median}, times(50), 0, 50},
		{"the nearest rank", Strategy{Kind: Percentile, P: 0.75}, times(10, 20, 30, 40), 0, 30},
		{"percentile 0", Strategy{Kind: Percentile}, times(10, 20, 30, 40), 0, 10},
		{"percentile 1", Strategy{Kind: Percentile, P: 1}, times(10, 20, 30, 40), 0, 40},
	} {
		w := NewWatermark(c.s, time.Time{}, nil)
		now := time.Time{}
		if c.now > 0 {
			now = at(c.now)
		}
		w.Observe("a", c.times, now)
		if !w.At().Equal(at(c.want)) {
			t.Errorf("%s: %v, want %v", c.what, w.At(), at(c.want))
		}
	}
}

// Two streams with their own delays: the watermark is the minimum of both and
// never goes down.
func TestTwoStreams(t *testing.T) {
	w := NewWatermark(Strategy{Kind: Manual}, time.Time{}, nil)
	w.Join("a", time.Time{})
	w.Join("b", time.Time{})
	newest := map[string]int{}
	delay := map[string]int{"a": 10, "b": 5}
	for _, c := range []struct {
		shard  string
		values []int
		want   int
	}{
		{"a", []int{11}, 0},
		{"b", []int{6}, 1},
		{"b", []int{8}, 1},
		{"a", []int{21}, 3},
		{"b", []int{17, 28, 39}, 11},
		{"a", []int{31}, 21},
		{"a", []int{41}, 31},
		{"a", []int{51}, 34},
	} {
		for _, v := range c.values {
			newest[c.shard] = max(newest[c.shard], v)
		}
		w.Set(c.shard, at(newest[c.shard]-delay[c.shard]))
		if got := w.At(); got.IsZero() && c.want != 0 || !got.IsZero() && !got.Equal(at(c.want)) {
			t.Errorf("after %s %v: %v, want %v", c.shard, c.values, got, at(c.want))
		}
	}
}

func TestIdleShards(t *testing.T) {
	s := Strategy{Kind: MaxLateness, Idle: time.Minute}
	w := NewWatermark(s, time.Time{}, nil)
	w.Join("a", at(1000))
	w.Join("b", at(1000))
	w.Observe("a", times(500), at(1010))
	if !w.At().IsZero() {
		t.Fatalf("b has had no record, yet the watermark is %v", w.At())
	}
	w.Pass(at(1059))
	if !w.At().IsZero() {
		t.Fatalf("b is not idle yet, but the watermark is %v", w.At())
	}
	w.Pass(at(1060))
	if !w.At().Equal(at(500)) {
		t.Fatalf("b is idle, but the watermark is %v", w.At())
	}
	again := NewWatermark(s, w.At(), w.Marks()) // as after a restart
	for _, w := range []*Watermark{w, again} {
		w.Observe("b", times(100), at(1065))
		if !w.At().Equal(at(500)) {
			t.Errorf("b came back and the watermark went to %v", w.At())
		}
		w.Observe("a", times(600), at(1066))
		if !w.At().Equal(at(500)) {
			t.Errorf("b is back at 100, but the watermark is %v", w.At())
		}
		w.Leave("b")
		if !w.At().Equal(at(600)) {
			t.Errorf("b has left, but the watermark is %v", w.At())
		}
		w.Pass(at(5000))
		if !w.At().Equal(at(600)) {
			t.Errorf("all are idle and the watermark went to %v", w.At())
		}
	}
}

// A clock that is put back by hours, while a tail runs or between two of them,
// keeps no shard from becoming idle.
func TestIdleThoughTheClockWentBack(t *testing.T) {
	s := Strategy{Kind: MaxLateness, Idle: time.Minute}
	w := NewWatermark(s, time.Time{}, nil)
	w.Join("a", at(100_000))
	w.Join("b", at(100_000))
	w.Observe("a", times(500), at(100_010))
	w.Observe("b", times(400), at(100_010))
	w.Pass(at(100_010))
	again := NewWatermark(s, w.At(), w.Marks())
	for name, w := range map[string]*Watermark{"running": w, "restarted": again} {
		w.Pass(at(1000))
		w.Observe("a", times(700), at(1001))
		w.Pass(at(1059))
		if !w.At().Equal(at(400)) {
			t.Errorf("%s: b is not idle yet, but the watermark is %v", name, w.At())
		}
		w.Observe("a", times(800), at(1060))
		w.Pass(at(1061))
		if !w.At().Equal(at(800)) {
			t.Errorf("%s: b is idle, but the watermark is %v", name, w.At())
		}
	}
}

// Whatever comes, the watermark never goes back, is the minimum over the live
// shards when it moves, is not ahead of any clock that can be believed, and a
// restart changes nothing.
func TestWatermarkLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Strategy{
			Kind:     rapid.SampledFrom([]string{MaxLateness, Median, Percentile}).Draw(t, "kind"),
			Lateness: time.Duration(rapid.IntRange(0, 20).Draw(t, "lateness")) * time.Second,
			Idle:     time.Duration(rapid.IntRange(0, 100).Draw(t, "idle")) * time.Second, MaxFuture: 5 * time.Second, P: 0.9,
		}
		w := NewWatermark(s, time.Time{}, nil)
		now, last := 10_000, time.Time{}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now += rapid.IntRange(0, 30).Draw(t, "passes")
			shard := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "shard")
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				w.Pass(at(now))
			case 1:
				w.Join(shard, at(now))
			case 2:
				w.Leave(shard)
			case 3:
				w = NewWatermark(s, w.At(), w.Marks())
			default:
				var batch []time.Time
				for range rapid.IntRange(0, 6).Draw(t, "records") {
					behind := rapid.SampledFrom([]int{0, 1, 3, 10, 60, -1, -5, -6, -1000, -100_000_000}).Draw(t, "behind")
					batch = append(batch, at(now-behind))
				}
				w.Observe(shard, batch, at(now))
			}
			if w.At().Before(last) {
				t.Fatalf("the watermark went back from %v to %v", last, w.At())
			}
			if w.At().After(at(now + 5)) {
				t.Fatalf("at %v the watermark is %v: a clock in the future dragged it", at(now), w.At())
			}
			if w.At().After(last) {
				mustBeLowest(t, w)
			}
			last = w.At()
		}
	})
}

func mustBeLowest(t *rapid.T, w *Watermark) {
	var lowest time.Time
	for _, m := range w.Marks() {
		if !w.Idle(m) && (lowest.IsZero() || m.At.Before(lowest)) {
			lowest = m.At
		}
	}
	if !w.At().Equal(lowest) {
		t.Fatalf("the watermark moved to %v, the minimum of %s is %v", w.At(), fmt.Sprint(w.Marks()), lowest)
	}
}

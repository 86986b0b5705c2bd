package pipeline

import (
	"context"
	"fmt"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/schema"
)

type stepped struct{ at time.Time }

func (s *stepped) Now() time.Time { return s.at }

func noisy(n int) *piece {
	c := &piece{}
	for i := range n {
		c.lines = append(c.lines, line{raw: []byte(`{"service":"noisy"}`), row: int64(i)})
	}
	for i := range 5 {
		c.lines = append(c.lines, line{raw: []byte(`{"service":"quiet"}`), row: int64(n + i)})
	}
	c.lines = append(c.lines, line{raw: []byte(`{"n":1}`)})
	return c
}

// TestQuota: what is over it is dropped, sampled or held back, each counted,
// and one value takes nothing from another.
func TestQuota(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		over                  string
		stored, dropped, kept int64
		waited                time.Duration
	}{
		{"drop", 10 + 5 + 1, 90, 0, 0},
		{"sample", 10 + 9 + 5 + 1, 81, 9, 0},
		{"block", 106, 0, 90, 9 * time.Second},
	} {
		clock := &stepped{time.Date(2026, 1, 9, 14, 0, 0, 0, time.UTC)}
		q := newQuotas(Quota{By: engine.Path{"service"}, PerSecond: 10, Over: x.over}, clock, func(_ context.Context, d time.Duration) error {
			clock.at = clock.at.Add(d)
			return nil
		})
		c := noisy(100)
		if err := q.sift(t.Context(), schema.NewExtractor([][]engine.Path{{{"service"}}}), c); err != nil {
			t.Fatal(err)
		}
		n := c.over["noisy"]
		if int64(len(c.lines)) != x.stored || c.dropped != x.dropped || n.Over != 90 || n.Kept != x.kept || (n.Waited-x.waited).Abs() > time.Millisecond || len(c.over) != 1 {
			t.Errorf("%s: %d lines, %d dropped, %+v", x.over, len(c.lines), c.dropped, c.over)
		}
	}
}

// TestQuotaComesBack: a second later there is room for as many again, and no
// more than those of a second however long nothing came; a clock that goes
// back gives nothing by that, and is followed from there.
func TestQuotaComesBack(t *testing.T) {
	t.Parallel()
	clock := &stepped{time.Date(2026, 1, 9, 14, 0, 0, 0, time.UTC)}
	q := newQuotas(Quota{PerSecond: 3, Over: "drop"}, clock, nil)
	for i, x := range []struct {
		passes time.Duration
		want   int
	}{{0, 3}, {time.Second, 3}, {time.Hour, 3}, {-2 * time.Hour, 0}, {time.Second / 2, 1}, {time.Second, 3}} {
		clock.at = clock.at.Add(x.passes)
		c := noisy(10)
		if err := q.sift(t.Context(), nil, c); err != nil {
			t.Fatal(err)
		}
		if len(c.lines) != x.want {
			t.Errorf("step %d: %d got through, want %d", i, len(c.lines), x.want)
		}
	}
}

// TestQuotaIsBounded: values without end share one quota.
func TestQuotaIsBounded(t *testing.T) {
	t.Parallel()
	clock := &stepped{time.Date(2026, 1, 9, 14, 0, 0, 0, time.UTC)}
	q := newQuotas(Quota{By: engine.Path{"id"}, PerSecond: 1, Over: "drop"}, clock, nil)
	c := &piece{}
	for i := range maxQuotaKeys + 100 {
		c.lines = append(c.lines, line{raw: fmt.Appendf(nil, `{"id":%d}`, i)})
	}
	if err := q.sift(t.Context(), schema.NewExtractor([][]engine.Path{{{"id"}}}), c); err != nil {
		t.Fatal(err)
	}
	if len(q.buckets) != maxQuotaKeys+1 || c.over[otherKeys].Over != 99 || c.dropped != 99 {
		t.Errorf("%d buckets, %d dropped, %+v", len(q.buckets), c.dropped, c.over)
	}
}

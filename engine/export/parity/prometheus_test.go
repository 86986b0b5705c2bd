package parity

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

const rules = `groups:
  - name: t
    interval: 1m
    rules:
      - record: breach
        expr: group by (service) (sum by (service) (increase(n_total[1m])) > 10) or group by (service) (sum by (service) (increase(n_total[1m])) > 0) * 0
      - alert: a
        expr: sum_over_time(breach[270s]) >= 3
`

// TestGapsStayGaps replays three breaching minutes, a gap and quiet minutes:
// a minute without records repeats nothing.
func TestGapsStayGaps(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	end := begin.Add(12 * time.Minute)
	s := NewStorage()
	for i := range 12 { // 20 a minute for three minutes
		s.Count("n_total", map[string]string{"service": "a"}, begin.Add(time.Duration(i)*Scrape), 5, end)
	}
	var at []time.Time
	for m := 1; m <= 10; m++ {
		at = append(at, begin.Add(time.Duration(m)*time.Minute))
	}
	var fired []string
	err := Prometheus(t.Context(), []byte(rules), s, at, func(when time.Time, l map[string]string) {
		fired = append(fired, fmt.Sprint(when.Format("15:04"), l["service"]))
	})
	if err != nil {
		t.Fatal(err)
	}
	// The window that ends at 12:03 is the third to breach; five windows
	// later only two of them are left.
	if want := []string{"12:03a", "12:04a", "12:05a"}; !slices.Equal(fired, want) {
		t.Errorf("fired %v, want %v", fired, want)
	}
}

func TestStepsBecomeSamples(t *testing.T) {
	t.Parallel()
	begin := time.Unix(0, 0)
	c := &counter{steps: []sample{{0, 1}, {30_000, 4}}, end: 60_000}
	var got []float64
	for i := range c.Len() {
		got = append(got, c.Get(i).F())
	}
	if want := []float64{1, 1, 4, 4, 4}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v from %s", got, want, begin)
	}
}

func TestReadsOneGroup(t *testing.T) {
	t.Parallel()
	if err := Prometheus(t.Context(), []byte("groups: []\n"), NewStorage(), nil, nil); err == nil {
		t.Error("a file without a group is replayed")
	}
	if err := Prometheus(t.Context(), []byte("groups:\n  - name: x\n    rules: [{alert: a, expr: 'sum('}]\n"), NewStorage(), nil, nil); err == nil {
		t.Error("a rule that cannot be read is replayed")
	}
}

package rule

import (
	"math"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine/plan"
)

// Trend is a measure of a group that moves towards a threshold.
type Trend struct {
	Key     Group   `json:"key"`
	Measure string  `json:"measure"`
	Limit   float64 `json:"limit"`
	// Now is the measure where the line through its days ends.
	Now float64 `json:"now"`
	// PerDay is how much it moves a day.
	PerDay float64 `json:"per_day"`
	// Reaches is when the line meets the limit.
	Reaches time.Time `json:"reaches"`
	// Days is how many have values, which the line is drawn through.
	Days int `json:"days"`
}

const (
	// A trend needs so many days, and must be so unlikely to be chance.
	leastDays     = 7
	trendChance   = 0.01
	trendHorizon  = 365 * 24 * time.Hour
	trendMostDays = 400
)

// trends finds the measures that will reach a threshold of when within a
// year. Days are summed up by their median; whether they move is told by the
// test of Mann and Kendall (H. B. Mann, Econometrica 13, 1945), how fast by the
// slope of Theil and Sen (P. K. Sen, JASA 63, 1968).
func (s *Series) trends(r *Rule) (found []Trend) {
	for _, t := range r.Thresholds() {
		limit, ok := t.Value.Float()
		if !ok || t.Op != plan.Greater && t.Op != plan.AtLeast && t.Op != plan.Less && t.Op != plan.AtMost {
			continue
		}
		up := t.Op == plan.Greater || t.Op == plan.AtLeast
		s.eachGroup(r, func(key Group, windows []scanned) {
			if trend, ok := trendOf(daily(windows, r.measureIndex(t.Measure)), limit, up); ok {
				trend.Key, trend.Measure = key, t.Measure
				found = append(found, trend)
			}
		})
	}
	slices.SortStableFunc(found, func(a, b Trend) int { return a.Reaches.Compare(b.Reaches) })
	return found
}

// measureIndex is the place of a measure that there is.
func (r *Rule) measureIndex(name string) int {
	return slices.IndexFunc(r.Plan.Measures, func(m plan.Measure) bool { return m.Name == name })
}

// eachGroup calls f for every group with its windows and their measures.
func (s *Series) eachGroup(r *Rule, f func(Group, []scanned)) {
	finisher := r.Plan.NewFinisher()
	for i, j := 0, 0; i < len(s.windows); i = j {
		var group []scanned
		for j = i; j < len(s.windows) && slices.EqualFunc(s.windows[j].row.Keys, s.windows[i].row.Keys, plan.Value.Equal); j++ {
			w := s.windows[j]
			finisher.Measure(&w.row.Env)
			group = append(group, w)
		}
		f(r.groupOf(s.windows[i].row.Keys), group)
	}
}

// dailyValue is the median of a measure over a day.
type dailyValue struct {
	day int64
	v   float64
}

func daily(windows []scanned, measure int) (days []dailyValue) {
	byDay := map[int64][]float64{}
	for _, w := range windows {
		if v, ok := w.row.Measures[measure].Float(); ok {
			day := w.span.End.Add(-time.Microsecond).Unix() / 86400
			byDay[day] = append(byDay[day], v)
		}
	}
	for day, values := range byDay {
		slices.Sort(values)
		days = append(days, dailyValue{day, values[(len(values)-1)/2]})
	}
	slices.SortFunc(days, func(a, b dailyValue) int { return int(a.day - b.day) })
	return days[max(0, len(days)-trendMostDays):]
}

// trendOf draws a line through days.
func trendOf(days []dailyValue, limit float64, up bool) (t Trend, ok bool) {
	n := len(days)
	if n < leastDays {
		return t, false
	}
	var slopes []float64
	concordant := 0
	for i := range days {
		for j := i + 1; j < n; j++ {
			d := days[j].v - days[i].v
			switch {
			case d > 0:
				concordant++
			case d < 0:
				concordant--
			}
			slopes = append(slopes, d/float64(days[j].day-days[i].day))
		}
	}
	slices.Sort(slopes)
	slope := slopes[len(slopes)/2]
	if slope == 0 || slope > 0 != up || kendallChance(concordant, n) > trendChance {
		return t, false
	}
	rests := make([]float64, n)
	for i, d := range days {
		rests[i] = d.v - slope*float64(d.day)
	}
	slices.Sort(rests)
	last := days[n-1].day
	now := rests[n/2] + slope*float64(last)
	ahead := (limit - now) / slope
	if ahead <= 0 || ahead*24 > trendHorizon.Hours() {
		return t, false // it is there already, or will not be soon
	}
	at := time.Unix((last+1)*86400, 0).UTC().Add(time.Duration(ahead * 24 * float64(time.Hour)))
	return Trend{Limit: limit, Now: now, PerDay: slope, Reaches: at.Truncate(time.Hour), Days: n}, true
}

// kendallChance is how likely days without a trend are as concordant as these,
// by the normal approximation (M. G. Kendall, 1975).
func kendallChance(s, n int) float64 {
	variance := float64(n*(n-1)*(2*n+5)) / 18
	z := (math.Abs(float64(s)) - 1) / math.Sqrt(variance)
	return math.Erfc(z / math.Sqrt2)
}

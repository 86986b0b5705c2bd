package rule

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine/plan"
)

// Advice is what a rule's own history says about its settings.
type Advice struct {
	Rule string     `json:"rule"`
	From *time.Time `json:"from"`
	To   *time.Time `json:"to"`
	// Verdict is fires, never or always.
	Verdict string `json:"verdict"`
	// Notes say what is remarkable, in sentences.
	Notes []string `json:"notes"`
	// Breaching and Missing are the parts of slots that breach, or have no
	// datapoint, from the first window of each group to its last.
	Breaching float64 `json:"breaching"`
	Missing   float64 `json:"missing"`
	// Now is what the rule as it is would have done.
	Now Outcome `json:"now"`
	// Labelled says that incidents are known: only then are there rates of
	// false alarms and of misses, and only then is something suggested.
	Labelled bool `json:"labelled"`
	// Suggested is the best of Tried; null if none finds more or cries wolf less
	// than what is.
	Suggested *Attempt  `json:"suggested"`
	Tried     []Attempt `json:"tried"`
	Trends    []Trend   `json:"trends"`
}

// Attempt is the rule with other settings.
type Attempt struct {
	// Set is what backtest --set takes.
	Set map[string]string `json:"set"`
	Outcome
	// FalseAlarms is the part of alarms that were none, Misses the part of
	// incidents that raised none; null where incidents are not known.
	FalseAlarms *float64 `json:"false_alarm_rate"`
	Misses      *float64 `json:"miss_rate"`
}

// mostWork bounds what is tried, in windows gone through.
const mostWork = 40_000_000

// alarmsTried are M of N.
var alarmsTried = [][2]int{{1, 1}, {2, 2}, {2, 3}, {3, 3}, {3, 5}, {4, 5}, {5, 5}}

// Advise tries other thresholds, M of N and treatments of missing datapoints
// on the rule's windows, which must be of it. zone is where the night is.
func (s *Series) Advise(r *Rule, zone *time.Location) Advice {
	report := s.report(r, true)
	a := Advice{Rule: r.Name, From: report.From, To: report.To, Now: report.Outcome(r.Known, zone), Labelled: len(r.Known) > 0, Notes: []string{}, Tried: []Attempt{}, Trends: []Trend{}}
	a.Breaching, a.Missing = s.shares(r, report)
	a.judge(r, report)
	if len(s.windows) == 0 {
		return a
	}
	t := trying{series: s, rule: r, zone: zone, left: mostWork, seen: map[string]bool{}}
	a.Tried = append(a.Tried, t.all(a.Missing > 0)...)
	if t.left < 0 {
		a.Notes = append(a.Notes, "There are too many windows to try everything on: try a shorter time with --from.")
	}
	a.suggest()
	a.Trends = append(a.Trends, s.trends(r)...)
	return a
}

// shares tells which part of the slots breach, and which are missing.
func (s *Series) shares(r *Rule, report *Report) (breaching, missing float64) {
	slots, breach, real := 0, 0, 0
	for _, d := range report.Datapoints {
		if d.Breaching.True() {
			breach++
		}
		if !d.Breaching.IsNull() {
			real++
		}
	}
	if r.Plan.Window.Kind == plan.Session {
		slots = len(report.Datapoints)
	} else {
		slots = s.slots(r)
	}
	if slots == 0 {
		return 0, 0
	}
	return float64(breach) / float64(slots), float64(max(0, slots-real)) / float64(slots)
}

// slots counts the slots of each group from its first to its last window.
func (s *Series) slots(r *Rule) (n int) {
	s.eachGroup(r, func(_ Group, windows []scanned) {
		first := slices.IndexFunc(windows, func(w scanned) bool { return w.span.End.After(s.frame.first) })
		if first < 0 {
			return
		}
		step := r.Plan.Window.EndAfter(windows[first].span.End).Sub(windows[first].span.End)
		n += 1 + int((windows[len(windows)-1].span.End.Sub(windows[first].span.End)+step/2)/step)
	})
	return n
}

// judge says whether the rule says anything at all.
func (a *Advice) judge(r *Rule, report *Report) {
	a.Verdict = "fires"
	switch length := span(report); {
	case len(report.Datapoints) == 0:
		a.Verdict = "never"
		a.Notes = append(a.Notes, "No window has records: where leaves all of them out, or there are none.")
	case len(report.Episodes) == 0:
		a.Verdict = "never"
		a.Notes = append(a.Notes, a.whyNever(r))
	case length > 0 && a.longest(report) > 0.9*length:
		a.Verdict = "always"
		a.Notes = append(a.Notes, "A group is in alarm for more than nine tenths of the time: nobody looks at such an alarm.")
	}
	if a.Now.Episodes > 0 && a.Now.Night*2 > a.Now.Episodes {
		a.Notes = append(a.Notes, fmt.Sprintf("%d of %d alarms begin at night.", a.Now.Night, a.Now.Episodes))
	}
	if !a.Labelled {
		a.Notes = append(a.Notes, "The rule names no incidents, so that false alarms and misses are not known: write what really happened under incidents.")
	}
}

func span(r *Report) float64 {
	if r.From == nil || r.To == nil {
		return 0
	}
	return r.To.Sub(*r.From).Seconds()
}

// longest is the most time that one group spends in alarm.
func (a *Advice) longest(report *Report) (most float64) {
	byGroup := map[string]float64{}
	for _, e := range report.Episodes {
		name := fmt.Sprint(e.Key)
		byGroup[name] += report.ends(e).Sub(e.Start).Seconds()
		most = max(most, byGroup[name])
	}
	return most
}

// whyNever names the nearest that a measure came to its threshold.
func (a *Advice) whyNever(r *Rule) string {
	if a.Breaching > 0 {
		return fmt.Sprintf("Windows breach, but never %d of %d: it never fires.", r.Alarm.Datapoints, r.Alarm.Of)
	}
	return "No window ever breaches: it never fires."
}

// trying runs attempts as long as there is work left.
type trying struct {
	series *Series
	rule   *Rule
	zone   *time.Location
	left   int
	seen   map[string]bool
}

// all tries thresholds with M of N, and then the treatments of missing
// datapoints.
func (t *trying) all(gaps bool) (list []Attempt) {
	whens := append([]string{""}, t.whens()...)
	for _, when := range whens {
		for _, mn := range append([][2]int{{t.rule.Alarm.Datapoints, t.rule.Alarm.Of}}, alarmsTried...) {
			set := map[string]string{}
			if when != "" {
				set["when"] = when
			}
			if mn != [2]int{t.rule.Alarm.Datapoints, t.rule.Alarm.Of} {
				set["alarm.datapoints"], set["alarm.of"] = strconv.Itoa(mn[0]), strconv.Itoa(mn[1])
			}
			list = t.add(list, set)
		}
	}
	if gaps && t.rule.Spec.Expect == nil {
		for _, m := range missings {
			if m != string(t.rule.Alarm.Missing) {
				list = t.add(list, map[string]string{"alarm.missing": m})
			}
		}
	}
	return list
}

func (t *trying) add(list []Attempt, set map[string]string) []Attempt {
	if name := fmt.Sprint(set); len(set) == 0 || t.seen[name] || t.left < 0 {
		return list
	} else {
		t.seen[name] = true
	}
	t.left -= len(t.series.windows)
	r, err := t.rule.With(set)
	if err != nil || t.left < 0 {
		return list
	}
	o := t.series.report(r, false).Outcome(r.Known, t.zone)
	a := Attempt{Set: set, Outcome: o}
	if o.Score != nil {
		a.FalseAlarms, a.Misses = rest(o.Score.Precision), rest(o.Score.Recall)
	}
	return append(list, a)
}

func rest(f *float64) *float64 {
	if f == nil {
		return nil
	}
	v := 1 - *f
	return &v
}

// parts of the windows that thresholds are tried at.
var partsTried = []float64{0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1}

// whens are the conditions with other numbers: those at which certain parts of
// the windows would pass.
func (t *trying) whens() (list []string) {
	n := 0
	for _, limit := range t.rule.Thresholds() {
		now, ok := limit.Value.Float()
		if !ok {
			continue
		}
		i := n
		n++
		up := limit.Op == plan.Greater || limit.Op == plan.AtLeast
		if !up && limit.Op != plan.Less && limit.Op != plan.AtMost {
			continue
		}
		for _, v := range t.quantiles(limit.Measure, up) {
			if v == now {
				continue
			}
			if when, ok := t.rule.withLimit(i, v); ok && !slices.Contains(list, when) {
				list = append(list, when)
			}
		}
	}
	return list
}

func (t *trying) quantiles(measure string, up bool) (list []float64) {
	var all []float64
	i := t.rule.measureIndex(measure)
	t.series.eachGroup(t.rule, func(_ Group, windows []scanned) {
		for _, w := range windows {
			if v, ok := w.row.Measures[i].Float(); ok {
				all = append(all, v)
			}
		}
	})
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	for _, part := range partsTried {
		at := part
		if !up {
			at = 1 - part
		}
		v := readable(all[int(math.Round(at*float64(len(all)-1)))])
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

// readable rounds a number to two digits, as people write thresholds.
func readable(v float64) float64 {
	if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return v
	}
	unit := math.Pow(10, math.Floor(math.Log10(math.Abs(v)))-1)
	f, err := strconv.ParseFloat(strconv.FormatFloat(math.Round(v/unit)*unit, 'g', 2, 64), 64)
	if err != nil {
		return v
	}
	return f
}

// suggest picks what finds most and cries wolf least: by the harmonic mean of
// precision and recall, then the shorter delay, then fewer nights, then the
// smaller change.
func (a *Advice) suggest() {
	if !a.Labelled || a.Now.Score == nil {
		return
	}
	slices.SortStableFunc(a.Tried, func(x, y Attempt) int { return better(x.Outcome, y.Outcome, len(x.Set)-len(y.Set)) })
	if len(a.Tried) > 0 && harmonic(a.Tried[0].Score) > harmonic(a.Now.Score)+1e-9 {
		a.Suggested = &a.Tried[0]
	}
}

func better(x, y Outcome, change int) int {
	if fx, fy := harmonic(x.Score), harmonic(y.Score); math.Abs(fx-fy) > 1e-9 {
		return sign(fy - fx)
	}
	if dx, dy := delay(x.Score), delay(y.Score); math.Abs(dx-dy) >= 60 {
		return sign(dx - dy)
	}
	if x.Night != y.Night {
		return x.Night - y.Night
	}
	return change
}

func sign(f float64) int {
	if f < 0 {
		return -1
	}
	return 1
}

func harmonic(s *Score) float64 {
	if s == nil || s.Precision == nil || s.Recall == nil || *s.Precision+*s.Recall == 0 {
		return 0
	}
	return 2 * *s.Precision * *s.Recall / (*s.Precision + *s.Recall)
}

func delay(s *Score) float64 {
	if s == nil || s.Delay == nil {
		return math.MaxFloat64
	}
	return *s.Delay
}

// Text writes what is set as the command line takes it.
func (a Attempt) Text() string {
	var parts []string
	for _, key := range []string{"when", "alarm.datapoints", "alarm.of", "alarm.missing"} {
		if v, ok := a.Set[key]; ok {
			parts = append(parts, key+"="+v)
		}
	}
	return strings.Join(parts, ", ")
}

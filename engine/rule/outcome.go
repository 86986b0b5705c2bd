package rule

import (
	"slices"
	"time"
)

// Outcome is what those on call would have had of a rule.
type Outcome struct {
	Episodes int `json:"episodes"`
	// Seconds were spent in ALARM, all groups together.
	Seconds float64 `json:"seconds"`
	// Night counts episodes that began between 22:00 and 06:00.
	Night int `json:"night"`
	// PerWeek is how many episodes a week there were.
	PerWeek float64 `json:"per_week"`
	Score   *Score  `json:"score,omitempty"`
}

// Score holds episodes against incidents that are known.
type Score struct {
	// Incidents lie in the time that was looked at; Found of them overlap an
	// episode.
	Incidents int `json:"incidents"`
	Found     int `json:"found"`
	// True episodes overlap an incident, False ones do not. Of Unjudged ones
	// nobody has said anything: there are labels, and no list of incidents.
	True     int `json:"true"`
	False    int `json:"false"`
	Unjudged int `json:"unjudged"`
	// Precision is the part of episodes that are true, Recall the part of
	// incidents that were found; null where there are none.
	Precision *float64 `json:"precision"`
	Recall    *float64 `json:"recall"`
	// Delay is how many seconds after its beginning an incident was found, in
	// the middle; null if none was.
	Delay *float64 `json:"delay_seconds"`
	// Missed and FalseAlarms say which.
	Missed      []Missed  `json:"missed"`
	FalseAlarms []Episode `json:"false_alarms"`
}

// Missed is an incident that raised no alarm.
type Missed struct {
	From time.Time         `json:"from"`
	To   time.Time         `json:"to"`
	Key  map[string]string `json:"key"`
	Note string            `json:"note,omitempty"`
}

// Night is from 22:00 to 06:00.
const (
	nightBegins = 22
	nightEnds   = 6
)

// Outcome sums a report up. zone is where the night is; nil is UTC.
func (r *Report) Outcome(known []Known, zone *time.Location) Outcome {
	o := Outcome{Episodes: len(r.Episodes)}
	if r.From == nil || r.To == nil {
		return o
	}
	if zone == nil {
		zone = time.UTC
	}
	for _, e := range r.Episodes {
		o.Seconds += max(0, r.ends(e).Sub(e.Start).Seconds())
		if hour := e.Start.In(zone).Hour(); hour >= nightBegins || hour < nightEnds {
			o.Night++
		}
	}
	if weeks := r.To.Sub(*r.From).Hours() / (7 * 24); weeks > 0 {
		o.PerWeek = float64(o.Episodes) / weeks
	}
	o.Score = r.score(known)
	return o
}

// ends is the end of an episode, or of what was looked at while it lasts.
func (r *Report) ends(e Episode) time.Time {
	switch {
	case e.End != nil:
		return *e.End
	case r.To.Before(e.Start):
		return e.Start
	}
	return *r.To
}

// ScoredBy is the report held against what is known.
func (r *Report) ScoredBy(known []Known) *Report {
	out := *r
	if r.From != nil && r.To != nil {
		out.Score = r.score(known)
	}
	return &out
}

// score is nil if nothing is known.
func (r *Report) score(known []Known) *Score {
	if len(known) == 0 {
		return nil
	}
	s := &Score{Missed: []Missed{}, FalseAlarms: []Episode{}}
	var delays []float64
	for _, k := range known {
		if k.False || !k.From.Before(*r.To) || !r.From.Before(k.To) || k.Label && slices.ContainsFunc(known, func(o Known) bool { return o.covers(k) }) {
			continue
		}
		s.Incidents++
		if first := r.first(k); !first.IsZero() {
			s.Found++
			if !k.Label { // a label tells when the alarm began, not the trouble
				delays = append(delays, max(0, first.Sub(k.From).Seconds()))
			}
			continue
		}
		s.Missed = append(s.Missed, Missed{k.From, k.To, k.Key, k.Note})
	}
	for _, e := range r.Episodes {
		switch {
		case slices.ContainsFunc(known, func(k Known) bool { return !k.False && r.about(e, k) }):
			s.True++
		case slices.ContainsFunc(known, func(k Known) bool { return !k.Label || k.False && r.about(e, k) }):
			s.False++
			s.FalseAlarms = append(s.FalseAlarms, e)
		default:
			s.Unjudged++
		}
	}
	s.Precision, s.Recall = ratio(s.True, s.True+s.False), ratio(s.Found, s.Incidents)
	if len(delays) > 0 {
		slices.Sort(delays)
		s.Delay = &delays[(len(delays)-1)/2]
	}
	return s
}

// about reports whether an incident overlaps an episode, or the windows that
// raised it.
func (r *Report) about(e Episode, k Known) bool {
	return k.overlaps(e.Key, e.Start.Add(-r.lead), r.ends(e).Add(time.Microsecond))
}

// first is when an incident was first found.
func (r *Report) first(k Known) (at time.Time) {
	for _, e := range r.Episodes {
		if r.about(e, k) && (at.IsZero() || e.Start.Before(at)) {
			at = e.Start
		}
	}
	return at
}

func ratio(a, b int) *float64 {
	if b == 0 {
		return nil
	}
	f := float64(a) / float64(b)
	return &f
}

package rule

import (
	"fmt"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// State is the state of an alarm.
type State string

// The states. A new alarm has insufficient data.
const (
	OK               State = "OK"
	Alarming         State = "ALARM"
	InsufficientData State = "INSUFFICIENT_DATA"
)

// Missing says what a missing datapoint counts as.
type Missing string

// The treatments of missing datapoints.
const (
	MissingIsMissing      Missing = "missing"
	MissingIsIgnored      Missing = "ignore"
	MissingIsBreaching    Missing = "breaching"
	MissingIsNotBreaching Missing = "not_breaching"
)

var missings = []string{string(MissingIsMissing), string(MissingIsIgnored), string(MissingIsBreaching), string(MissingIsNotBreaching)}

// Point is one datapoint of an alarm.
type Point byte

// The datapoints, as tests write them.
const (
	NotBreaching Point = '0'
	Breaching    Point = 'X'
	Absent       Point = '-'
)

// ParsePoints reads datapoints as tests write them, oldest first: "0 X - X".
func ParsePoints(t engine.Text) ([]Point, error) {
	var points []Point
	for i, r := range t.Value {
		switch r {
		case ' ':
		case '0', 'X', '-':
			points = append(points, Point(r))
		default:
			return nil, t.At(i, "%q is no datapoint", r).WithHint("write 0 for not breaching, X for breaching, - for missing")
		}
	}
	return points, nil
}

// Policy is how datapoints become states: Datapoints of the newest Of must
// breach. It follows CloudWatch's published evaluation ("Configuring how
// CloudWatch alarms treat missing data" in the Amazon CloudWatch User Guide).
type Policy struct {
	Datapoints int
	Of         int
	Missing    Missing
}

// Slots is how many of the newest datapoints are looked at: two more than Of,
// so that late ones can stand in for missing ones.
func (p Policy) Slots() int { return p.Of + 2 }

// Next is the state after the given datapoints, oldest first, and why. All of
// them are looked at; pass the newest Slots of a longer history.
func (p Policy) Next(points []Point, state State) (State, string) {
	next, why := p.judge(points, state)
	return next, why.String()
}

// reason is why a state is what it is, not yet written: most windows change
// nothing, and nobody reads theirs.
type reason struct {
	format string
	counts [3]int // as many as format takes
}

func (r reason) String() string {
	args := make([]any, strings.Count(r.format, "%d"))
	for i := range args {
		args[i] = r.counts[i]
	}
	return fmt.Sprintf(r.format, args...)
}

func (p Policy) judge(points []Point, state State) (State, reason) {
	t := tallyOf(points)
	if t.real >= p.Of {
		return p.decide(breachingAmongNewest(points, p.Of), 0, "%d of %d datapoints breach")
	}
	filled := p.Of - t.real
	switch p.Missing {
	case MissingIsBreaching:
		return p.decide(t.breaching+filled, filled, "%d of %d datapoints breach, %d missing counted as breaching")
	case MissingIsNotBreaching:
		return p.decide(t.breaching, filled, "%d of %d datapoints breach, %d missing counted as not breaching")
	}
	switch {
	case t.real == 0 && p.Missing == MissingIsIgnored:
		return state, reason{format: "no datapoints: the state is kept"}
	case t.real == 0:
		return InsufficientData, reason{"no datapoints in the last %d", [3]int{len(points)}}
	case t.breaching >= p.Datapoints:
		return Alarming, reason{"%d datapoints breach, %d are enough", [3]int{t.breaching, p.Datapoints}}
	case t.breaching < t.real:
		return OK, reason{"%d of %d datapoints breach, %d are wanted", [3]int{t.breaching, t.real, p.Datapoints}}
	case p.Missing == MissingIsIgnored:
		return state, reason{format: "too few datapoints: the state is kept"}
	case t.oldestBreach >= p.Datapoints:
		return Alarming, reason{"%d datapoints breach and nothing newer says otherwise", [3]int{t.breaching}}
	}
	return InsufficientData, reason{"only %d datapoints in the last %d", [3]int{t.real, len(points)}}
}

// decide compares a number of breaching datapoints with what the policy wants.
func (p Policy) decide(breaching, filled int, format string) (State, reason) {
	why := reason{format, [3]int{breaching, p.Of, filled}}
	if breaching >= p.Datapoints {
		return Alarming, why
	}
	return OK, why
}

// tally counts datapoints.
type tally struct {
	real, breaching int
	// oldestBreach is the age of the oldest breaching one; the newest
	// datapoint has age 1.
	oldestBreach int
}

func tallyOf(points []Point) (t tally) {
	for i, p := range points {
		if p != Absent {
			t.real++
		}
		if p == Breaching {
			t.breaching++
			t.oldestBreach = max(t.oldestBreach, len(points)-i)
		}
	}
	return t
}

// breachingAmongNewest looks at the newest n datapoints that are not missing.
func breachingAmongNewest(points []Point, n int) (breaching int) {
	for i := len(points) - 1; i >= 0 && n > 0; i-- {
		if points[i] == Absent {
			continue
		}
		n--
		if points[i] == Breaching {
			breaching++
		}
	}
	return breaching
}

// String writes the policy: "3 of 5, missing is not_breaching".
func (p Policy) String() string {
	return fmt.Sprintf("%d of %d, missing is %s", p.Datapoints, p.Of, strings.ToLower(string(p.Missing)))
}

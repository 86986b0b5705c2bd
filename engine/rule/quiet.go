package rule

import (
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Quiet is a time in which nobody is notified: from one moment to another, or
// every day between two times of the clock.
type Quiet struct {
	From     engine.Text   `yaml:"from" doc:"A time of day, 22:00, or a moment."`
	To       engine.Text   `yaml:"to" doc:"A time of day, 06:00, which may be the next day's, or a moment."`
	Days     []engine.Text `yaml:"days" doc:"The days on which it begins: [sat, sun]. Default: all."`
	TimeZone engine.Text   `yaml:"time_zone" doc:"Where the clock hangs: Europe/Berlin."`
}

// quietTime is a Quiet that was read.
type quietTime struct {
	from, to     time.Time
	daily        bool
	start, until time.Duration // since midnight
	days         []time.Weekday
	zone         *time.Location
}

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (c *compilation) quiet() (list []quietTime) {
	for _, q := range c.spec.Silence {
		one := quietTime{zone: time.UTC}
		if q.TimeZone.Value != "" {
			zone, err := time.LoadLocation(q.TimeZone.Value)
			if err != nil || q.TimeZone.Value == "Local" {
				c.check(q.TimeZone.At(0, "there is no time zone %s", q.TimeZone.Value).WithHint("write time_zone: Europe/Berlin"))
				continue
			}
			one.zone = zone
		}
		for _, d := range q.Days {
			i := slices.Index(dayNames, strings.ToLower(d.Value))
			if i < 0 {
				c.check(d.At(0, "%q is no day", d.Value).WithHint("write some of %s", join(dayNames)))
				continue
			}
			one.days = append(one.days, time.Weekday(i))
		}
		if c.quietSpan(q, &one) {
			list = append(list, one)
		}
	}
	return list
}

func (c *compilation) quietSpan(q Quiet, one *quietTime) bool {
	const hint = `write silence: [{from: "22:00", to: "06:00", time_zone: Europe/Berlin}], or two moments`
	clock := func(t engine.Text) (time.Duration, bool) {
		at, err := time.Parse("15:04", t.Value)
		return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute, err == nil
	}
	var okFrom, okTo bool
	if one.start, okFrom = clock(q.From); okFrom {
		one.until, okTo = clock(q.To)
		one.daily = true
		if q.To.Value == "" {
			c.check(placed(q.To, q.From).At(0, "it is not said until when").WithHint("%s", hint))
			return false
		}
		if !okTo {
			c.check(q.To.At(0, "%q is no time of day", q.To.Value).WithHint("%s", hint))
		}
		return okTo
	}
	var err error
	if one.from, err = time.Parse(time.RFC3339, q.From.Value); err != nil {
		return c.check(placed(q.From, c.at("silence")).At(0, "%q is no time", q.From.Value).WithHint("%s", hint))
	}
	if one.to, err = time.Parse(time.RFC3339, q.To.Value); err != nil || !one.from.Before(one.to) {
		return c.check(placed(q.To, q.From).At(0, "%q is no time after %s", q.To.Value, q.From.Value).WithHint("%s", hint))
	}
	return true
}

func (q quietTime) holds(at time.Time) bool {
	if !q.daily {
		return !at.Before(q.from) && at.Before(q.to)
	}
	here := at.In(q.zone)
	clock := time.Duration(here.Hour())*time.Hour + time.Duration(here.Minute())*time.Minute
	on := func(day time.Weekday) bool { return len(q.days) == 0 || slices.Contains(q.days, day) }
	if q.start < q.until {
		return clock >= q.start && clock < q.until && on(here.Weekday())
	}
	// It goes on over midnight.
	return clock >= q.start && on(here.Weekday()) || clock < q.until && on((here.Weekday()+6)%7)
}

// QuietAt reports whether a rule file wants nobody to be notified then; one
// that is wrong wants nothing.
func QuietAt(spec Spec, at time.Time) bool {
	c := &compilation{spec: spec}
	list := c.quiet()
	return len(c.problems) == 0 && slices.ContainsFunc(list, func(q quietTime) bool { return q.holds(at) })
}

package samples

import (
	"math"
	"time"

	"tidemark.dev/tidemark/engine"
)

// hours is the length of the week.
const hours = 7 * 24

// blockHours is how many hours one Parquet file of the catalog spans, and the
// unit in which the week is divided among processors.
const blockHours = 6

// recordsPerTrace is how many records an average trace leaves, everything
// else in the week (probes, phones, planted things) shared out among traces.
// Measured; TestSize notices when it is off.
const recordsPerTrace = 2.383

// week is one choice of seed and size.
type week struct {
	seed     uint64
	from, to int     // hours of the week, [from, to)
	density  float64 // 1 at DefaultRecords
	perUnit  float64 // traces a minute for traffic 1
}

func newWeek(opt Options) (*week, error) {
	w := &week{seed: opt.Seed, from: 0, to: hours}
	if w.seed == 0 {
		w.seed = DefaultSeed
	}
	records := opt.Records
	if records == 0 {
		records = DefaultRecords
	}
	if records < 0 {
		return nil, engine.Errorf(engine.Invalid, "write demo workspace", "cannot write %d records", records)
	}
	w.density = float64(records) / DefaultRecords
	w.perUnit = float64(records) / recordsPerTrace / totalTraffic()
	if !opt.From.IsZero() {
		w.from = max(0, int(math.Floor(opt.From.Sub(Start).Hours())))
	}
	if !opt.To.IsZero() {
		w.to = min(hours, int(math.Ceil(opt.To.Sub(Start).Hours())))
	}
	if w.from >= w.to {
		e := engine.Errorf(engine.Invalid, "write demo workspace", "no hour of the demo week lies between the given times")
		return nil, e.WithHint("choose times from %s to %s", Start.Format(time.RFC3339), End.Format(time.RFC3339))
	}
	return w, nil
}

// region is one of the places the shop serves from.
type region struct {
	name  string
	share float64       // of all traffic
	ahead time.Duration // local time minus UTC, in January
}

var regions = []region{
	{"eu-central-1", 0.55, time.Hour},
	{"us-east-1", 0.30, -5 * time.Hour},
	{"af-south-1", 0.15, 2 * time.Hour},
}

// weekdays weighs the days from Monday on.
var weekdays = [7]float64{0.95, 0.92, 0.95, 1.00, 1.12, 1.10, 1.08}

// traffic is how busy a region is at t: a lunch hump and an evening peak in
// its local time over a thin night.
func (r *region) traffic(t time.Time) float64 {
	local := t.Add(r.ahead)
	h := float64(local.Hour()) + float64(local.Minute())/60
	day := weekdays[(int(local.Weekday())+6)%7]
	return r.share * day * (0.12 + 0.75*hump(h, 12.5, 3.6) + 0.90*hump(h, 20, 2.4))
}

// hump is a bell around a time of day; midnight is no border.
func hump(h, at, width float64) float64 {
	d := math.Abs(h - at)
	d = min(d, 24-d) / width
	return math.Exp(-d * d / 2)
}

// totalTraffic adds up the traffic of all minutes of the week.
func totalTraffic() float64 {
	sum := 0.0
	for t := Start; t.Before(End); t = t.Add(time.Minute) {
		for i := range regions {
			sum += regions[i].traffic(t)
		}
	}
	return sum
}

// at is a moment of the week, day 0 being Monday.
func at(day, hour, minute, second int) time.Time {
	return Start.AddDate(0, 0, day).Add(time.Duration(hour)*time.Hour +
		time.Duration(minute)*time.Minute + time.Duration(second)*time.Second)
}

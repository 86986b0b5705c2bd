package engine

import (
	"strconv"
	"strings"
	"time"
)

var durationUnits = []struct {
	suffix string
	unit   time.Duration
}{
	{"ms", time.Millisecond},
	{"us", time.Microsecond},
	{"s", time.Second},
	{"m", time.Minute},
	{"h", time.Hour},
	{"d", 24 * time.Hour},
	{"w", 7 * 24 * time.Hour},
}

// ParseDuration reads "10m", "1h30m", "33d", "2w", "250ms", "0s". A day is 24
// hours and a week seven of them. Negative durations are refused.
func ParseDuration(s string) (time.Duration, error) {
	var total time.Duration
	rest := s
	for rest != "" {
		n := 0
		for n < len(rest) && (rest[n] == '.' || '0' <= rest[n] && rest[n] <= '9') {
			n++
		}
		value, err := strconv.ParseFloat(rest[:n], 64)
		if err != nil {
			break
		}
		unit, size := time.Duration(0), 0
		for _, u := range durationUnits {
			if strings.HasPrefix(rest[n:], u.suffix) && len(u.suffix) > size {
				unit, size = u.unit, len(u.suffix)
			}
		}
		if size == 0 || value*float64(unit) > float64(1<<62) {
			break
		}
		total, rest = total+time.Duration(value*float64(unit)), rest[n+size:]
	}
	if s == "" || rest != "" || total < 0 {
		return 0, Errorf(Invalid, "", "%q is not a duration", s).WithHint("write a number and a unit: 250ms, 30s, 10m, 6h, 33d, 2w")
	}
	return total, nil
}

// FormatDuration writes a duration the way ParseDuration reads it, with the
// largest units that divide it: "90s" stays "1m30s", 48 hours is "2d".
func FormatDuration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	for _, u := range []struct {
		suffix string
		unit   time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}, {"us", time.Microsecond}} {
		if n := d / u.unit; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10) + u.suffix)
			d -= n * u.unit
		}
	}
	return b.String()
}

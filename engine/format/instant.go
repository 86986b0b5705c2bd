package format

import (
	"strings"
	"time"
)

// rfc3339 reads RFC 3339 and its relatives: no zone means UTC, a space may
// stand for the T. The zero time means that it is none.
func rfc3339(s string) time.Time {
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// epoch reads a decimal number of units since 1970; a unit is its length.
func epoch(s string, unit time.Duration) time.Time {
	whole, fraction, _ := strings.Cut(s, ".")
	n, ok := atoi(whole)
	per := int64(time.Second / unit)
	if !ok || n <= 0 || n/per > 253402300799 { // the year 9999
		return time.Time{}
	}
	t := time.Unix(n/per, n%per*int64(unit))
	scale := unit
	for i := 0; i < len(fraction) && scale >= 10; i++ {
		if fraction[i] < '0' || fraction[i] > '9' {
			return time.Time{}
		}
		scale /= 10
		t = t.Add(scale * time.Duration(fraction[i]-'0'))
	}
	return t.UTC()
}

// anyEpoch reads a number of seconds, milli-, micro- or nanoseconds since
// 1970, told apart by its magnitude.
func anyEpoch(s string) time.Time {
	whole, _, _ := strings.Cut(s, ".")
	switch n := len(whole); {
	case n < 9:
		return time.Time{}
	case n <= 11:
		return epoch(s, time.Second)
	case n <= 14:
		return epoch(s, time.Millisecond)
	case n <= 17:
		return epoch(s, time.Microsecond)
	}
	return epoch(s, time.Nanosecond)
}

// anyTime reads the JSON value of a time: text in RFC 3339, or an epoch as a
// number or as text.
func anyTime(token []byte) time.Time {
	s := scalarOf(token)
	if s == "" {
		return time.Time{}
	}
	if t := rfc3339(s); !t.IsZero() {
		return t
	}
	return anyEpoch(s)
}

// withYear finds the year of a time of which only month, day and time of day
// are known: the latest that is not more than a day after seen.
func withYear(t, seen time.Time) time.Time {
	year := seen.UTC().Year()
	if seen.IsZero() {
		year = 1970
	}
	for ; ; year-- {
		u := time.Date(year, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
		if u.Day() == t.Day() && (seen.IsZero() || !u.After(seen.Add(24*time.Hour))) || year < seen.UTC().Year()-8 {
			return u
		}
	}
}

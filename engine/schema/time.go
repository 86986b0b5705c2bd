package schema

import (
	"bytes"
	"math"
	"strconv"
	"time"
)

// instant is a moment read from a record.
type instant struct {
	micros int64 // since 1970-01-01T00:00:00Z
	// exact: the moment alone tells the original value (UTC, and nothing
	// finer than a microsecond).
	exact bool
	// finer: digits below a microsecond were cut off.
	finer bool
	// altered: the original had an offset of its own, a leap second, or a
	// fraction of an epoch that is cut off.
	altered bool
}

// The years a time stamp may lie in; DuckDB and Parquet readers agree there.
const (
	minMicros = -62135596800000000 // 0001-01-01
	maxMicros = 253402300799999999 // 9999-12-31T23:59:59.999999
)

// parseTime reads RFC 3339 and its common relatives: a space for the T, no
// zone (UTC), an offset without a colon, a comma before the fraction.
func parseTime(b []byte) (instant, bool) {
	if len(b) < 10 || b[4] != '-' || b[7] != '-' {
		return instant{}, false
	}
	year, ok1 := number2(b[0:2])
	century, ok2 := number2(b[2:4])
	month, ok3 := number2(b[5:7])
	day, ok4 := number2(b[8:10])
	year = year*100 + century
	if !(ok1 && ok2 && ok3 && ok4) || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return instant{}, false
	}
	out := instant{micros: daysSinceEpoch(year, month, day) * 86400e6, exact: true}
	if len(b) == 10 {
		return out.zone(nil)
	}
	if len(b) < 19 || (b[10] != 'T' && b[10] != 't' && b[10] != ' ') || b[13] != ':' || b[16] != ':' {
		return instant{}, false
	}
	hour, ok1 := number2(b[11:13])
	minute, ok2 := number2(b[14:16])
	second, ok3 := number2(b[17:19])
	if !(ok1 && ok2 && ok3) || hour > 23 || minute > 59 || second > 60 {
		return instant{}, false
	}
	out.micros += int64(hour)*3600e6 + int64(minute)*60e6 + int64(second)*1e6
	if second == 60 { // a leap second has no instant of its own
		out.exact, out.altered = false, true
	}
	rest := b[19:]
	if len(rest) > 1 && (rest[0] == '.' || rest[0] == ',') {
		n := 1
		unit := int64(100_000)
		for ; n < len(rest) && '0' <= rest[n] && rest[n] <= '9'; n++ {
			out.micros += int64(rest[n]-'0') * unit
			if unit == 0 && rest[n] != '0' {
				out.finer = true
			}
			unit /= 10
		}
		if n == 1 {
			return instant{}, false
		}
		rest = rest[n:]
	}
	return out.zone(rest)
}

func (t instant) zone(b []byte) (instant, bool) {
	t.exact = t.exact && !t.finer
	switch {
	case len(b) == 0:
		t.exact = false // the zone was assumed
	case len(b) == 1 && (b[0] == 'Z' || b[0] == 'z'):
	case b[0] == '+' || b[0] == '-':
		hour, ok := number2(b[1:min(3, len(b))])
		minute, ok2 := 0, true
		switch {
		case len(b) == 6 && b[3] == ':':
			minute, ok2 = number2(b[4:6])
		case len(b) == 5:
			minute, ok2 = number2(b[3:5])
		case len(b) != 3:
			return t, false
		}
		if !ok || !ok2 || hour > 23 || minute > 59 {
			return t, false
		}
		offset := int64(hour)*3600e6 + int64(minute)*60e6
		if b[0] == '-' {
			offset = -offset
		}
		t.micros -= offset
		if offset != 0 || b[0] == '-' { // -00:00 says that the zone is not known
			t.exact, t.altered = false, true
		}
	default:
		return t, false
	}
	return t, t.micros >= minMicros && t.micros <= maxMicros
}

// parseEpoch reads a number as seconds, milliseconds, microseconds or
// nanoseconds since 1970, told apart by magnitude: each unit is taken where
// it lands between 1973 and 5138. A fraction is one of seconds or
// milliseconds.
func parseEpoch(b []byte) (instant, bool) {
	if s := (scanner{b: b}); len(b) == 0 {
		return instant{}, false
	} else if _, ok := s.number(); !ok || s.pos != len(b) {
		return instant{}, false // "nan" and "0x1p30" are no times
	}
	if n, err := strconv.ParseInt(string(b), 10, 64); err == nil {
		switch a := max(n, -n); {
		case a < 1e8:
			return instant{}, false
		case a < 1e11:
			return instant{micros: n * 1e6, exact: true}, true
		case a < 1e14:
			return instant{micros: n * 1e3, exact: true}, true
		case a < 1e17:
			return instant{micros: n, exact: true}, true
		}
		micros := n / 1000
		if n%1000 < 0 {
			micros--
		}
		return instant{micros: micros, exact: n%1000 == 0, finer: n%1000 != 0}, true
	}
	if bytes.ContainsAny(b, "eE") {
		return parseExponent(b)
	}
	whole, fraction, _ := bytes.Cut(b, []byte("."))
	n, err := strconv.ParseInt(string(whole), 10, 64)
	a := max(n, -n)
	if err != nil || a < 1e8 || a >= 1e14 {
		return instant{}, false
	}
	unit := int64(1e6)
	if a >= 1e11 {
		unit = 1e3
	}
	out := instant{micros: n * unit}
	if n < 0 {
		unit = -unit
	}
	for _, d := range fraction {
		unit /= 10
		out.micros += int64(d-'0') * unit
		out.altered = out.altered || unit == 0 && d != '0'
	}
	return out, true
}

// parseExponent reads seconds or milliseconds that are written like 1.7e9.
func parseExponent(b []byte) (instant, bool) {
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.Abs(f) < 1e8 || math.Abs(f) >= 1e14 {
		return instant{}, false
	}
	f *= 1e3
	if math.Abs(f) < 1e14 {
		f *= 1e3
	}
	return instant{micros: int64(math.Round(f)), altered: f != math.Trunc(f)}, true
}

func number2(b []byte) (int, bool) {
	if len(b) != 2 || b[0] < '0' || b[0] > '9' || b[1] < '0' || b[1] > '9' {
		return 0, false
	}
	return int(b[0]-'0')*10 + int(b[1]-'0'), true
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// daysSinceEpoch counts days from 1970-01-01 in the proleptic Gregorian
// calendar (H. Hinnant, "chrono-compatible low-level date algorithms").
func daysSinceEpoch(year, month, day int) int64 {
	y := year
	if month <= 2 {
		y--
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	yoe := y - era*400
	mp := (month + 9) % 12
	doy := (153*mp+2)/5 + day - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return int64(era)*146097 + int64(doe) - 719468
}

// appendTime writes an instant as RFC 3339 in UTC with microseconds.
func appendTime(dst []byte, micros int64) []byte {
	return time.UnixMicro(micros).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000000Z")
}

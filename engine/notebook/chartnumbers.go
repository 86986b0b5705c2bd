package notebook

import (
	"math"
	"strconv"
	"strings"
	"time"
)

func numericColumn(t *Table, i int) bool {
	for _, row := range t.Rows {
		if row[i] != nil {
			_, ok := scalar(row[i])
			return ok
		}
	}
	return true
}

// scalar reads a value as a place on an axis: a number, or microseconds.
// Numbers so large that a distance between two of them overflows have none.
func scalar(v any) (float64, bool) {
	f, ok := finite(v)
	return f, ok && math.Abs(f) < 1e300
}

func finite(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, !math.IsNaN(v) && !math.IsInf(v, 0)
	case float32:
		return float64(v), true
	case int64:
		return float64(v), true
	case int32:
		return float64(v), true
	case uint64:
		return float64(v), true
	case int:
		return float64(v), true
	case string:
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return float64(t.UnixMicro()), true
		}
		if t, err := time.Parse("2006-01-02", v); err == nil {
			return float64(t.UnixMicro()), true
		}
		f, err := strconv.ParseFloat(v, 64)
		return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
	}
	return 0, false
}

// niceStep rounds a distance up to 1, 2 or 5 times a power of ten.
func niceStep(raw float64) float64 {
	if raw <= 0 || math.IsNaN(raw) || math.IsInf(raw, 0) {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if raw <= m*power {
			return m * power
		}
	}
	return 10 * power
}

func compactNumber(v, step float64) string {
	for _, u := range []struct {
		size   float64
		suffix string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if step >= u.size/10 && math.Abs(v) >= u.size {
			return strconv.FormatFloat(math.Round(v/u.size*100)/100, 'f', -1, 64) + u.suffix
		}
	}
	digits := max(0, int(-math.Floor(math.Log10(step))))
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if s == "-0" {
		return "0"
	}
	return s
}

// grouped writes a number with its digits in groups of three.
func grouped(v float64) string {
	s := strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
	whole, fraction, has := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if has {
		return whole + "." + fraction
	}
	return whole
}

type tick struct {
	at    float64
	label string
}

// timeTicks chooses round moments; a label says the date where the day changes.
func timeTicks(from, to float64) []tick {
	step := timeSteps[len(timeSteps)-1]
	for _, s := range timeSteps {
		if (to-from)/float64(s.Microseconds()) <= 9 {
			step = s
			break
		}
	}
	var out []tick
	width := float64(step.Microseconds())
	for at := math.Ceil(from/width) * width; at <= to && len(out) < 20; at += width {
		t := time.UnixMicro(int64(at)).UTC()
		layout := "15:04"
		switch {
		case step >= 24*time.Hour, t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0:
			layout = "Jan 2"
		case step < time.Minute:
			layout = "15:04:05"
		}
		out = append(out, tick{at, t.Format(layout)})
	}
	return out
}

func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

var timeSteps = []time.Duration{
	time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour, 90 * 24 * time.Hour, 365 * 24 * time.Hour,
}

package notebook

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// readable writes a value as a person reads it: a fraction with the digits
// that tell something, a time with a space. It equals show where nothing was
// left out.
func readable(v any) string {
	switch v := v.(type) {
	case float64:
		return readableNumber(v)
	case string:
		if at := len("2006-01-02"); len(v) > at && v[at] == 'T' {
			if _, err := time.Parse(time.RFC3339Nano, v); err == nil {
				return v[:at] + " " + v[at+1:]
			}
		}
	}
	return show(v)
}

// readableNumber keeps three decimals, or of what is smaller than one three
// digits that are not the zeros before them.
func readableNumber(v float64) string {
	size, text := math.Abs(v), ""
	switch {
	case math.IsNaN(v), size >= 1e12, v == math.Trunc(v):
		return trimFloat(v)
	case size >= 1:
		text = strconv.FormatFloat(v, 'f', 3, 64)
	default:
		text = strconv.FormatFloat(v, 'g', 3, 64)
	}
	short, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return trimFloat(v)
	}
	return trimFloat(short)
}

// readablePairs shortens the numbers of "error_rate=0.4745762711864407 requests=76".
func readablePairs(s string) string {
	parts := strings.Split(s, " ")
	for i, p := range parts {
		name, value, _ := strings.Cut(p, "=")
		if f, err := strconv.ParseFloat(value, 64); err == nil && strings.ContainsAny(value, ".eE") {
			parts[i] = name + "=" + readableNumber(f)
		}
	}
	return strings.Join(parts, " ")
}

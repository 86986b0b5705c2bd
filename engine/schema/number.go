package schema

import "strconv"

// wholeOf reads an integer token of 64 bits.
func wholeOf(token []byte) int64 {
	digits := token
	if token[0] == '-' {
		digits = token[1:]
	}
	var n uint64 // holds what -1<<63 is without its sign
	for _, b := range digits {
		n = n*10 + uint64(b-'0')
	}
	if len(digits) < len(token) {
		n = -n
	}
	return int64(n) //nolint:gosec // as it is
}

// powers are those of ten that a double holds.
var powers = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// doubleOf reads a number token. With at most fifteen digits and no exponent
// one division gives the nearest double, for both its sides are exact (W. D.
// Clinger, "How to read floating point numbers accurately").
func doubleOf(token []byte, kind shape) float64 {
	if kind == isInt {
		return float64(wholeOf(token))
	}
	if len(token) > 17 {
		return slowDouble(token)
	}
	digits := token
	if token[0] == '-' {
		digits = token[1:]
	}
	var n uint64
	count, after, point := 0, 0, false
	for _, b := range digits {
		switch {
		case b == '.':
			point = true
			continue
		case b > '9' || b < '0':
			return slowDouble(token)
		case point:
			after++
		}
		n = n*10 + uint64(b-'0')
		count++
	}
	if count > 15 {
		return slowDouble(token)
	}
	v := float64(n) / powers[after]
	if len(digits) < len(token) {
		v = -v
	}
	return v
}

func slowDouble(token []byte) float64 {
	v, _ := strconv.ParseFloat(string(token), 64)
	return v
}

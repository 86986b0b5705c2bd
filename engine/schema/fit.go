package schema

import (
	"bytes"
	"math"
	"strconv"

	"tidemark.dev/tidemark/engine"
)

type verdict uint8

const (
	fits  verdict = iota
	cut           // fits, but loses digits that rest must keep
	wider         // a wider type on the lattice would hold it
	clash         // no type holds both
)

// fit checks one scalar token against a type. text is what to load instead of
// the token, or nil to load it as it stands. DuckDB converts silently where
// we must not (1.7 to 2, true to 1, "12" to 12, lost offsets), so nothing
// goes through here that would need converting.
func (c *Conformer) fit(t engine.Type, token []byte, kind shape) (text []byte, v verdict) {
	switch t.Kind {
	case engine.Bool:
		return nil, when(kind == isBool)
	case engine.BigInt:
		c.long = c.long || len(token) > 15
		return nil, fitBigInt(token, kind)
	case engine.HugeInt:
		if kind != isInt || !fitsHuge(token) {
			return nil, clash
		}
		return c.quoted(token), fits
	case engine.Double:
		return fitDouble(token, kind)
	case engine.Decimal:
		return c.fitDecimal(t, token, kind)
	case engine.Timestamp:
		return c.fitTimestamp(token, kind)
	case engine.Date:
		if kind != isText || len(token) != 12 {
			return nil, clash
		}
		var ok bool
		c.at, ok = parseTime(token[1:11])
		return nil, when(ok)
	case engine.UUID:
		return fitUUID(token, kind)
	case engine.Varchar:
		return nil, when(kind == isText)
	case engine.JSON:
		if keepsDigits(token) {
			return nil, fits
		}
		return token, cut
	}
	return nil, clash
}

func when(ok bool) verdict {
	if ok {
		return fits
	}
	return clash
}

func fitBigInt(token []byte, kind shape) verdict {
	switch {
	case kind == isFloat && finite(token):
		return wider
	case kind != isInt:
		return clash
	case len(token) <= 18:
		return fits
	}
	if _, err := strconv.ParseInt(string(token), 10, 64); err == nil {
		return fits
	}
	if fitsHuge(token) {
		return wider
	}
	return clash
}

func fitDouble(token []byte, kind shape) ([]byte, verdict) {
	switch kind {
	case isFloat:
		if len(token) <= 16 && bytes.IndexByte(token, 'e') < 0 && bytes.IndexByte(token, 'E') < 0 {
			return nil, fits // at most fifteen digits
		}
		switch v, exact := toDouble(token); {
		case math.IsInf(v, 0) || v == 0 && !exact:
			return nil, clash
		case !exact:
			return token, cut
		}
		return nil, fits
	case isInt:
		if len(token) <= 15 {
			return nil, fits
		}
		n, err := strconv.ParseInt(string(token), 10, 64)
		return nil, when(err == nil && n <= maxExactInt && n >= -maxExactInt)
	}
	return nil, clash
}

// typable reports whether some type of the lattice holds a scalar; lists and
// objects are judged by what is in them.
func typable(token []byte, kind shape) bool {
	switch kind {
	case isInt:
		return fitsHuge(token)
	case isFloat:
		return finite(token)
	}
	return true
}

// toDouble reads a number token. exact means that the double, written with as
// many digits, gives the token's digits again: none is lost.
func toDouble(token []byte) (v float64, exact bool) {
	v, err := strconv.ParseFloat(string(token), 64)
	if err != nil {
		return math.Inf(1), false
	}
	var room [40]byte
	digits := significant(room[:0], token)
	if len(digits) == 0 || len(digits) <= 15 && math.Abs(v) >= 0x1p-1022 { // a normal double has at least fifteen
		return v, true
	}
	var buf [64]byte
	back := strconv.AppendFloat(buf[:0], v, 'e', len(digits)-1, 64)
	return v, bytes.Equal(significant(nil, back), digits)
}

// significant appends the significant digits of a number token.
func significant(dst, token []byte) []byte {
	for _, b := range token {
		switch {
		case b == 'e' || b == 'E':
			return bytes.TrimRight(dst, "0")
		case b == '0' && len(dst) == 0 || b < '0' || b > '9':
		default:
			dst = append(dst, b)
		}
	}
	return bytes.TrimRight(dst, "0")
}

// keepsDigits reports whether DuckDB, which stores the numbers of a JSON text
// as doubles unless they are whole, keeps all digits of a value.
func keepsDigits(token []byte) bool {
	s := scanner{b: token}
	for s.pos < len(s.b) {
		switch b := s.b[s.pos]; {
		case b == '"':
			s.str()
		case b == '-' || '0' <= b && b <= '9':
			start := s.pos
			if whole, _ := s.number(); !whole {
				if v, exact := toDouble(s.b[start:s.pos]); !exact && !math.IsInf(v, 0) {
					return false
				}
			}
		default:
			s.pos++
		}
	}
	return true
}

// fitDecimal takes plain digits, bare or as text, that need no rounding.
func (c *Conformer) fitDecimal(t engine.Type, token []byte, kind shape) ([]byte, verdict) {
	digits := token
	switch kind {
	case isText:
		digits = token[1 : len(token)-1]
		s := scanner{b: digits}
		if _, ok := s.number(); !ok || s.pos != len(digits) {
			return nil, clash
		}
	case isInt, isFloat:
	default:
		return nil, clash
	}
	if bytes.IndexByte(digits, 'e') >= 0 || bytes.IndexByte(digits, 'E') >= 0 {
		return nil, clash
	}
	whole, fraction, _ := bytes.Cut(bytes.TrimPrefix(digits, []byte("-")), []byte("."))
	fraction = bytes.TrimRight(fraction, "0")
	whole = bytes.TrimLeft(whole, "0")
	if len(fraction) > int(t.Scale) || len(whole) > int(t.Precision)-int(t.Scale) {
		return nil, longer(t, digits, kind)
	}
	return c.quoted(digits), fits
}

// longer judges a number that does not fit a decimal: a decimal with more
// digits may hold an integer of 64 bits.
func longer(t engine.Type, digits []byte, kind shape) verdict {
	if _, step := Meet(t, engine.Scalar(engine.BigInt)); kind != isInt || step != Widens {
		return clash
	}
	if _, err := strconv.ParseInt(string(digits), 10, 64); err != nil {
		return clash
	}
	return wider
}

func (c *Conformer) fitTimestamp(token []byte, kind shape) ([]byte, verdict) {
	var at instant
	var ok bool
	switch kind {
	case isText:
		at, ok = parseTime(unquote(token, c.s.escaped, nil))
	case isInt, isFloat:
		at, ok = parseEpoch(token)
	}
	if !ok {
		return nil, clash
	}
	c.at = at
	if c.columns != nil {
		return nil, verdictOf(at)
	}
	mark := len(c.scratch)
	c.scratch = append(appendTime(append(c.scratch, '"'), at.micros), '"')
	text := c.scratch[mark:len(c.scratch):len(c.scratch)]
	return text, verdictOf(at)
}

func verdictOf(at instant) verdict {
	if at.finer || at.altered {
		return cut
	}
	return fits
}

func (c *Conformer) quoted(token []byte) []byte {
	mark := len(c.scratch)
	c.scratch = append(append(append(c.scratch, '"'), token...), '"')
	return c.scratch[mark:len(c.scratch):len(c.scratch)]
}

// fitUUID keeps the spelling of a UUID that the column would write in another
// way: it gives small letters.
func fitUUID(token []byte, kind shape) ([]byte, verdict) {
	switch {
	case kind != isText || !isUUID(token[1:len(token)-1]):
		return nil, clash
	case bytes.ContainsAny(token, "ABCDEF"):
		return token, cut
	}
	return nil, fits
}

func isUUID(b []byte) bool {
	if len(b) != 36 {
		return false
	}
	for i, ch := range b {
		switch i {
		case 8, 13, 18, 23:
			if ch != '-' {
				return false
			}
		default:
			if (ch < '0' || ch > '9') && (ch|0x20 < 'a' || ch|0x20 > 'f') {
				return false
			}
		}
	}
	return true
}

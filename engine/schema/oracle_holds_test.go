package schema

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// complete reports whether a type has a place for all of a value.
func complete(v any, t engine.Type) bool {
	switch v := v.(type) {
	case []any:
		if t.Kind != engine.List || !t.Known() {
			return false
		}
		for _, e := range v {
			if !complete(e, *t.Elem) {
				return false
			}
		}
		return true
	case map[string]any:
		for name, e := range v {
			ft, has := t.Field(name)
			if t.Kind == engine.Map {
				ft, has = *t.Elem, true
			}
			if !has || !complete(e, ft) {
				return false
			}
		}
		return t.Known()
	case nil:
		return t.Kind != engine.Unknown
	case string:
		return t.Kind != engine.UUID || v == strings.ToLower(v)
	case json.Number:
		if t.Kind == engine.Double || t.Kind == engine.JSON {
			return exactDouble(v)
		}
		return t.Kind != engine.Timestamp
	}
	return t.Known()
}

// epochSays reports whether a number is the moment in one of the units that
// are told apart by magnitude.
func epochSays(number string, micros int64) bool {
	if f, err := strconv.ParseFloat(number, 64); err != nil || f < -1e20 || f > 1e20 || len(number) > 60 { // a rational of 1e999999999 has as many digits
		return false
	}
	r, ok := new(big.Rat).SetString(number)
	if !ok {
		return false
	}
	for _, unit := range []*big.Rat{big.NewRat(1e6, 1), big.NewRat(1e3, 1), big.NewRat(1, 1), big.NewRat(1, 1e3)} {
		if new(big.Rat).Mul(r, unit).Cmp(big.NewRat(micros, 1)) == 0 {
			return true
		}
	}
	return false
}

// same compares two values; numbers by what they are, not how they are written.
func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			if w, has := b[k]; !has || !same(v, w) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !same(a[i], b[i]) {
				return false
			}
		}
		return true
	case json.Number:
		b, ok := b.(json.Number)
		return ok && (a == b || equalNumbers(a.String(), b.String()))
	}
	return a == b
}

func equalNumbers(a, b string) bool {
	if len(a)+len(b) > 60 || strings.ContainsAny(a+b, "eE") {
		return a == b
	}
	x, ok1 := new(big.Rat).SetString(a)
	y, ok2 := new(big.Rat).SetString(b)
	return ok1 && ok2 && x.Cmp(y) == 0
}

// exactDouble: the double nearest to a number, written with as many digits,
// has the number's digits.
func exactDouble(n json.Number) bool {
	f, err := strconv.ParseFloat(n.String(), 64)
	if err != nil {
		return false
	}
	mantissa, _, _ := strings.Cut(strings.ToLower(strings.TrimPrefix(n.String(), "-")), "e")
	digits := strings.Trim(strings.Replace(mantissa, ".", "", 1), "0")
	if digits == "" {
		return f == 0
	}
	digits = strings.TrimLeft(strings.Replace(mantissa, ".", "", 1), "0")
	back, _, _ := strings.Cut(strconv.FormatFloat(f, 'e', len(digits)-1, 64), "e")
	return f != 0 && strings.Trim(strings.Replace(strings.TrimPrefix(back, "-"), ".", "", 1), "0") == strings.Trim(digits, "0")
}

// holds reports whether the text in body, read as t, says the record's value.
func holds(value, in any, t engine.Type) bool {
	if value == nil || in == nil {
		return value == nil && in == nil
	}
	switch t.Kind {
	case engine.Timestamp, engine.HugeInt, engine.Decimal:
		text, ok := in.(string)
		if !ok {
			return false
		}
		if t.Kind != engine.Timestamp {
			return fmt.Sprint(value) == text || equalNumbers(fmt.Sprint(value), text)
		}
		return true // TestFitTimes looks at these
	case engine.Double, engine.JSON:
		if n, is := value.(json.Number); is && !exactDouble(n) && (t.Kind == engine.Double || strings.ContainsAny(n.String(), ".eE")) {
			if f, err := n.Float64(); err == nil && f != 0 {
				return false
			}
		}
	case engine.List:
		list, ok1 := value.([]any)
		into, ok2 := in.([]any)
		if !ok1 || !ok2 || len(list) != len(into) || !t.Known() {
			return false
		}
		for i := range list {
			if !holds(list[i], into[i], *t.Elem) {
				return false
			}
		}
		return true
	case engine.Map:
		object, ok1 := value.(map[string]any)
		into, ok2 := in.(map[string]any)
		if !ok1 || !ok2 || len(object) != len(into) || !t.Known() {
			return false
		}
		for name, v := range object {
			if !holds(v, into[name], *t.Elem) {
				return false
			}
		}
		return true
	case engine.Struct:
		object, ok1 := value.(map[string]any)
		into, ok2 := in.(map[string]any)
		if !ok1 || !ok2 {
			return false
		}
		for name, v := range object {
			ft, declared := t.Field(name)
			w, has := into[name]
			if !has || !declared || ft.Kind == engine.Unknown || !holds(v, w, ft) {
				return false
			}
		}
		return true
	}
	return same(value, in)
}

// loads says why DuckDB would convert, or not take, a value.
func loads(in any, t engine.Type) string {
	if in == nil {
		return ""
	}
	bad := fmt.Sprintf("%T %v would be loaded as %s", in, in, t)
	ok := false
	switch t.Kind {
	case engine.Bool:
		_, ok = in.(bool)
	case engine.BigInt:
		n, is := in.(json.Number)
		_, err := n.Int64()
		ok = is && err == nil
	case engine.Double:
		n, is := in.(json.Number)
		_, err := n.Float64()
		ok = is && err == nil
	case engine.HugeInt:
		s, is := in.(string)
		n, valid := new(big.Int).SetString(s, 10)
		ok = is && valid && n.BitLen() <= 127
	case engine.Timestamp:
		s, is := in.(string)
		_, err := time.Parse("2006-01-02T15:04:05.000000Z", s)
		ok = is && err == nil
	case engine.Varchar:
		_, ok = in.(string)
	case engine.Decimal:
		s, is := in.(string)
		ok = is && decimalHolds(s, t)
	case engine.Date:
		s, is := in.(string)
		_, err := time.Parse(time.DateOnly, s)
		ok = is && err == nil && s > "0001"
	case engine.UUID:
		s, is := in.(string)
		ok = is && uuidText.MatchString(s)
	case engine.Map:
		object, is := in.(map[string]any)
		for _, v := range object {
			if why := loads(v, *t.Elem); why != "" {
				return why
			}
		}
		ok = is
	case engine.Unknown, engine.JSON:
		ok = true
	case engine.List:
		list, is := in.([]any)
		for _, e := range list {
			if why := loads(e, *t.Elem); why != "" {
				return why
			}
		}
		ok = is
	case engine.Struct:
		object, is := in.(map[string]any)
		for name, v := range object {
			if ft, has := t.Field(name); has && ft.Known() {
				if why := loads(v, ft); why != "" {
					return why
				}
			}
		}
		ok = is
	}
	if ok {
		return ""
	}
	return bad
}

// decimalHolds reports whether a decimal stores the number in a text without
// rounding it.
func decimalHolds(s string, t engine.Type) bool {
	r, ok := new(big.Rat).SetString(s)
	if !ok || strings.ContainsAny(s, "eE/_") {
		return false
	}
	scaled := r.Mul(r, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Scale)), nil)))
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Precision)), nil)
	return scaled.IsInt() && scaled.Num().CmpAbs(limit) < 0
}

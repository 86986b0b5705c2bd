package result

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"
)

// maxSafe is the largest integer that every JSON reader keeps exactly.
const maxSafe = 1 << 53

// Object is a JSON object whose members keep their order.
type Object []Member

// Member is one member of an Object.
type Member struct {
	Name  string
	Value any
}

// MarshalJSON writes the members in their order.
func (o Object) MarshalJSON() ([]byte, error) { return appendJSON(nil, o), nil }

// Value makes a scanned value into one that JSON can carry without loss:
// times are RFC 3339 in UTC, integers beyond 2^53, hugeints and decimals are
// text, NaN and infinities are text, bytes are base64. A struct or a map
// becomes an Object, a list []any, and a JSON value json.RawMessage.
//
// typeName is the column's type as the rows of package cage tell it; without
// one a date and an instant cannot be told apart.
func Value(v any, typeName string) any { return value(v, ParseType(typeName)) }

func value(v any, t Type) any {
	switch v := v.(type) {
	case nil:
		return nil
	case bool, int8, int16, int32, uint8, uint16, uint32:
		return v
	case int:
		return whole(int64(v))
	case int64:
		return whole(v)
	case uint64:
		if v > maxSafe {
			return strconv.FormatUint(v, 10)
		}
		return v
	case float64:
		return real64(v)
	case float32:
		return real32(v)
	case string:
		return text(v, t)
	case time.Time:
		return moment(v, t.Name)
	case *big.Int:
		return v.String()
	case duckdb.Decimal:
		return decimal(v)
	case duckdb.UUID:
		return v.String()
	case duckdb.Interval:
		return interval(v)
	case duckdb.Bit:
		return v.String()
	case []byte:
		return bytes(v, t)
	}
	return nested(v, t)
}

func nested(v any, t Type) any {
	switch v := v.(type) {
	case map[string]any:
		return members(v, t)
	case []any:
		if t.Name == "MAP" {
			return entries(v, t)
		}
		elem := Type{}
		if t.Elem != nil {
			elem = *t.Elem
		}
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = value(x, elem)
		}
		return out
	case duckdb.OrderedMap:
		keys, values := v.Keys(), v.Values()
		out := make(Object, len(keys))
		for i, k := range keys {
			out[i] = entry(k, values[i], t)
		}
		return out
	case duckdb.Union:
		out := Object{{Name: v.Tag, Value: value(v.Value, t.field(v.Tag))}}
		return out
	}
	return v
}

// members puts a struct's members in the order of its type.
func members(v map[string]any, t Type) any {
	if t.Name == "JSON" {
		return v // the driver has parsed it: nothing more is known
	}
	out := make(Object, 0, len(v))
	for _, f := range t.Fields {
		out = append(out, Member{f.Name, value(v[f.Name], f.Type)})
	}
	if len(t.Fields) == 0 {
		for _, name := range sortedKeys(v) {
			out = append(out, Member{name, value(v[name], Type{})})
		}
	}
	return out
}

// entries makes an object of a map that came as a list of its entries.
func entries(v []any, t Type) Object {
	out := make(Object, 0, len(v))
	for _, x := range v {
		e, _ := x.(map[string]any)
		out = append(out, entry(e["key"], e["value"], t))
	}
	return out
}

func entry(key, v any, t Type) Member {
	var keyType, elem Type
	if t.Key != nil {
		keyType, elem = *t.Key, *t.Elem
	}
	return Member{string(appendText(nil, value(key, keyType))), value(v, elem)}
}

func (t Type) field(name string) Type {
	for _, f := range t.Fields {
		if f.Name == name {
			return f.Type
		}
	}
	return Type{}
}

func text(s string, t Type) any {
	if t.Name != "JSON" {
		return s
	}
	if raw := []byte(s); json.Valid(raw) {
		return json.RawMessage(raw)
	}
	return s
}

func bytes(v []byte, t Type) string {
	if t.Name == "UUID" && len(v) == 16 {
		u := duckdb.UUID(v)
		return u.String()
	}
	return base64.StdEncoding.EncodeToString(v)
}

func whole(v int64) any {
	if v > maxSafe || v < -maxSafe {
		return strconv.FormatInt(v, 10)
	}
	return v
}

func real64(v float64) any {
	if name := notFinite(v); name != "" {
		return name
	}
	return v
}

func real32(v float32) any {
	if name := notFinite(float64(v)); name != "" {
		return name
	}
	return v
}

func notFinite(v float64) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "Infinity"
	case math.IsInf(v, -1):
		return "-Infinity"
	}
	return ""
}

func decimal(d duckdb.Decimal) string {
	if d.Value == nil {
		return "0"
	}
	digits := new(big.Int).Abs(d.Value).String()
	if pad := int(d.Scale) + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	if d.Scale > 0 {
		at := len(digits) - int(d.Scale)
		digits = digits[:at] + "." + digits[at:]
	}
	if d.Value.Sign() < 0 {
		digits = "-" + digits
	}
	return digits
}

// moment writes a date, a time of day or an instant.
func moment(t time.Time, typeName string) string {
	switch typeName {
	case "DATE":
		if name := endless(t.Unix()/86400, math.MaxInt32); name != "" {
			return name
		}
		return year(t) + t.Format("-01-02")
	case "TIME":
		return t.Format("15:04:05.999999")
	case "TIME WITH TIME ZONE", "TIMETZ":
		return t.Format("15:04:05.999999Z07:00")
	case "TIMESTAMP_S":
		if name := endless(t.Unix(), math.MaxInt64); name != "" {
			return name
		}
	case "TIMESTAMP_MS":
		if name := endless(t.UnixMilli(), math.MaxInt64); name != "" {
			return name
		}
	case "TIMESTAMP_NS":
		if name := endless(t.UnixNano(), math.MaxInt64); name != "" && t.Year() > 1600 && t.Year() < 2300 {
			return name
		}
	default:
		if name := endless(t.UnixMicro(), math.MaxInt64); name != "" {
			return name
		}
	}
	t = t.UTC()
	return year(t) + t.Format("-01-02T15:04:05.999999999Z")
}

// endless names DuckDB's infinite times, which are the ends of their range.
func endless(v, limit int64) string {
	switch v {
	case limit:
		return "Infinity"
	case -limit:
		return "-Infinity"
	}
	return ""
}

// year writes four digits, or more with a sign, as ISO 8601 has it.
func year(t time.Time) string {
	y := t.Year()
	sign := ""
	switch {
	case y < 0:
		sign, y = "-", -y
	case y > 9999:
		sign = "+"
	}
	digits := strconv.Itoa(y)
	return sign + strings.Repeat("0", max(0, 4-len(digits))) + digits
}

// interval writes an ISO 8601 duration.
func interval(v duckdb.Interval) string {
	if v == (duckdb.Interval{}) {
		return "PT0S"
	}
	b := []byte{'P'}
	part := func(n int64, unit byte) {
		if n != 0 {
			b = append(strconv.AppendInt(b, n, 10), unit)
		}
	}
	part(int64(v.Months/12), 'Y')
	part(int64(v.Months%12), 'M')
	part(int64(v.Days), 'D')
	if v.Micros == 0 {
		return string(b)
	}
	b = append(b, 'T')
	part(v.Micros/3600e6, 'H')
	part(v.Micros/60e6%60, 'M')
	if rest := v.Micros % 60e6; rest != 0 {
		b = append(b, seconds(rest)...)
		b = append(b, 'S')
	}
	return string(b)
}

func seconds(micros int64) string {
	s := decimal(duckdb.Decimal{Scale: 6, Value: big.NewInt(micros)})
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

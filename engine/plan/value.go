package plan

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

type valueKind uint8

const (
	nullValue valueKind = iota
	boolValue
	intValue
	doubleValue
	textValue
	timeValue
	listValue
	hugeKey // an integer of more than 64 bits, in keys only
)

// Value is one value of an expression, or null, which is the zero Value. It
// is immutable. There are some for every window of a backtest, so it is kept
// small: Go's compiler holds up to four words in registers.
type Value struct {
	kind valueKind
	n    int64 // boolean, integer, microseconds since 1970, bits of a double
	ref  any   // string, []Value, *big.Int of more than 64 bits
}

// text is that of a text; "" of anything else.
func (v Value) text() string {
	s, _ := v.ref.(string)
	return s
}

// list is that of a list.
func (v Value) list() []Value {
	l, _ := v.ref.([]Value)
	return l
}

// big is the integer that is huge.
func (v Value) big() *big.Int {
	b, _ := v.ref.(*big.Int)
	return b
}

// double is the number of a double.
func (v Value) double() float64 { return math.Float64frombits(uint64(v.n)) }

// huge reports whether v is an integer that does not fit 64 bits.
func (v Value) huge() bool { return v.kind == intValue && v.ref != nil }

// Null is no value.
var Null Value

// Bool is a truth value.
func Bool(b bool) Value {
	if b {
		return Value{kind: boolValue, n: 1}
	}
	return Value{kind: boolValue}
}

// Int is an integer.
func Int(n int64) Value { return Value{kind: intValue, n: n} }

// BigInt is an integer of up to 128 bits; what does not fit is null. The
// value keeps its own copy.
func BigInt(b *big.Int) Value {
	if b.IsInt64() {
		return Int(b.Int64())
	}
	if b.Cmp(minHuge) < 0 || b.Cmp(maxHuge) > 0 {
		return Null
	}
	return Value{kind: intValue, ref: new(big.Int).Set(b)}
}

// Double is a number; NaN and infinities are null.
func Double(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Null
	}
	return Value{kind: doubleValue, n: int64(math.Float64bits(f + 0))} // -0 becomes 0
}

// Text is a string.
func Text(s string) Value { return Value{kind: textValue, ref: s} }

// Time is an instant, to the microsecond.
func Time(t time.Time) Value { return Value{kind: timeValue, n: t.UnixMicro()} }

// List is a list of values, which the caller must not change any more.
func List(values []Value) Value { return Value{kind: listValue, ref: values} }

// Of makes a Value from what database/sql gives for a column: booleans,
// integers of any width, *big.Int, floats, strings, times, lists and nil.
// Anything else is told apart from null only: it becomes true.
func Of(v any) Value {
	switch v := v.(type) {
	case nil:
		return Null
	case bool:
		return Bool(v)
	case int8:
		return Int(int64(v))
	case int16:
		return Int(int64(v))
	case int32:
		return Int(int64(v))
	case int64:
		return Int(v)
	case int:
		return Int(int64(v))
	case *big.Int:
		return BigInt(v)
	case float32:
		return Double(float64(v))
	case float64:
		return Double(v)
	case string:
		return Text(v)
	case time.Time:
		return Time(v)
	case []any:
		list := make([]Value, len(v))
		for i, x := range v {
			list[i] = Of(x)
		}
		return List(list)
	}
	return Bool(true)
}

// cell is row i of a column. Of a text, before is given where it is the same,
// so that a column of few texts does not copy each.
func cell(c *engine.Column, i int, before Value) Value {
	if c.IsNull(i) {
		return Null
	}
	switch c.Type {
	case engine.Bool:
		return Bool(c.Ints[i] != 0)
	case engine.Double:
		return Double(c.Floats[i])
	case engine.Timestamp:
		return Value{kind: timeValue, n: c.Ints[i]}
	case engine.HugeInt:
		return halves(c.Ints[2*i], uint64(c.Ints[2*i+1]))
	case engine.Varchar, engine.JSON:
		text := c.Text(i)
		if before.kind == textValue && before.text() == string(text) {
			return before
		}
		return Text(string(text))
	}
	return Int(c.Ints[i])
}

// halves is an integer of 128 bits.
func halves(upper int64, lower uint64) Value {
	if upper == int64(lower)>>63 {
		return Int(int64(lower))
	}
	b := new(big.Int).Lsh(big.NewInt(upper), 64)
	return BigInt(b.Add(b, new(big.Int).SetUint64(lower)))
}

// AppendKey adds bytes that two values of one type share if they are Equal, and
// only then; the bytes of several values one after the other do so, too.
func (v Value) AppendKey(to []byte) []byte {
	to = append(to, byte(v.kind))
	text := v.text()
	switch {
	case v.kind == listValue:
		to = binary.AppendUvarint(to, uint64(len(v.list())))
		for _, x := range v.list() {
			to = x.AppendKey(to)
		}
		return to
	case v.huge():
		to[len(to)-1] = byte(hugeKey)
		text = v.big().Text(62)
	case v.kind != textValue:
		return binary.LittleEndian.AppendUint64(to, uint64(v.n)) //nolint:gosec // its bits
	}
	to = binary.AppendUvarint(to, uint64(len(text)))
	return append(to, text...)
}

// IsNull reports whether there is no value.
func (v Value) IsNull() bool { return v.kind == nullValue }

// True reports whether the value is true, as opposed to false or null.
func (v Value) True() bool { return v.kind == boolValue && v.n != 0 }

// Int64 is an integer, and whether v is one that fits.
func (v Value) Int64() (int64, bool) { return v.n, v.kind == intValue && v.ref == nil }

// Float is a number as a double, and whether v is one.
func (v Value) Float() (float64, bool) {
	switch v.kind {
	case intValue:
		return intToDouble(v), true
	case doubleValue:
		return v.double(), true
	}
	return 0, false
}

// Items are the values of a list, and whether v is one.
func (v Value) Items() ([]Value, bool) {
	if v.kind != listValue {
		return nil, false
	}
	return v.list(), true
}

// Text is a string, and whether v is one.
func (v Value) Text() (string, bool) { return v.text(), v.kind == textValue }

// Time is an instant, and whether v is one.
func (v Value) Time() (time.Time, bool) { return time.UnixMicro(v.n).UTC(), v.kind == timeValue }

// Equal reports whether two values of one type are the same; null is the same
// as null.
func (v Value) Equal(w Value) bool { return v.kind == w.kind && Compare(v, w) == 0 }

// Compare orders two values of one type, null first.
func Compare(v, w Value) int {
	switch {
	case v.kind != w.kind:
		return cmp.Compare(v.kind, w.kind)
	case v.kind == doubleValue:
		return cmp.Compare(v.double(), w.double())
	case v.kind == textValue:
		return strings.Compare(v.text(), w.text())
	case v.kind == listValue:
		return slices.CompareFunc(v.list(), w.list(), Compare)
	case v.huge() || w.huge():
		return v.bigInt().Cmp(w.bigInt())
	}
	return cmp.Compare(v.n, w.n)
}

// bigInt is an integer value as a number of any size, not to be changed.
func (v Value) bigInt() *big.Int {
	if v.huge() {
		return v.big()
	}
	return big.NewInt(v.n)
}

// String writes the value for people; null is "null".
func (v Value) String() string {
	switch v.kind {
	case boolValue:
		return strconv.FormatBool(v.n != 0)
	case intValue:
		return v.bigInt().String()
	case doubleValue:
		return strconv.FormatFloat(v.double(), 'f', -1, 64)
	case textValue:
		return v.text()
	case timeValue:
		return time.UnixMicro(v.n).UTC().Format(time.RFC3339Nano)
	case listValue:
		parts := make([]string, len(v.list()))
		for i, x := range v.list() {
			parts[i] = x.String()
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return "null"
}

// maxJSONInt is the largest integer that every reader of JSON keeps exact.
const maxJSONInt = 1 << 53

// MarshalJSON writes the value: times as RFC 3339, integers beyond 2^53 as
// strings.
func (v Value) MarshalJSON() ([]byte, error) {
	switch {
	case v.kind == nullValue:
		return []byte("null"), nil
	case v.kind == boolValue:
		return json.Marshal(v.n != 0)
	case v.kind == doubleValue:
		return json.Marshal(v.double())
	case v.kind == listValue:
		return json.Marshal(v.list())
	case v.kind == intValue && !v.huge() && -maxJSONInt <= v.n && v.n <= maxJSONInt:
		return strconv.AppendInt(nil, v.n, 10), nil
	}
	return json.Marshal(v.String())
}

// literalSQL writes a value that is not null.
func literalSQL(v Value) string {
	switch v.kind {
	case boolValue:
		return strings.ToUpper(strconv.FormatBool(v.n != 0))
	case intValue:
		if v.huge() || v.n < 0 {
			return "(" + v.bigInt().String() + ")"
		}
		return strconv.FormatInt(v.n, 10)
	case doubleValue:
		return doubleSQL(v.double())
	case textValue:
		return engine.QuoteText(v.text())
	}
	at := time.UnixMicro(v.n).UTC()
	if at.Before(minTime) || !at.Before(maxTime) {
		return "make_timestamptz(" + strconv.FormatInt(v.n, 10) + ")"
	}
	return "TIMESTAMPTZ '" + at.Format("2006-01-02 15:04:05.999999") + "+00'"
}

// doubleSQL writes a number with an exponent, which is what makes it a double
// and not a decimal to DuckDB.
func doubleSQL(f float64) string {
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.Contains(s, "e") {
		s += "e0"
	}
	if f < 0 {
		return "(" + s + ")"
	}
	return s
}

// KeyText writes the values of a group so that two groups have the same text
// only if they are the same; ParseKeyText reads it.
func KeyText(values []Value) string {
	parts := make([][2]string, len(values))
	for i, v := range values {
		parts[i][0] = strconv.Itoa(int(v.kind))
		switch v.kind {
		case nullValue:
		case timeValue:
			parts[i][1] = strconv.FormatInt(v.n, 10)
		default:
			parts[i][1] = v.String()
		}
	}
	b, _ := json.Marshal(parts) //nolint:errchkjson // strings always marshal
	return string(b)
}

// ParseKeyText reads what KeyText wrote.
func ParseKeyText(s string) ([]Value, error) {
	var parts [][2]string
	if err := json.Unmarshal([]byte(s), &parts); err != nil {
		return nil, err
	}
	values := make([]Value, len(parts))
	for i, p := range parts {
		kind, err := strconv.Atoi(p[0])
		if err != nil {
			return nil, err
		}
		switch valueKind(kind) {
		case boolValue:
			values[i] = Bool(p[1] == "true")
		case intValue:
			n, ok := new(big.Int).SetString(p[1], 10)
			if !ok {
				return nil, invalid("%q is no integer", p[1])
			}
			values[i] = BigInt(n)
		case textValue:
			values[i] = Text(p[1])
		case timeValue:
			n, err := strconv.ParseInt(p[1], 10, 64)
			if err != nil {
				return nil, err
			}
			values[i] = Time(time.UnixMicro(n))
		}
	}
	return values, nil
}

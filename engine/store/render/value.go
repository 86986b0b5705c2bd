// Package render writes the rows of a query: as a table for a terminal, JSON,
// CSV, Markdown, Arrow or Parquet. It owns how a value of each DuckDB type is
// written, and streams: no format but the first screen of a table is held in
// memory.
package render

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"
)

// maxSafe is the largest integer that every JSON reader keeps exactly.
const maxSafe = 1 << 53

// Value makes a scanned value into one that JSON can carry without loss:
// times are RFC 3339 in UTC, integers beyond 2^53, hugeints and decimals are
// text, NaN and infinities are text, bytes are base64. typeName is the
// column's type in DuckDB's words; inside nested values it is "".
func Value(v any, typeName string) any {
	switch v := v.(type) {
	case nil:
		return nil
	case time.Time:
		return moment(v, typeName)
	case int64:
		return whole(v)
	case uint64:
		if v > maxSafe {
			return strconv.FormatUint(v, 10)
		}
		return v
	case float64:
		return number(v)
	case float32:
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return number(f)
		}
		return v
	case *big.Int:
		return v.String()
	case duckdb.Decimal:
		return decimal(v)
	case duckdb.UUID:
		return v.String()
	case duckdb.Interval:
		return interval(v)
	case []byte:
		switch {
		case typeName == "UUID" && len(v) == 16:
			var u duckdb.UUID
			copy(u[:], v)
			return u.String()
		}
		return base64.StdEncoding.EncodeToString(v)
	}
	return nested(v)
}

func nested(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = Value(x, "")
		}
		return out
	case duckdb.OrderedMap:
		out := make(map[string]any)
		keys, values := v.Keys(), v.Values()
		for i, k := range keys {
			out[Text(k, "")] = Value(values[i], "")
		}
		return out
	case duckdb.Map:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[Text(k, "")] = Value(x, "")
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = Value(x, "")
		}
		return out
	case duckdb.Union:
		return Value(v.Value, "")
	}
	return v
}

func whole(v int64) any {
	if v > maxSafe || v < -maxSafe {
		return strconv.FormatInt(v, 10)
	}
	return v
}

func number(v float64) any {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "Infinity"
	case math.IsInf(v, -1):
		return "-Infinity"
	}
	return v
}

func decimal(d duckdb.Decimal) string {
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

func moment(t time.Time, typeName string) string {
	switch {
	case typeName == "DATE":
		return t.UTC().Format("2006-01-02")
	case strings.HasPrefix(typeName, "TIME") && !strings.HasPrefix(typeName, "TIMESTAMP"):
		return t.Format("15:04:05.999999")
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// interval writes an ISO 8601 duration.
func interval(v duckdb.Interval) string {
	if v == (duckdb.Interval{}) {
		return "PT0S"
	}
	var b strings.Builder
	b.WriteByte('P')
	part := func(n int64, unit string) {
		if n != 0 {
			b.WriteString(strconv.FormatInt(n, 10) + unit)
		}
	}
	part(int64(v.Months), "M")
	part(int64(v.Days), "D")
	if v.Micros != 0 {
		b.WriteByte('T')
		part(v.Micros/3600e6, "H")
		part(v.Micros/60e6%60, "M")
		if rest := v.Micros % 60e6; rest != 0 {
			b.WriteString(strconv.FormatFloat(float64(rest)/1e6, 'f', -1, 64) + "S")
		}
	}
	return b.String()
}

// Text writes a value for people: in a table, in CSV, in Markdown. Null is
// the empty text.
func Text(v any, typeName string) string {
	switch v := Value(v, typeName).(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32)
	case map[string]any, []any:
		return string(compact(v))
	default:
		return fmt.Sprint(v)
	}
}

// compact is JSON on one line, with < > & as they are.
func compact(v any) []byte {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return []byte(fmt.Sprint(v))
	}
	return []byte(strings.TrimSuffix(b.String(), "\n"))
}

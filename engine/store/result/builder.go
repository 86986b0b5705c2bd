package result

import (
	"math/big"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/duckdb/duckdb-go/v2"

	"tidemark.dev/tidemark/engine"
)

// appendArrow appends a scanned value of a type to the builder that
// arrowType stands for.
func appendArrow(b array.Builder, v any, t Type) error {
	if v == nil {
		b.AppendNull()
		return nil
	}
	switch b := b.(type) {
	case *array.StringBuilder:
		b.Append(string(appendText(nil, value(v, t))))
		return nil
	case *array.ListBuilder:
		return appendList(b, v, t)
	case *array.MapBuilder:
		return appendMap(b, v, t)
	case *array.StructBuilder:
		return appendStruct(b, v, t)
	case *array.Decimal128Builder:
		return appendDecimal(b, v)
	}
	if !appendPlain(b, v) {
		return unfit(v, t)
	}
	return nil
}

func unfit(v any, t Type) error {
	return engine.Errorf(engine.Invalid, op, "the value %s of type %s does not fit", appendText(nil, value(v, t)), t).
		WithHint("cast the column: CAST(... AS VARCHAR)")
}

// appendPlain appends a value of fixed width or bytes; false says that it is
// of another type than the builder.
func appendPlain(b array.Builder, v any) bool {
	switch b := b.(type) {
	case *array.BooleanBuilder:
		return add(b.Append, v)
	case *array.Int8Builder:
		return add(b.Append, v)
	case *array.Int16Builder:
		return add(b.Append, v)
	case *array.Int32Builder:
		return add(b.Append, v)
	case *array.Int64Builder:
		return add(b.Append, v)
	case *array.Uint8Builder:
		return add(b.Append, v)
	case *array.Uint16Builder:
		return add(b.Append, v)
	case *array.Uint32Builder:
		return add(b.Append, v)
	case *array.Uint64Builder:
		return add(b.Append, v)
	case *array.Float32Builder:
		return add(b.Append, v)
	case *array.Float64Builder:
		return add(b.Append, v)
	case *array.BinaryBuilder:
		return add(b.Append, v)
	case *array.MonthDayNanoIntervalBuilder:
		i, ok := v.(duckdb.Interval)
		b.Append(arrow.MonthDayNanoInterval{Months: i.Months, Days: i.Days, Nanoseconds: i.Micros * 1000})
		return ok
	}
	return appendTime(b, v)
}

func add[T any](appendTo func(T), v any) bool {
	x, ok := v.(T)
	if ok {
		appendTo(x)
	}
	return ok
}

func appendTime(b array.Builder, v any) bool {
	t, ok := v.(time.Time)
	if !ok {
		return false
	}
	switch b := b.(type) {
	case *array.Date32Builder:
		days := t.Unix() / 86400
		if t.Unix()%86400 < 0 {
			days--
		}
		b.Append(arrow.Date32(days))
	case *array.Time64Builder:
		b.Append(arrow.Time64(t.Hour()*3600+t.Minute()*60+t.Second())*1e6 + arrow.Time64(t.Nanosecond()/1000))
	case *array.TimestampBuilder:
		b.Append(ticks(t, b.Type().(*arrow.TimestampType).Unit))
	default:
		return false
	}
	return true
}

func ticks(t time.Time, unit arrow.TimeUnit) arrow.Timestamp {
	switch unit {
	case arrow.Second:
		return arrow.Timestamp(t.Unix())
	case arrow.Millisecond:
		return arrow.Timestamp(t.UnixMilli())
	case arrow.Microsecond:
		return arrow.Timestamp(t.UnixMicro())
	}
	return arrow.Timestamp(t.UnixNano())
}

// appendDecimal appends a DECIMAL, or a HUGEINT of up to 38 digits.
func appendDecimal(b *array.Decimal128Builder, v any) error {
	n, ok := v.(*big.Int)
	if d, isDecimal := v.(duckdb.Decimal); isDecimal {
		n, ok = d.Value, true
	}
	if !ok || n.CmpAbs(limit38) >= 0 {
		return unfit(v, Type{Name: "HUGEINT"})
	}
	b.Append(decimal128.FromBigInt(n))
	return nil
}

var limit38 = new(big.Int).Exp(big.NewInt(10), big.NewInt(38), nil)

func appendList(b *array.ListBuilder, v any, t Type) error {
	list, ok := v.([]any)
	if !ok {
		return unfit(v, t)
	}
	b.Append(true)
	for _, x := range list {
		if err := appendArrow(b.ValueBuilder(), x, *t.Elem); err != nil {
			return err
		}
	}
	return nil
}

func appendMap(b *array.MapBuilder, v any, t Type) error {
	b.Append(true)
	one := func(key, x any) error {
		if err := appendArrow(b.KeyBuilder(), key, *t.Key); err != nil {
			return err
		}
		return appendArrow(b.ItemBuilder(), x, *t.Elem)
	}
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			e, _ := x.(map[string]any)
			if err := one(e["key"], e["value"]); err != nil {
				return err
			}
		}
	case duckdb.OrderedMap:
		values := v.Values()
		for i, key := range v.Keys() {
			if err := one(key, values[i]); err != nil {
				return err
			}
		}
	default:
		return unfit(v, t)
	}
	return nil
}

func appendStruct(b *array.StructBuilder, v any, t Type) error {
	m, ok := v.(map[string]any)
	if !ok {
		return unfit(v, t)
	}
	b.Append(true)
	for i, f := range t.Fields {
		if err := appendArrow(b.FieldBuilder(i), m[f.Name], f.Type); err != nil {
			return err
		}
	}
	return nil
}

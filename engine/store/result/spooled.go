package result

import (
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/duckdb/duckdb-go/v2"

	"tidemark.dev/tidemark/engine"
)

// Delivered is how the columns of a query arrive over Arrow.
type Delivered struct {
	// Names are unique.
	Names []string
	// Types are those of the query; a value arrives as Cell reads it.
	Types []string

	cells []Type
}

// Deliver wraps a SELECT so that every value of it survives the way over
// Arrow into a browser: what Arrow has no type for, or readers of it know
// only as floats, becomes text as DuckDB writes it. names and types describe
// the columns of the query.
//
// The query stands on its own lines, one further down than before.
func Deliver(query string, names, types []string) (string, Delivered) {
	columns := make([]string, len(names))
	aliases := make([]string, len(names))
	d := Delivered{Names: uniqueNames(names), Types: types, cells: make([]Type, len(names))}
	same := true
	for i := range names {
		aliases[i] = "c" + strconv.Itoa(i)
		columns[i] = aliases[i]
		t := ParseType(types[i])
		d.cells[i] = t.overArrow(Type{Name: "JSON"})
		if carried := t.overArrow(Type{Name: "VARCHAR"}); carried.String() != t.String() {
			columns[i] = "CAST(" + aliases[i] + " AS " + carried.String() + ")"
		}
		same = same && columns[i] == aliases[i] && d.Names[i] == names[i]
		columns[i] += " AS " + engine.QuoteIdent(d.Names[i])
	}
	if same {
		return query, d
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM (\n" + query + "\n) AS t(" + strings.Join(aliases, ", ") + ")", d
}

// DeliveredAs describes columns of which only their Arrow types are known.
func DeliveredAs(schema *arrow.Schema) Delivered {
	var d Delivered
	for _, f := range schema.Fields() {
		t := Type{Name: "VARCHAR"}
		for name, scalar := range arrowScalars {
			if arrow.TypeEqual(scalar, f.Type) && (name < t.Name || t.Name == "VARCHAR") {
				t.Name = name
			}
		}
		d.Names, d.Types, d.cells = append(d.Names, f.Name), append(d.Types, t.Name), append(d.cells, t)
	}
	d.Names = uniqueNames(d.Names)
	return d
}

// maxDecimal is the widest DECIMAL that arrives as one.
const maxDecimal = 18

// overArrow is the type to cast to; json is that of JSON.
func (t Type) overArrow(json Type) Type {
	switch t.Name {
	case "LIST", "ARRAY":
		elem := t.Elem.overArrow(json)
		t.Elem = &elem
		return t
	case "MAP":
		key, elem := t.Key.overArrow(json), t.Elem.overArrow(json)
		t.Key, t.Elem = &key, &elem
		return t
	case "STRUCT":
		fields := make([]TypeField, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = TypeField{f.Name, f.Type.overArrow(json)}
			if f.Name == "" { // of row(): a reader would lose all but one
				fields[i].Name = strconv.Itoa(i + 1)
			}
		}
		t.Fields = fields
		return t
	case "JSON":
		return json
	case "VARCHAR", "NULL":
		return t
	case "DECIMAL":
		if 0 < t.Width && t.Width <= maxDecimal {
			return t
		}
	case "HUGEINT", "GEOMETRY":
	default:
		if _, has := arrowScalars[t.Name]; has {
			return t
		}
	}
	return Type{Name: "VARCHAR"}
}

// Cell gives a value of a delivered column as Value would.
func (d Delivered) Cell(column int, values arrow.Array, row int) any {
	return value(scanned(values, row), d.cells[column])
}

// AppendRow writes a row of a batch as a JSON array.
func (d Delivered) AppendRow(b []byte, batch arrow.RecordBatch, row int) []byte {
	b = append(b, '[')
	for i := range d.cells {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSON(b, d.Cell(i, batch.Column(i), row))
	}
	return append(b, ']')
}

// scanned is a value as the driver would have scanned it.
func scanned(values arrow.Array, i int) any {
	if values.IsNull(i) {
		return nil
	}
	switch a := values.(type) {
	case *array.Null:
		return nil
	case *array.Boolean:
		return a.Value(i)
	case *array.Int8:
		return a.Value(i)
	case *array.Int16:
		return a.Value(i)
	case *array.Int32:
		return a.Value(i)
	case *array.Int64:
		return a.Value(i)
	case *array.Uint8:
		return a.Value(i)
	case *array.Uint16:
		return a.Value(i)
	case *array.Uint32:
		return a.Value(i)
	case *array.Uint64:
		return a.Value(i)
	case *array.Float32:
		return a.Value(i)
	case *array.Float64:
		return a.Value(i)
	case *array.String:
		return a.Value(i)
	case *array.Binary:
		return a.Value(i)
	case *array.Decimal128:
		t := a.DataType().(*arrow.Decimal128Type)
		return duckdb.Decimal{Width: uint8(t.Precision), Scale: uint8(t.Scale), Value: new(big.Int).Set(a.Value(i).BigInt())}
	case *array.Date32:
		return time.Unix(int64(a.Value(i))*86400, 0).UTC()
	case *array.Time64:
		return a.Value(i).ToTime(a.DataType().(*arrow.Time64Type).Unit)
	case *array.Timestamp:
		return timeOf(int64(a.Value(i)), a.DataType().(*arrow.TimestampType).Unit)
	}
	return scannedNested(values, i)
}

func timeOf(v int64, unit arrow.TimeUnit) time.Time {
	switch unit {
	case arrow.Second:
		return time.Unix(v, 0).UTC()
	case arrow.Millisecond:
		return time.UnixMilli(v).UTC()
	case arrow.Nanosecond:
		return time.Unix(0, v).UTC()
	}
	return time.UnixMicro(v).UTC()
}

func scannedNested(values arrow.Array, i int) any {
	switch a := values.(type) {
	case *array.Map: // before a list, which it is as well
		from, to := a.ValueOffsets(i)
		out := make([]any, 0, to-from)
		for j := int(from); j < int(to); j++ {
			out = append(out, map[string]any{"key": scanned(a.Keys(), j), "value": scanned(a.Items(), j)})
		}
		return out
	case array.ListLike:
		from, to := a.ValueOffsets(i)
		out := make([]any, 0, to-from)
		for j := int(from); j < int(to); j++ {
			out = append(out, scanned(a.ListValues(), j))
		}
		return out
	case *array.Struct:
		out := make(map[string]any, a.NumField())
		for j, f := range a.DataType().(*arrow.StructType).Fields() {
			out[f.Name] = scanned(a.Field(j), i)
		}
		return out
	}
	return values.ValueStr(i)
}

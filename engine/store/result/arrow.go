package result

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// batchRows is the number of rows of one Arrow batch.
const batchRows = 8192

// writeArrow writes an Arrow IPC stream.
func writeArrow(w *writer, r *reader) (int64, error) {
	schema := arrowSchema(r)
	out := ipc.NewWriter(w, ipc.WithSchema(schema))
	n, err := batches(r, schema, out.Write)
	if err != nil {
		return n, err
	}
	if err := out.Close(); err != nil {
		return n, cannotWrite(err)
	}
	return n, nil
}

// batches builds Arrow batches of the rows and gives each to write.
func batches(r *reader, schema *arrow.Schema, write func(arrow.RecordBatch) error) (int64, error) {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	flush := func() error {
		batch := b.NewRecordBatch()
		defer batch.Release()
		if err := write(batch); err != nil {
			return cannotWrite(err)
		}
		return nil
	}
	rows := 0
	n, err := r.each(func() error {
		for i, v := range r.vals {
			if err := appendArrow(b.Field(i), v, r.types[i]); err != nil {
				return err
			}
		}
		if rows++; rows < batchRows {
			return nil
		}
		rows = 0
		return flush()
	})
	if err == nil && (rows > 0 || n == 0) {
		err = flush()
	}
	return n, err
}

func arrowSchema(r *reader) *arrow.Schema {
	fields := make([]arrow.Field, len(r.types))
	for i, name := range r.uniqueNames() {
		fields[i] = arrowField(name, r.types[i])
	}
	return arrow.NewSchema(fields, nil)
}

func arrowField(name string, t Type) arrow.Field {
	f := arrow.Field{Name: name, Type: arrowType(t), Nullable: true}
	if t.Name == "JSON" {
		f.Metadata = arrow.NewMetadata([]string{"ARROW:extension:name", "ARROW:extension:metadata"}, []string{"arrow.json", ""})
	}
	return f
}

// arrowType chooses the Arrow type that carries a DuckDB type. What Arrow has
// no type for is text, as JSON would have it.
func arrowType(t Type) arrow.DataType {
	if plain, ok := arrowScalars[t.Name]; ok {
		return plain
	}
	switch t.Name {
	case "DECIMAL":
		if t.Width > 0 {
			return &arrow.Decimal128Type{Precision: int32(t.Width), Scale: int32(t.Scale)}
		}
	case "INTERVAL":
		return arrow.FixedWidthTypes.MonthDayNanoInterval
	case "LIST", "ARRAY":
		return arrow.ListOfField(arrowField("element", *t.Elem))
	case "MAP":
		key := arrowField("key", *t.Key)
		key.Nullable = false
		return arrow.MapOfFields(key, arrowField("value", *t.Elem))
	case "STRUCT":
		fields := make([]arrow.Field, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = arrowField(f.Name, f.Type)
		}
		if len(fields) > 0 {
			return arrow.StructOf(fields...)
		}
	}
	return arrow.BinaryTypes.String
}

var arrowScalars = map[string]arrow.DataType{
	"BOOLEAN": arrow.FixedWidthTypes.Boolean,
	"TINYINT": arrow.PrimitiveTypes.Int8, "SMALLINT": arrow.PrimitiveTypes.Int16,
	"INTEGER": arrow.PrimitiveTypes.Int32, "BIGINT": arrow.PrimitiveTypes.Int64,
	"UTINYINT": arrow.PrimitiveTypes.Uint8, "USMALLINT": arrow.PrimitiveTypes.Uint16,
	"UINTEGER": arrow.PrimitiveTypes.Uint32, "UBIGINT": arrow.PrimitiveTypes.Uint64,
	"FLOAT": arrow.PrimitiveTypes.Float32, "DOUBLE": arrow.PrimitiveTypes.Float64,
	"HUGEINT": &arrow.Decimal128Type{Precision: 38},
	"BLOB":    arrow.BinaryTypes.Binary, "GEOMETRY": arrow.BinaryTypes.Binary,
	"DATE": arrow.FixedWidthTypes.Date32, "TIME": arrow.FixedWidthTypes.Time64us,
	"TIMESTAMP":                &arrow.TimestampType{Unit: arrow.Microsecond},
	"TIMESTAMP WITH TIME ZONE": arrow.FixedWidthTypes.Timestamp_us,
	"TIMESTAMPTZ":              arrow.FixedWidthTypes.Timestamp_us,
	"TIMESTAMP_S":              &arrow.TimestampType{Unit: arrow.Second},
	"TIMESTAMP_MS":             &arrow.TimestampType{Unit: arrow.Millisecond},
	"TIMESTAMP_NS":             &arrow.TimestampType{Unit: arrow.Nanosecond},
}

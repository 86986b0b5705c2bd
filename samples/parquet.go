package samples

import (
	"bytes"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// field is one leaf column of the Parquet files: where it stands, what it
// holds, and how to read it from a record (false: null there). Exactly one of
// the readers is set. A field of a group is null only with its whole group.
type field struct {
	group, name string
	plain       bool // a dictionary would not pay
	text        func(*record) (string, bool)
	integer     func(*record) (int64, bool)
	double      func(*record) (float64, bool)
	instant     func(*record) int64 // milliseconds
}

var commonFields = []field{
	{name: "ts", plain: true, instant: func(r *record) int64 { return r.at.UnixMilli() }},
	{name: "svc", text: func(r *record) (string, bool) { return r.service.String(), true }},
	{name: "severity", text: func(r *record) (string, bool) { return r.level.String(), true }},
	{name: "msg", plain: true, text: func(r *record) (string, bool) { return r.message, true }},
	{name: "type", text: func(r *record) (string, bool) { return r.kind, true }},
	{name: "trace_id", plain: true, text: func(r *record) (string, bool) {
		return string(appendHex(appendHex(nil, r.trace.hi), r.trace.lo)), true
	}},
	{name: "span_id", plain: true, text: func(r *record) (string, bool) { return string(appendHex(nil, r.span)), true }},
	{name: "parent_id", plain: true, text: func(r *record) (string, bool) {
		return string(appendHex(nil, r.parent)), r.parent != 0
	}},
	{name: "region", text: func(r *record) (string, bool) { return r.region.name, true }},
	{name: "use_case", text: func(r *record) (string, bool) { return r.useCase, true }},
	{name: "version", text: func(r *record) (string, bool) { return r.version, true }},
	{name: "method", text: func(r *record) (string, bool) { return r.method, r.kind == kindRequest }},
	{name: "route", text: func(r *record) (string, bool) { return r.route, r.kind == kindRequest }},
	{name: "status", integer: func(r *record) (int64, bool) { return r.status, r.kind == kindRequest }},
	{name: "duration_ms", plain: true, double: func(r *record) (float64, bool) { return r.duration, r.kind == kindRequest }},
	{group: "user", name: "id", text: func(r *record) (string, bool) {
		if r.user == nil {
			return "", false
		}
		return r.user.name(), true
	}},
}

var catalogFields = append(commonFields[:len(commonFields):len(commonFields)],
	field{name: "cache", text: func(r *record) (string, bool) { return r.cache, r.cache != "" }},
	field{group: "search", name: "query", text: func(r *record) (string, bool) {
		if r.search == nil {
			return "", false
		}
		return r.search.query, true
	}},
	field{group: "search", name: "results", integer: func(r *record) (int64, bool) {
		if r.search == nil {
			return 0, false
		}
		return r.search.results, true
	}},
)

var paymentsFields = append(commonFields[:len(commonFields):len(commonFields)],
	field{name: "client_ip", text: func(r *record) (string, bool) { return r.ip, r.ip != "" }},
	field{group: "payment", name: "provider", text: func(r *record) (string, bool) {
		if r.payment == nil {
			return "", false
		}
		return r.payment.provider, true
	}},
	field{group: "payment", name: "amount", plain: true, double: func(r *record) (float64, bool) {
		if r.payment == nil {
			return 0, false
		}
		return float64(r.payment.cents) / 100, true
	}},
	poolField("max", func(p *pool) int64 { return p.limit }),
	poolField("in_use", func(p *pool) int64 { return p.inUse }),
	poolField("waiting", func(p *pool) int64 { return p.waiting }),
)

func poolField(name string, get func(*pool) int64) field {
	return field{group: "pool", name: name, integer: func(r *record) (int64, bool) {
		if r.pool == nil {
			return 0, false
		}
		return get(r.pool), true
	}}
}

// node is the field's place in a Parquet schema.
func (f *field) node() schema.Node {
	rep := parquet.Repetitions.Optional
	if f.group != "" || f.instant != nil {
		rep = parquet.Repetitions.Required
	}
	typ, logical := parquet.Types.Int64, schema.LogicalType(schema.NewIntLogicalType(64, true))
	switch {
	case f.text != nil:
		typ, logical = parquet.Types.ByteArray, schema.StringLogicalType{}
	case f.double != nil:
		typ, logical = parquet.Types.Double, schema.NoLogicalType{}
	case f.instant != nil:
		logical = schema.NewTimestampLogicalType(true, schema.TimeUnitMillis)
	}
	return schema.MustPrimitive(schema.NewPrimitiveNodeLogical(f.name, rep, logical, typ, -1, -1))
}

// table collects the records of one Parquet file, column by column.
type table struct {
	fields []field
	cols   []columnData
	codec  compress.Compression
	rows   int64
}

// columnData is what one leaf column of a file holds so far: a definition
// level for every row and a value for every row that has one.
type columnData struct {
	defs    []int16
	texts   []parquet.ByteArray
	ints    []int64
	doubles []float64
	arena   []byte
}

func newTable(fields []field, codec compress.Compression) *table {
	return &table{fields: fields, cols: make([]columnData, len(fields)), codec: codec}
}

func (t *table) add(r *record) {
	t.rows++
	for i := range t.fields {
		f, c := &t.fields[i], &t.cols[i]
		has := true
		switch {
		case f.text != nil:
			var s string
			if s, has = f.text(r); has {
				start := len(c.arena)
				c.arena = append(c.arena, s...)
				c.texts = append(c.texts, c.arena[start:len(c.arena):len(c.arena)])
			}
		case f.integer != nil:
			var n int64
			if n, has = f.integer(r); has {
				c.ints = append(c.ints, n)
			}
		case f.double != nil:
			var x float64
			if x, has = f.double(r); has {
				c.doubles = append(c.doubles, x)
			}
		default:
			c.ints = append(c.ints, f.instant(r))
		}
		if has {
			c.defs = append(c.defs, 1)
		} else {
			c.defs = append(c.defs, 0)
		}
	}
}

// reset empties the table and keeps its memory.
func (t *table) reset() {
	t.rows = 0
	for i := range t.cols {
		c := &t.cols[i]
		*c = columnData{c.defs[:0], c.texts[:0], c.ints[:0], c.doubles[:0], c.arena[:0]}
	}
}

// encode writes the table as a Parquet file of one row group.
func (t *table) encode(w *bytes.Buffer) error {
	props := []parquet.WriterProperty{parquet.WithCompression(t.codec), parquet.WithCreatedBy("shop")}
	for i := range t.fields {
		if f := &t.fields[i]; f.plain {
			props = append(props, parquet.WithDictionaryPath(f.path(), false))
		}
	}
	out := file.NewParquetWriter(w, t.root(), file.WithWriterProps(parquet.NewWriterProperties(props...)))
	group, err := out.AppendRowGroupChecked()
	if err != nil {
		return err
	}
	for i := range t.cols {
		column, err := group.NextColumn()
		if err != nil {
			return err
		}
		if err := t.cols[i].write(column); err != nil {
			return err
		}
	}
	if err := group.Close(); err != nil {
		return err
	}
	return out.Close()
}

func (f *field) path() parquet.ColumnPath {
	if f.group == "" {
		return parquet.ColumnPath{f.name}
	}
	return parquet.ColumnPath{f.group, f.name}
}

// root is the schema of the table: its fields in order, those of a group
// together.
func (t *table) root() *schema.GroupNode {
	var nodes, members schema.FieldList
	for i := range t.fields {
		f := &t.fields[i]
		if f.group == "" {
			nodes = append(nodes, f.node())
			continue
		}
		members = append(members, f.node())
		if i+1 == len(t.fields) || t.fields[i+1].group != f.group {
			nodes = append(nodes, schema.MustGroup(schema.NewGroupNode(f.group, parquet.Repetitions.Optional, members, -1)))
			members = nil
		}
	}
	return schema.MustGroup(schema.NewGroupNode("schema", parquet.Repetitions.Required, nodes, -1))
}

func (c *columnData) write(w file.ColumnChunkWriter) error {
	defs := c.defs
	if w.Descr().MaxDefinitionLevel() == 0 {
		defs = nil
	}
	var err error
	switch w := w.(type) {
	case *file.ByteArrayColumnChunkWriter:
		_, err = w.WriteBatch(c.texts, defs, nil)
	case *file.Int64ColumnChunkWriter:
		_, err = w.WriteBatch(c.ints, defs, nil)
	case *file.Float64ColumnChunkWriter:
		_, err = w.WriteBatch(c.doubles, defs, nil)
	}
	if err != nil {
		return err
	}
	return w.Close()
}

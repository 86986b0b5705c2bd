// Package columns runs statements whose rows are taken by the column, as
// DuckDB has them. The driver's rows cost about a microsecond each, which is
// most of what reading a hundred thousand windows takes.
package columns

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/duckdb/duckdb-go/v2/mapping"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store/handle"
)

// Query runs a statement on a connection; see engine.Columnar. Rows are handed
// out while DuckDB makes them.
func Query(ctx context.Context, conn *sql.Conn, query string, take func([]engine.Column, int) error) (ok bool, err error) {
	err = conn.Raw(func(c any) error {
		ok, err = run(ctx, c.(driver.Conn), query, take)
		return err
	})
	return ok, err
}

func run(ctx context.Context, conn driver.Conn, query string, take func([]engine.Column, int) error) (bool, error) {
	prepared, err := conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	if err != nil {
		return false, err
	}
	defer prepared.Close()
	statement, ok := prepared.(*duckdb.Stmt)
	if !ok {
		return false, fmt.Errorf("the driver gave a %T", prepared)
	}
	handles, err := handle.Of(conn, statement)
	if err != nil {
		return false, err
	}
	readers := readersOf(handles.Statement)
	if readers == nil {
		return false, nil
	}
	defer handle.InterruptWith(ctx, handles.Connection)()
	res, err := handles.Begin(ctx)
	if err != nil {
		return false, err
	}
	defer mapping.DestroyResult(&res)
	batch := make([]engine.Column, len(readers))
	return true, handle.Chunks(ctx, &res, func(chunk mapping.DataChunk) error {
		n := int(mapping.DataChunkGetSize(chunk))
		for i, r := range readers {
			r.read(&batch[i], mapping.DataChunkGetVector(chunk, mapping.IdxT(i)), n)
		}
		return take(batch, n)
	})
}

// reader is how a column is read.
type reader struct {
	kind engine.TypeKind
	copy func(c *engine.Column, data unsafe.Pointer, n int)
}

// readersOf are those of a statement's columns; nil where one has none.
func readersOf(statement mapping.PreparedStatement) []reader {
	out := make([]reader, mapping.PreparedStatementColumnCount(statement))
	for i := range out {
		t := mapping.PreparedStatementColumnLogicalType(statement, mapping.IdxT(i))
		r, ok := readerOf[mapping.GetTypeId(t)]
		own := mapping.LogicalTypeGetAlias(t) == "" // JSON is a VARCHAR by another name
		mapping.DestroyLogicalType(&t)
		if !ok || !own {
			return nil
		}
		out[i] = r
	}
	return out
}

var readerOf = map[mapping.Type]reader{
	mapping.TypeBoolean:     {engine.Bool, integers[uint8]},
	mapping.TypeTinyInt:     {engine.BigInt, integers[int8]},
	mapping.TypeSmallInt:    {engine.BigInt, integers[int16]},
	mapping.TypeInteger:     {engine.BigInt, integers[int32]},
	mapping.TypeBigInt:      {engine.BigInt, integers[int64]},
	mapping.TypeTimestamp:   {engine.Timestamp, integers[int64]},
	mapping.TypeTimestampTZ: {engine.Timestamp, integers[int64]},
	mapping.TypeHugeInt:     {engine.HugeInt, huge},
	mapping.TypeDouble:      {engine.Double, doubles},
	mapping.TypeVarchar:     {engine.Varchar, texts},
}

// read copies the first n rows of a vector. What lies where a row is null
// means nothing, except that texts there are empty.
func (r reader) read(c *engine.Column, v mapping.Vector, n int) {
	*c = engine.Column{Type: r.kind, Null: c.Null, Ints: c.Ints[:0], Floats: c.Floats[:0], Offsets: c.Offsets[:0], Bytes: c.Bytes[:0]}
	c.Null = nulls(c.Null[:0], mapping.VectorGetValidity(v), n)
	r.copy(c, mapping.VectorGetData(v), n)
}

// nulls reads a vector's mask, which has a bit a row; without one, none is null.
func nulls(into []bool, mask unsafe.Pointer, n int) []bool {
	for row := range n {
		valid := mask == nil || *(*uint64)(unsafe.Add(mask, 8*(row/64)))>>(row%64)&1 == 1
		into = append(into, !valid)
	}
	return into
}

func integers[T uint8 | int8 | int16 | int32 | int64](c *engine.Column, data unsafe.Pointer, n int) {
	for _, v := range unsafe.Slice((*T)(data), n) {
		c.Ints = append(c.Ints, int64(v))
	}
}

func doubles(c *engine.Column, data unsafe.Pointer, n int) {
	c.Floats = append(c.Floats, unsafe.Slice((*float64)(data), n)...)
}

// huge has the lower half first.
func huge(c *engine.Column, data unsafe.Pointer, n int) {
	for _, v := range unsafe.Slice((*[2]int64)(data), n) {
		c.Ints = append(c.Ints, v[1], v[0])
	}
}

// texts are sixteen bytes each, which begin with the length, and hold the text
// itself up to twelve bytes, else where it is.
func texts(c *engine.Column, data unsafe.Pointer, n int) {
	const size, inlined = 16, 12
	c.Offsets = append(c.Offsets, 0)
	for row := range n {
		if !c.Null[row] {
			at := unsafe.Add(data, size*row)
			length := *(*uint32)(at)
			text := (*byte)(unsafe.Add(at, 4))
			if length > inlined {
				text = *(**byte)(unsafe.Add(at, 8))
			}
			c.Bytes = append(c.Bytes, unsafe.Slice(text, length)...)
		}
		c.Offsets = append(c.Offsets, uint32(len(c.Bytes)))
	}
}

//go:build duckdb_arrow

package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/duckdb/duckdb-go/v2"
	"github.com/duckdb/duckdb-go/v2/arrowmapping"
	"github.com/duckdb/duckdb-go/v2/mapping"

	"tidemark.dev/tidemark/engine/store/cage"
	"tidemark.dev/tidemark/engine/store/handle"
	"tidemark.dev/tidemark/engine/store/result"
)

// Stream runs a person's query and hands sink its rows as Arrow while they
// are computed: the first come as soon as DuckDB has them, and no more than a
// few lie between it and the sink. It ends when the rows do, when ctx ends,
// or when the sink has had enough.
func (s *Store) Stream(ctx context.Context, query string, args []any, timeout time.Duration, sink Sink) error {
	unsaid := false
	err := cage.Deliver(ctx, s.DB(), query, args, s.caged(timeout, nil), func(ctx context.Context, conn driver.Conn, d cage.Delivery) error {
		err := stream(ctx, conn, d, args, sink)
		var e *duckdb.Error
		unsaid = ctx.Err() == nil && errors.As(err, &e) && e.Type == duckdb.ErrorTypeInterrupt
		return err
	})
	switch {
	case errors.Is(err, ErrEnough):
		return nil
	case unsaid && ctx.Err() == nil:
		// The thread that fails stops the others, and one of those may be heard
		// instead. Run in one piece, the query says why it fails.
		rows, why := cage.Query(ctx, s.DB(), query, args, s.caged(timeout, nil))
		if why != nil {
			return why
		}
		_ = rows.Close()
	}
	return err
}

// stream runs a statement with the driver's own parts. The driver itself
// always waits for the whole result.
func stream(ctx context.Context, conn driver.Conn, d cage.Delivery, args []any, sink Sink) error {
	prepared, err := conn.(driver.ConnPrepareContext).PrepareContext(ctx, d.Text)
	if err != nil {
		return err
	}
	defer prepared.Close()
	statement, ok := prepared.(*duckdb.Stmt)
	if !ok {
		return fmt.Errorf("the driver gave a %T", prepared)
	}
	if err := statement.BindWithCtx(ctx, handle.Named(args)); err != nil {
		return err
	}
	handles, err := handle.Of(conn, statement)
	if err != nil {
		return err
	}
	defer handle.InterruptWith(ctx, handles.Connection)()
	res, err := handles.Begin(ctx)
	if err != nil {
		return err
	}
	defer mapping.DestroyResult(&res)
	options := arrowmapping.ResultGetArrowOptions(&res)
	defer arrowmapping.DestroyArrowOptions(&options)
	schema, err := schemaOf(&res, options)
	if err != nil {
		return err
	}
	columns := d.Columns
	if columns == nil {
		known := result.DeliveredAs(schema)
		columns = &known
	}
	if err := sink.Begin(*columns, uniqueFields(schema, columns.Names)); err != nil {
		return err
	}
	return fetch(ctx, &res, options, schema, sink)
}

func fetch(ctx context.Context, res *mapping.Result, options arrowmapping.ArrowOptions, schema *arrow.Schema, sink Sink) error {
	return handle.Chunks(ctx, res, func(chunk mapping.DataChunk) error {
		batch, failed := arrowmapping.DataChunkToArrowArray(options, schema, chunk)
		if err := dataError(failed); err != nil {
			return err
		}
		defer batch.Release()
		return sink.Batch(batch)
	})
}

func schemaOf(res *mapping.Result, options arrowmapping.ArrowOptions) (*arrow.Schema, error) {
	n := mapping.ColumnCount(res)
	names := make([]string, n)
	types := make([]mapping.LogicalType, n)
	for i := range n {
		names[i], types[i] = mapping.ColumnName(res, i), mapping.ColumnLogicalType(res, i)
		defer mapping.DestroyLogicalType(&types[i])
	}
	schema, failed := arrowmapping.NewArrowSchema(options, types, names)
	return schema, dataError(failed)
}

// uniqueFields gives the columns their unique names.
func uniqueFields(schema *arrow.Schema, names []string) *arrow.Schema {
	fields := schema.Fields()
	for i := range fields {
		fields[i].Name = names[i]
	}
	return arrow.NewSchema(fields, nil)
}

func dataError(failed mapping.ErrorData) error {
	defer mapping.DestroyErrorData(&failed)
	if !mapping.ErrorDataHasError(failed) {
		return nil
	}
	return &duckdb.Error{Type: duckdb.ErrorType(mapping.ErrorDataErrorType(failed)), Msg: mapping.ErrorDataMessage(failed)}
}

package handle

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"time"

	bindings "github.com/duckdb/duckdb-go-bindings"
	"github.com/duckdb/duckdb-go/v2"
	"github.com/duckdb/duckdb-go/v2/mapping"
)

// Handles are those of a statement and of its connection.
type Handles struct {
	Connection mapping.Connection
	Statement  mapping.PreparedStatement
}

// Of reaches into the driver, which has no way of its own to stream.
func Of(conn driver.Conn, statement *duckdb.Stmt) (h Handles, err error) {
	if h.Connection.Ptr, err = Connection(conn); err != nil {
		return h, err
	}
	h.Statement.Ptr, err = Statement(statement)
	return h, err
}

// Begin runs a bound statement until its first rows are there.
func (h Handles) Begin(ctx context.Context) (mapping.Result, error) {
	var res mapping.Result
	var pending mapping.PendingResult
	if bindings.PendingPreparedStreaming(h.Statement, &pending) == mapping.StateError {
		err := Error(mapping.PendingError(pending))
		mapping.DestroyPending(&pending)
		return res, err
	}
	defer mapping.DestroyPending(&pending)
	if err := ctx.Err(); err != nil {
		return res, err
	}
	if mapping.ExecutePending(pending, &res) == mapping.StateError {
		err := errors.Join(ctx.Err(), Error(mapping.ResultError(&res)))
		mapping.DestroyResult(&res)
		return res, err
	}
	return res, nil
}

// Chunks hands use the chunks of a result one after the other, and destroys
// each.
func Chunks(ctx context.Context, res *mapping.Result, use func(mapping.DataChunk) error) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		chunk := mapping.FetchChunk(*res)
		if chunk.Ptr == nil {
			break
		}
		if mapping.DataChunkGetSize(chunk) == 0 {
			mapping.DestroyDataChunk(&chunk)
			break // so a stream says its end
		}
		err := use(chunk)
		mapping.DestroyDataChunk(&chunk)
		if err != nil {
			return err
		}
	}
	if text := mapping.ResultError(res); text != "" {
		return errors.Join(ctx.Err(), Error(text))
	}
	return ctx.Err()
}

// Named are arguments as the driver binds them.
func Named(args []any) []driver.NamedValue {
	out := make([]driver.NamedValue, len(args))
	for i, a := range args {
		out[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
		if named, ok := a.(sql.NamedArg); ok {
			out[i].Name, out[i].Value = named.Name, named.Value
		}
	}
	return out
}

// interruptEvery is how often DuckDB is told to stop: it forgets it when it
// is between two tasks.
const interruptEvery = 50 * time.Millisecond

// InterruptWith stops what runs on a connection once ctx ends. The function
// it gives ends that.
func InterruptWith(ctx context.Context, conn mapping.Connection) func() {
	over, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		select {
		case <-over:
			return
		case <-ctx.Done():
		}
		ticker := time.NewTicker(interruptEvery)
		defer ticker.Stop()
		for {
			mapping.Interrupt(conn)
			select {
			case <-over:
				return
			case <-ticker.C:
			}
		}
	}()
	return func() { close(over); <-gone }
}

// Error makes DuckDB's text the error that the driver would make of it.
func Error(text string) error {
	e := &duckdb.Error{Type: duckdb.ErrorTypeInvalidInput, Msg: text}
	prefix, _, _ := strings.Cut(text, ": ")
	for name, kind := range map[string]duckdb.ErrorType{
		"INTERRUPT Error": duckdb.ErrorTypeInterrupt, "Out of Memory Error": duckdb.ErrorTypeOutOfMemory,
		"INTERNAL Error": duckdb.ErrorTypeInternal, "FATAL Error": duckdb.ErrorTypeFatal,
		"TransactionContext Error": duckdb.ErrorTypeTransaction, "Serialization Error": duckdb.ErrorTypeSerialization,
		"IO Error": duckdb.ErrorTypeIO, "Connection Error": duckdb.ErrorTypeConnection, "Permission Error": duckdb.ErrorTypePermission,
	} {
		if prefix == name {
			e.Type = kind
		}
	}
	return e
}

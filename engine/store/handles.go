package store

import (
	"context"
	"database/sql/driver"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/duckdb/duckdb-go/v2/mapping"

	"tidemark.dev/tidemark/engine/store/handle"
)

// handles are what the driver keeps to itself.
type handles struct {
	connection mapping.Connection
	statement  mapping.PreparedStatement
}

// handlesOf reaches into the driver, which has no way of its own to stream.
func handlesOf(conn driver.Conn, statement *duckdb.Stmt) (h handles, err error) {
	if h.connection.Ptr, err = handle.Connection(conn); err != nil {
		return h, err
	}
	h.statement.Ptr, err = handle.Statement(statement)
	return h, err
}

// interruptEvery is how often DuckDB is told to stop: it forgets it when it
// is between two tasks.
const interruptEvery = 50 * time.Millisecond

// interruptWith stops what runs on a connection once ctx ends. The function
// it gives ends that.
func interruptWith(ctx context.Context, conn mapping.Connection) func() {
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

// driverError makes DuckDB's text the error that the driver would make of it.
func driverError(text string) error {
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

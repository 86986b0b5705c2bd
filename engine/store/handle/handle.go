// Package handle reaches the handles that DuckDB's Go driver keeps to itself.
// What is in C, and what the driver has no way for, needs them: table functions,
// functions called by DuckDB, results as streams. A driver that keeps them
// elsewhere is an error here, which the tests of those packages find.
package handle

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"reflect"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2"
)

// Connection is the duckdb_connection of a connection of the driver. It may be
// used for as long as the connection is open.
func Connection(conn driver.Conn) (unsafe.Pointer, error) {
	own, ok := conn.(*duckdb.Conn)
	if !ok {
		return nil, fmt.Errorf("the driver gave a %T", conn)
	}
	return pointer(reflect.ValueOf(own).Elem().FieldByName("conn"))
}

// Statement is the duckdb_prepared_statement of a statement of the driver.
func Statement(s *duckdb.Stmt) (unsafe.Pointer, error) {
	held := reflect.ValueOf(s).Elem().FieldByName("preparedStmt")
	if held.Kind() != reflect.Pointer || held.IsNil() {
		return nil, errHidden
	}
	return pointer(held.Elem())
}

// With calls use with the handle of a connection of its own, which is given
// back afterwards.
func With(ctx context.Context, db *sql.DB, use func(connection unsafe.Pointer) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(c any) error {
		connection, ok := c.(driver.Conn)
		if !ok {
			return fmt.Errorf("the driver gave a %T", c)
		}
		p, err := Connection(connection)
		if err != nil {
			return err
		}
		return use(p)
	})
}

var errHidden = fmt.Errorf("the driver is not the one this was written for: it hides its handles")

// pointer is what a handle of the driver's bindings points to.
func pointer(held reflect.Value) (unsafe.Pointer, error) {
	if !held.IsValid() || held.Kind() != reflect.Struct {
		return nil, errHidden
	}
	p := held.FieldByName("Ptr")
	if !p.IsValid() || p.Kind() != reflect.UnsafePointer {
		return nil, errHidden
	}
	return p.UnsafePointer(), nil
}

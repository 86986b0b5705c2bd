package engine

import (
	"context"
	"database/sql"
)

// Querier runs one SQL statement against the workspace. *sql.DB, *sql.Conn
// and *sql.Tx are Queriers; so is the caged handle that user SQL goes through.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Columnar is a Querier that also hands out rows by the column, which costs a
// fraction of a row at a time.
type Columnar interface {
	Querier
	// QueryColumns runs a statement and calls take with some of its rows at a
	// time, in order. The columns are take's until it returns; it keeps one by
	// leaving another in its place. They have the types of Column; ok is false,
	// and nothing was taken, where the statement gives others: QueryContext reads
	// those. An error of take ends it.
	QueryColumns(ctx context.Context, query string, take func(columns []Column, rows int) error) (ok bool, err error)
}

// Catalog tells what datasets there are and how generated SQL reads them.
type Catalog interface {
	// Datasets lists every dataset at its newest schema version, by name.
	Datasets(ctx context.Context) ([]Dataset, error)
	// Relation is a parenthesised SELECT over all rows of a dataset that
	// yields exactly the given paths, each as a column named Path.String().
	// It addresses the segments themselves, so that only these paths are read
	// from disk; paths that a segment does not have are null there.
	Relation(dataset string, paths []Path) (string, error)
}

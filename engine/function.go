package engine

import "context"

// ScalarFunction is a function of SQL that the database does not bring. It is
// a value and must not be changed once it was handed over.
type ScalarFunction struct {
	// Name has lower-case letters, digits and _.
	Name   string
	Doc    string
	Inputs []TypeKind // Bool, BigInt, Double, Varchar, Timestamp or JSON
	Output TypeKind
	// PassNulls hands rows with a null over too; else they give null.
	PassNulls bool
	// Begin is called when a query begins to use the function, and release when
	// that query ends: in between call stays what it is.
	Begin func() (call ScalarCall, release func(), err error)
}

// ScalarCall computes a batch: rows values for columns, which are the inputs
// and hold until it returns. Failed tells by row why there is no value; the
// query fails with the first of them. It is called by several goroutines at
// once, and answers the same for the same row.
type ScalarCall func(ctx context.Context, columns []Column, rows int) (out Column, failed map[int]string, err error)

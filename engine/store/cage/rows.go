package cage

import "database/sql"

// Rows are the complete result of a query. Close must be called; it gives
// the connection back.
type Rows struct {
	*sql.Rows
	query string
	types []string
	conn  *sql.Conn
	limit *limiter
}

// TypeNames are the types of the columns in full, as package result reads
// them: JSON within a STRUCT is told, and a value of it is its text.
func (r *Rows) TypeNames() []string {
	if r.types != nil {
		return r.types
	}
	columns, err := r.ColumnTypes()
	if err != nil {
		return nil // the rows are closed
	}
	for _, c := range columns {
		r.types = append(r.types, c.DatabaseTypeName())
	}
	return r.types
}

// Err is the error that ended the rows, told to a person.
func (r *Rows) Err() error { return Explain(r.Rows.Err(), r.query) }

// Close ends the query. It may be called again.
func (r *Rows) Close() error {
	err := r.Rows.Close()
	if r.conn != nil {
		r.conn.Close()
		r.conn = nil
	}
	if r.limit != nil {
		r.limit.end()
	}
	return Explain(err, r.query)
}

// Package result writes the rows of a query: as a table for a terminal, JSON,
// CSV, Markdown or Arrow. It owns how a value of each DuckDB type comes
// through the driver and how it is written. It streams: besides the rows by
// which a table is laid out, and one batch of Arrow, nothing is held in
// memory. Parquet is written by the database itself (package store).
package result

import (
	"bufio"
	"database/sql"
	"io"
	"strconv"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Formats are the texts that Write knows; it knows "arrow" too, an IPC
// stream.
var Formats = []string{"table", "json", "ndjson", "csv", "markdown"}

// Rows is what is written: *sql.Rows is one. Rows that also have a method
// TypeNames() []string tell by it the types of their columns in full; JSON
// values are text then.
type Rows interface {
	ColumnTypes() ([]*sql.ColumnType, error)
	Next() bool
	Scan(...any) error
	Err() error
}

// Options say how rows are written.
type Options struct {
	// Width is that of the terminal, in characters; 0 cuts nothing.
	Width int
}

const op = "write the result"

// Write writes rows in a format of Formats and gives their number. It does
// not close them.
func Write(w io.Writer, rows Rows, format string, opt Options) (int64, error) {
	write, ok := map[string]func(*writer, *reader) (int64, error){
		"table": func(w *writer, r *reader) (int64, error) { return writeTable(w, r, opt.Width) },
		"json":  writeJSON, "ndjson": writeNDJSON, "csv": writeCSV, "markdown": writeMarkdown, "arrow": writeArrow,
	}[format]
	if !ok {
		return 0, engine.Errorf(engine.Invalid, op, "there is no format %s", format).
			WithHint("there are %s and arrow", strings.Join(Formats, ", "))
	}
	r, err := newReader(rows)
	if err != nil {
		return 0, err
	}
	out := &writer{Writer: bufio.NewWriterSize(w, 64<<10)}
	n, err := write(out, r)
	if err == nil {
		err = rows.Err()
	}
	if flushed := out.Flush(); err == nil && flushed != nil {
		err = cannotWrite(flushed)
	}
	return n, err
}

func cannotWrite(err error) error { return engine.Errorf(engine.Unavailable, op, "%w", err) }

// writer is a buffered writer with a line to build in.
type writer struct {
	*bufio.Writer
	line []byte
}

// put writes the line built so far and starts the next.
func (w *writer) put() error {
	_, err := w.Write(w.line)
	w.line = w.line[:0]
	if err != nil {
		return cannotWrite(err)
	}
	return nil
}

// reader scans rows, one at a time.
type reader struct {
	rows  Rows
	names []string
	types []Type
	vals  []any
	into  []any
}

func newReader(rows Rows) (*reader, error) {
	columns, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	r := &reader{rows: rows, vals: make([]any, len(columns)), into: make([]any, len(columns))}
	for i, c := range columns {
		r.names = append(r.names, c.Name())
		r.types = append(r.types, ParseType(c.DatabaseTypeName()))
		r.into[i] = &r.vals[i]
	}
	if full, ok := rows.(interface{ TypeNames() []string }); ok {
		for i, name := range full.TypeNames() {
			r.types[i] = ParseType(name)
		}
	}
	return r, nil
}

// next scans the next row; false is the end.
func (r *reader) next() (bool, error) {
	if !r.rows.Next() {
		return false, r.rows.Err()
	}
	return true, r.rows.Scan(r.into...)
}

// each calls f for every row and counts them.
func (r *reader) each(f func() error) (n int64, err error) {
	for ; ; n++ {
		if ok, err := r.next(); err != nil || !ok {
			return n, err
		}
		if err := f(); err != nil {
			return n, err
		}
	}
}

func (r *reader) value(i int) any   { return value(r.vals[i], r.types[i]) }
func (r *reader) text(i int) string { return string(appendText(nil, r.value(i))) }

// uniqueNames are the columns' names, with a number behind one that was
// there before: a JSON object or a Parquet file has every name once.
func (r *reader) uniqueNames() []string { return uniqueNames(r.names) }

func uniqueNames(names []string) []string {
	taken := make(map[string]bool, len(names))
	for _, name := range names {
		taken[name] = true
	}
	used := make(map[string]bool, len(names))
	out := make([]string, len(names))
	for i, name := range names {
		unique := name
		for n := 1; used[unique] || unique != name && taken[unique]; n++ {
			unique = name + "_" + strconv.Itoa(n)
		}
		used[unique] = true
		out[i] = unique
	}
	return out
}

package store

import (
	"strings"

	"tidemark.dev/tidemark/engine"
)

// instantSQL turns a value of a declared type into the instant that a cast to
// TIMESTAMPTZ in UTC makes of it. DuckDB casts between the types of time by a
// calendar, a microsecond or more a row; their numbers are the same.
func instantSQL(value, declared string) string {
	switch {
	case declared == "TIMESTAMP WITH TIME ZONE":
		return value
	case declared == "TIMESTAMP":
	case strings.HasPrefix(declared, "TIMESTAMP"), declared == "DATE":
		value = "(" + value + ")::TIMESTAMP"
	default:
		return value + "::TIMESTAMPTZ"
	}
	return "CASE WHEN isfinite(" + value + ") THEN make_timestamptz(epoch_us(" + value + ")) ELSE (" + value + ")::TIMESTAMPTZ END"
}

// memberSQL turns a file's column into a member of a body.
func memberSQL(c engine.ForeignColumn, t engine.Type) string {
	value := convertSQL(fileColumn(c.Name), c.Declared)
	switch {
	case c.Type.DuckDB() == t.DuckDB() && c.Declared == c.Type.DuckDB():
		return value
	case t.Kind == engine.Timestamp:
		return instantSQL(value, c.Declared)
	}
	return value + "::" + t.DuckDB()
}

package cage

import (
	"context"
	"database/sql"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// lookUp finds every table and every unlisted function in the catalog. A
// table that is not there could be taken for the name of a file.
func (w *walker) lookUp(ctx context.Context, conn *sql.Conn) error {
	if err := w.lookUpTables(ctx, conn); err != nil {
		return err
	}
	for _, f := range w.functions {
		if err := w.lookUpFunction(ctx, conn, f); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) lookUpTables(ctx context.Context, conn *sql.Conn) error {
	seen := map[string]bool{}
	var names []string
	for _, t := range w.tables {
		if err := w.permitted(t); err != nil {
			return err
		}
		if name := t.quoted(); !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	if len(names) == 0 || exist(ctx, conn, names...) == nil {
		return nil
	}
	// Only one of them need be missing.
	for _, t := range w.tables {
		if err := exist(ctx, conn, t.quoted()); err != nil {
			return w.missing(ctx, t, err)
		}
	}
	return nil
}

// exist fails unless all tables are in the catalog. pragma_table_info looks
// where a FROM looks, but never at files.
func exist(ctx context.Context, conn *sql.Conn, names ...string) error {
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = "(SELECT count(*) FROM pragma_table_info(" + engine.QuoteText(name) + "))"
	}
	var n int64
	return conn.QueryRowContext(ctx, "SELECT "+strings.Join(parts, " + ")).Scan(&n)
}

func (t table) quoted() string {
	name := engine.QuoteIdent(t.name)
	if t.schema != "" {
		name = engine.QuoteIdent(t.schema) + "." + name
	}
	if t.database != "" {
		name = engine.QuoteIdent(t.database) + "." + name
	}
	return name
}

func (w *walker) missing(ctx context.Context, t table, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := pointAt(w.src.original, t.at, "there is no table %s", t)
	if _, hint := splitHint(plainMessage(err)); !strings.Contains(hint, `"pg_`) && !strings.Contains(hint, `"duckdb_`) {
		e.Hint = hint
	}
	if strings.ContainsAny(t.name, `./\*?[`) {
		e.Err, e.Hint = errNoFiles(t.name), "add the file as a source to tidemark.yaml and pull it"
	}
	if e.Hint == "" {
		e.Hint = "SHOW ALL TABLES lists what there is"
	}
	return e
}

// permitted refuses views of the system that tell more than the workspace.
func (w *walker) permitted(t table) error {
	if known().hidden[strings.ToLower(t.name)] {
		return pointAt(w.src.original, t.at, "the view %s cannot be used here", t.name).
			WithHint("it tells of more than the workspace")
	}
	return nil
}

// lookUpFunction decides about a function that is on no list. One that
// DuckDB brings is refused, and of one that does not exist DuckDB itself says
// so, with what comes nearest. What a plugin gave is a scalar function.
func (w *walker) lookUpFunction(ctx context.Context, conn *sql.Conn, f function) error {
	var internal, scalar sql.NullBool
	row := conn.QueryRowContext(ctx, "SELECT bool_or(internal), bool_or(function_type = 'scalar') FROM duckdb_functions() WHERE lower(function_name) = ?", f.name)
	if err := row.Scan(&internal, &scalar); err != nil {
		return Explain(err, w.src.original)
	}
	if internal.Bool && scalar.Bool && !known().refused[f.name] && !known().table[f.name] {
		return pointAt(w.src.original, f.at, "the plugin that gave the function %s is no longer there", f.name).
			WithHint("tidemark plugin list shows what there is")
	}
	if internal.Bool {
		e := pointAt(w.src.original, f.at, "the function %s cannot be used here", f.name)
		e.Hint = known().instead[f.name]
		return e
	}
	return nil
}

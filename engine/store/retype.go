package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Adopt makes v the newest version of its dataset without touching rows: the
// next batch opens a segment for it. A dataset that does not exist begins
// with it.
func (s *Store) Adopt(ctx context.Context, v engine.SchemaVersion) error {
	if err := CheckName(v.Dataset); err != nil {
		return err
	}
	s.mu.RLock()
	d := s.datasets[v.Dataset]
	s.mu.RUnlock()
	var next *dataset
	err := s.inTx(ctx, func(tx *sql.Tx) (err error) {
		next, err = s.openVersion(ctx, tx, d, v)
		return err
	})
	if err != nil {
		return err
	}
	s.replace(next)
	return nil
}

// Retype gives one body path another type and rewrites the rows: values that
// are of the new type are converted, from body and from rest; what is not goes
// to rest as it was. v is the version that says so.
func (s *Store) Retype(ctx context.Context, v engine.SchemaVersion, path engine.Path) error {
	if err := s.Merge(ctx, v.Dataset); err != nil {
		return err
	}
	d, err := s.lookup(v.Dataset)
	if err != nil {
		return err
	}
	to, err := typeAt(v.Body, path[1:])
	if err != nil {
		return err
	}
	next, err := s.rewriteAs(ctx, d, &dataset{version: v}, func(tx *sql.Tx, g segment) (selection, error) {
		if s.opt.Reread != nil && (readAsRecords(to) || nested(to) && !holds(g, path)) {
			return s.rereadAs(ctx, tx, g, v.Body, to, path)
		}
		return selection{retyped(g, v.Body, to, path), g.sql() + " LEFT JOIN " + takenTable + " ON taken_seq = _seq"}, s.takeFromRest(ctx, tx, g, engine.Path(path[1:]).String())
	}, func(tx *sql.Tx, g segment) error {
		if err := leaveTogether(ctx, tx, d, path); err != nil {
			return err
		}
		return recountConflicts(ctx, tx, g, v.Dataset, path, to)
	})
	if err != nil {
		return err
	}
	s.replace(next)
	return nil
}

// retyped selects the rows of a segment with one path at another type.
func retyped(g segment, body, to engine.Type, path engine.Path) string {
	key := engine.Path(path[1:]).String()
	old, have := "NULL", engine.Type{}
	if was, err := typeAt(g.body, path[1:]); err == nil && was.Known() {
		old, have = path.SQL(), was
	}
	fits := honestCast(old, to)
	if to.Kind == engine.Varchar && have.Known() {
		fits = writtenSQL(old, have)
	}
	fromRest := "NULL"
	if !nested(to) { // those are read value by value
		fromRest = honestCast("taken", to)
	}
	value := setPath("body", g.body, body, path[1:], "coalesce("+fits+", "+fromRest+")")
	rest := "CASE WHEN " + old + " IS NOT NULL AND " + fits + " IS NULL THEN " + restWith(key, old) +
		" WHEN " + fromRest + " IS NOT NULL THEN taken_rest ELSE rest::VARCHAR END"
	return selectWith(map[string]string{"body": value, "rest": rest})
}

// restWith is the rest of a row with a value under key, unless it has one there:
// that is the value as it came.
func restWith(key, value string) string {
	added := "json_object(" + engine.QuoteText(key) + ", " + value + ")::VARCHAR"
	return "CASE WHEN rest IS NULL THEN " + added +
		" WHEN json_exists(rest, " + engine.QuoteText(jsonPointer(key)) + ") THEN rest::VARCHAR" +
		" ELSE left(rest::VARCHAR, -1) || ',' || substr(" + added + ", 2) END"
}

// readAsRecords are the types of values with many spellings. DuckDB reads other
// ones than records are read by, and forgets how they were written.
func readAsRecords(t engine.Type) bool {
	return t.Kind == engine.Timestamp || t.Kind == engine.Date || t.Kind == engine.UUID
}

// nested are the types of values that hold others.
func nested(t engine.Type) bool {
	return t.Kind == engine.List || t.Kind == engine.Map || t.Kind == engine.Struct
}

// holds reports whether a segment has a column for a path, and so values of it
// that are not in rest.
func holds(g segment, path engine.Path) bool {
	t, err := typeAt(g.body, path[1:])
	return err == nil && t.Known()
}

// rereadAs selects the rows of a segment with one path at another type: what
// stands there is read again as if it came.
func (s *Store) rereadAs(ctx context.Context, tx *sql.Tx, g segment, body, to engine.Type, path engine.Path) (selection, error) {
	key := engine.Path(path[1:]).String()
	rest := "rest"
	if holds(g, path) {
		rest = "CASE WHEN " + path.SQL() + " IS NULL THEN rest::VARCHAR ELSE " + restWith(key, path.SQL()) + " END"
	}
	if _, err := tx.ExecContext(ctx, "CREATE OR REPLACE TEMP TABLE taken_from_rest (taken_seq BIGINT, taken "+to.DuckDB()+", taken_rest VARCHAR)"); err != nil {
		return selection{}, err
	}
	all := "(SELECT _seq, " + rest + " AS rest FROM " + g.sql() + ")"
	if _, err := s.eachPageOf(ctx, tx, all, s.opt.Reread(key, to), "true", func(p *settledPage) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO "+takenTable+" SELECT settled_seq, settled_body, settled_rest FROM "+p.source(to))
		return err
	}); err != nil {
		return selection{}, err
	}
	return selection{selectWith(map[string]string{
		"body": setPath("body", g.body, body, path[1:], "taken"),
		"rest": "CASE WHEN taken_seq IS NULL THEN rest::VARCHAR ELSE taken_rest END",
	}), g.sql() + " LEFT JOIN " + takenTable + " ON taken_seq = _seq"}, nil
}

// jsonPointer is the place of a member of rest, whose name may hold anything.
func jsonPointer(name string) string {
	return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

func typeAt(t engine.Type, names []string) (engine.Type, error) {
	for _, n := range names {
		next, ok := t.Field(n)
		if !ok {
			return t, engine.Errorf(engine.NotFound, "", "there is no path %s", engine.Path(names))
		}
		t = next
	}
	return t, nil
}

// honestCast converts a value only where nothing is lost or made up: DuckDB's
// own TRY_CAST would round 1.7 to 2 and read "yes" as true.
func honestCast(value string, to engine.Type) string {
	text := "(" + value + ")::VARCHAR"
	try := "try_cast(" + value + " AS " + to.DuckDB() + ")"
	guard := ""
	switch to.Kind {
	case engine.Varchar:
		return text
	case engine.JSON:
		return "to_json(" + value + ")"
	case engine.BigInt, engine.HugeInt:
		guard = "regexp_full_match(" + text + ", '-?[0-9]+')"
	case engine.Double, engine.Decimal:
		guard = "regexp_full_match(" + text + ", '-?[0-9]+(\\.[0-9]+)?([eE][-+]?[0-9]+)?') AND isfinite(try_cast(" + value + " AS DOUBLE))"
	case engine.Bool:
		guard = text + " IN ('true', 'false')"
	case engine.Timestamp:
		guard = "regexp_matches(" + text + ", '^[0-9]{4}-[0-9]{2}-[0-9]{2}')"
	case engine.Date:
		guard = "regexp_full_match(" + text + ", '[0-9]{4}-[0-9]{2}-[0-9]{2}')"
	default: // lists and structs: what comes out must read as what went in
		guard = "to_json(" + try + ")::VARCHAR = to_json(" + value + ")::VARCHAR"
	}
	return "CASE WHEN " + guard + " THEN " + try + " END"
}

// setPath rebuilds a struct with one member given by an expression, and the
// others read from value; members the old struct lacks are null.
func setPath(value string, from, to engine.Type, path []string, expr string) string {
	var members string
	for _, f := range to.Fields {
		if !f.Type.Known() {
			continue
		}
		have, has := from.Field(f.Name)
		member := "NULL::" + f.Type.DuckDB()
		switch {
		case f.Name == path[0] && len(path) == 1:
			member = "(" + expr + ")::" + f.Type.DuckDB()
		case f.Name == path[0]:
			member = setPath(value+"."+engine.QuoteIdent(f.Name), have, f.Type, path[1:], expr)
		case has && have.Known():
			member = value + "." + engine.QuoteIdent(f.Name) + "::" + f.Type.DuckDB()
		}
		if members != "" {
			members += ", "
		}
		members += engine.QuoteIdent(f.Name) + " := " + member
	}
	if members == "" {
		return "struct_pack(_ := NULL::BOOLEAN)"
	}
	return "struct_pack(" + members + ")"
}

// selectWith lists the table's columns, some of them replaced.
func selectWith(replaced map[string]string) string {
	list := ""
	for i, column := range columnNames() {
		if i > 0 {
			list += ", "
		}
		if expr, ok := replaced[column]; ok {
			column = expr + " AS " + column
		}
		list += column
	}
	return list
}

// selection is what a rewrite reads of an old segment: columns in table order,
// and from where.
type selection struct{ columns, from string }

// rewriteAs copies all rows into one new segment of next's version, reading
// each old segment as given, and does what else is to be done, in one
// transaction.
func (s *Store) rewriteAs(ctx context.Context, d, next *dataset, read func(*sql.Tx, segment) (selection, error), also ...func(*sql.Tx, segment) error) (*dataset, error) {
	v := next.version
	id := 1
	if n := len(d.segments); n > 0 {
		id = d.segments[n-1].id + 1
	}
	g := segment{id: id, version: v.Version, body: v.Body, table: fmt.Sprintf("%s_%d", v.Dataset, id)}
	next.segments = []segment{g}
	return next, s.inTx(ctx, func(tx *sql.Tx) error {
		defer tx.ExecContext(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS "+takenTable) //nolint:errcheck // a temporary table
		if v.Version != d.version.Version {
			if err := recordVersion(ctx, tx, v); err != nil {
				return err
			}
		}
		if err := createSegment(ctx, tx, v.Dataset, g); err != nil {
			return err
		}
		for _, old := range d.segments {
			from, err := read(tx, old)
			if err != nil {
				return err
			}
			if err := s.copySettled(ctx, tx, old, from, g); err != nil {
				return fmt.Errorf("rewrite %s: %w", v.Dataset, err)
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.segments WHERE dataset = ? AND id = ?`, v.Dataset, old.id); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, viewSQL(v.Dataset, next)); err != nil {
			return err
		}
		for _, do := range also {
			if err := do(tx, g); err != nil {
				return err
			}
		}
		for _, old := range d.segments {
			if _, err := tx.ExecContext(ctx, "DROP TABLE "+old.sql()); err != nil {
				return err
			}
		}
		return nil
	})
}

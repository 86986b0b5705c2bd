package store

import (
	"context"
	"database/sql"
	"fmt"

	"tidemark.dev/tidemark/engine"
)

// ConflictRow is one line of the conflict report.
type ConflictRow struct {
	Path    string `json:"path"`
	Want    string `json:"want"`
	Got     string `json:"got"`
	Source  string `json:"source"`
	Count   int64  `json:"count"`
	Example string `json:"example"`
}

// Conflicts reports the values of a dataset that stand in rest because their
// path has another type, most frequent first.
func (s *Store) Conflicts(ctx context.Context, dataset string) ([]ConflictRow, error) {
	if _, err := s.lookup(dataset); err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, `SELECT path, want, got, source, sum(count)::BIGINT AS n, min(example) FROM tidemark.conflicts
		WHERE dataset = ? GROUP BY path, want, got, source ORDER BY n DESC, path, got, source`, dataset)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []ConflictRow{}
	for rows.Next() {
		var c ConflictRow
		if err := rows.Scan(&c.Path, &c.Want, &c.Got, &c.Source, &c.Count, &c.Example); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// RestValues hands out the values that stand in rest under a path, as JSON.
// visit must not keep them.
func (s *Store) RestValues(ctx context.Context, dataset, path string, visit func([]byte)) error {
	if _, err := s.lookup(dataset); err != nil {
		return err
	}
	at := engine.QuoteText(jsonPointer(path))
	rows, err := s.QueryContext(ctx, `SELECT json_extract(rest, `+at+`)::VARCHAR FROM main.`+engine.QuoteIdent(dataset)+` WHERE json_exists(rest, `+at+`)`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var value sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&value); err != nil {
			return err
		}
		visit(value)
	}
	return rows.Err()
}

// RestPaths lists paths that stand in rest, the most frequent first.
func (s *Store) RestPaths(ctx context.Context, dataset string, most int) ([]string, error) {
	rows, err := s.QueryContext(ctx, `SELECT k FROM (SELECT unnest(json_keys(rest)) AS k FROM main.`+engine.QuoteIdent(dataset)+`) GROUP BY k ORDER BY count(*) DESC, k LIMIT ?`, most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var k string
		if err := rows.Scan(&k); err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, rows.Err()
}

// objectSQL is the URL of the object that a row is from.
const objectSQL = `regexp_replace(_position, '#[0-9./]+$', '')`

// shapeSQL names the shape of a member of rest, as the conformer does.
func shapeSQL(at string) string {
	return fmt.Sprintf(`CASE WHEN json_extract(rest, %[1]s)::VARCHAR = '{}' THEN 'empty object' WHEN json_extract(rest, %[1]s)::VARCHAR = '[]' THEN 'empty list'
		ELSE CASE json_type(rest, %[1]s) WHEN 'VARCHAR' THEN 'text' WHEN 'DOUBLE' THEN 'number' WHEN 'BOOLEAN' THEN 'bool' WHEN 'OBJECT' THEN 'object'
		WHEN 'ARRAY' THEN 'list' WHEN 'NULL' THEN 'null' ELSE 'integer' END END`, at)
}

// recountConflicts brings the report of a path up to date whose type has
// changed: what stands in rest still, and has no value in body, is a conflict
// with the new type. Names that had no room were counted together; those of
// the path no longer are.
func recountConflicts(ctx context.Context, tx *sql.Tx, g segment, dataset string, path engine.Path, to engine.Type) error {
	key := engine.Path(path[1:]).String()
	at := engine.QuoteText(jsonPointer(key))
	for _, statement := range []struct {
		sql  string
		args []any
	}{
		{`DELETE FROM tidemark.conflicts WHERE dataset = ? AND (path = ? OR starts_with(path, ? || '[') OR starts_with(path, ? || '.'))`, []any{dataset, key, key, key}},
		{fmt.Sprintf(`INSERT INTO tidemark.conflicts (dataset, path, want, got, source, count, example, object)
			SELECT ?, ?, ?, %[4]s AS got, _source, count(*), min(left(json_extract(rest, %[1]s)::VARCHAR, 200)), `+objectSQL+` AS object FROM %[2]s WHERE json_exists(rest, %[1]s) AND %[3]s IS NULL AND json_type(rest, %[1]s) <> 'NULL' GROUP BY got, _source, object`, at, g.sql(), path.SQL(), shapeSQL(at)), []any{dataset, key, to.String()}},
	} {
		if _, err := tx.ExecContext(ctx, statement.sql, statement.args...); err != nil {
			return fmt.Errorf("count the conflicts of %s anew: %w", key, err)
		}
	}
	return nil
}

// leaveTogether takes the values of a path out of the count of all names of
// its object that had no room.
func leaveTogether(ctx context.Context, tx *sql.Tx, d *dataset, path engine.Path) error {
	all := "*"
	if len(path) > 2 {
		all = engine.Path(path[1:len(path)-1]).String() + ".*"
	}
	at := engine.QuoteText(jsonPointer(engine.Path(path[1:]).String()))
	for _, g := range d.segments {
		if _, err := tx.ExecContext(ctx, `UPDATE tidemark.conflicts AS c SET count = c.count - r.n FROM (SELECT _source, `+objectSQL+` AS object, `+shapeSQL(at)+` AS got, count(*) AS n FROM `+g.sql()+
			` WHERE json_exists(rest, `+at+`) GROUP BY ALL) AS r WHERE c.dataset = ? AND c.path = ? AND c.source = r._source AND c.object = r.object AND c.got = r.got`, d.version.Dataset, all); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM tidemark.conflicts WHERE dataset = ? AND path = ? AND count <= 0`, d.version.Dataset, all)
	return err
}

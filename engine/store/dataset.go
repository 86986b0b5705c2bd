package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// dataset is what the registry says of one dataset. Values are replaced, not
// changed, once others can see them.
type dataset struct {
	version  engine.SchemaVersion
	segments []segment
	// attached: the rows are not here, but fetched as queries need them.
	attached bool
}

// allSegments lists the segments; a dataset that has no version has none.
func (d *dataset) allSegments() []segment {
	if d == nil {
		return nil
	}
	return d.segments
}

// segment is a table that holds the rows of one schema version.
type segment struct {
	id      int
	version int
	table   string
	body    engine.Type
	// lent names the attached dataset that stands in for a segment.
	lent string
}

func (g segment) sql() string {
	if g.lent != "" {
		return engine.QuoteIdent(g.lent)
	}
	return "segment." + engine.QuoteIdent(g.table)
}

var datasetName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)

// reserved names would hide a part of the catalog.
var reserved = []string{"workspace", "tidemark", "segment", "rollup", "main", "temp", "system", "information_schema", "pg_catalog", "all_events"}

// CheckName refuses what cannot name a dataset.
func CheckName(name string) error {
	if !datasetName.MatchString(name) {
		return engine.Errorf(engine.Invalid, "name a dataset", "%q is not a dataset name", name).
			WithHint("use letters, digits and underscores, and start with a letter")
	}
	if slices.Contains(reserved, strings.ToLower(name)) {
		return engine.Errorf(engine.Invalid, "name a dataset", "%q is a reserved name", name).WithHint("choose another name")
	}
	return nil
}

func loadDatasets(ctx context.Context, db *sql.DB) (map[string]*dataset, int64, error) {
	versions, err := readVersions(ctx, db, "")
	if err != nil {
		return nil, 0, err
	}
	out := map[string]*dataset{}
	bodies := map[string]engine.Type{}
	for _, v := range versions {
		bodies[fmt.Sprint(v.Dataset, v.Version)] = v.Body
		if d := out[v.Dataset]; d == nil || d.version.Version < v.Version {
			out[v.Dataset] = &dataset{version: v}
		}
	}
	rows, err := db.QueryContext(ctx, `SELECT dataset, id, version, table_name FROM tidemark.segments ORDER BY dataset, id`)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var g segment
		if err := rows.Scan(&name, &g.id, &g.version, &g.table); err != nil {
			return nil, 0, err
		}
		g.body = bodies[fmt.Sprint(name, g.version)]
		out[name].segments = append(out[name].segments, g)
	}
	if err := rows.Err(); err != nil {
		return nil, 0, err
	}
	if err := loadAttached(ctx, db, out); err != nil {
		return nil, 0, err
	}
	next, err := nextSeq(ctx, db, out)
	return out, next, err
}

func nextSeq(ctx context.Context, db *sql.DB, datasets map[string]*dataset) (int64, error) {
	var parts []string
	for _, d := range datasets {
		for _, g := range d.segments {
			parts = append(parts, `SELECT max(_seq) AS m FROM `+g.sql())
		}
	}
	if len(parts) == 0 {
		return 1, nil
	}
	var highest sql.NullInt64
	err := db.QueryRowContext(ctx, `SELECT max(m) FROM (`+strings.Join(parts, " UNION ALL ")+`)`).Scan(&highest)
	return highest.Int64 + 1, err
}

func readVersions(ctx context.Context, q engine.Querier, only string) ([]engine.SchemaVersion, error) {
	rows, err := q.QueryContext(ctx, `SELECT dataset, version, author, created_at, major, position, to_json(changes)::VARCHAR,
		body::VARCHAR, mapping::VARCHAR, originals::VARCHAR FROM tidemark.schemas WHERE ? IN ('', dataset) ORDER BY dataset, version`, only)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []engine.SchemaVersion
	for rows.Next() {
		var v engine.SchemaVersion
		var position, changes, body, mapping, originals sql.NullString
		if err := rows.Scan(&v.Dataset, &v.Version, &v.Author, &v.At, &v.Major, &position, &changes, &body, &mapping, &originals); err != nil {
			return nil, err
		}
		v.Position, v.At = position.String, v.At.UTC()
		for text, into := range map[*sql.NullString]any{&changes: &v.Changes, &body: &v.Body, &mapping: &v.Mapping, &originals: &v.Originals} {
			if text.Valid {
				if err := json.Unmarshal([]byte(text.String), into); err != nil {
					return nil, fmt.Errorf("read the registry of %s: %w", v.Dataset, err)
				}
			}
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// History lists the versions of a dataset, oldest first.
func (s *Store) History(ctx context.Context, name string) ([]engine.SchemaVersion, error) {
	if _, err := s.lookup(name); err != nil {
		return nil, err
	}
	return readVersions(ctx, s.DB(), name)
}

// Schema is the newest version of a dataset; ok is false when there is none.
func (s *Store) Schema(name string) (v engine.SchemaVersion, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d := s.datasets[name]
	if d == nil {
		return v, false
	}
	return d.version, true
}

// Datasets lists every dataset at its newest version, by name.
func (s *Store) Datasets(context.Context) ([]engine.Dataset, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]engine.Dataset, 0, len(s.datasets))
	for name, d := range s.datasets {
		out = append(out, engine.Dataset{Name: name, Version: d.version.Version, Body: d.version.Body})
	}
	slices.SortFunc(out, func(a, b engine.Dataset) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Dataset finds one dataset by name.
func (s *Store) Dataset(name string) (engine.Dataset, error) {
	d, err := s.lookup(name)
	if err != nil {
		return engine.Dataset{}, err
	}
	return engine.Dataset{Name: name, Version: d.version.Version, Body: d.version.Body}, nil
}

func (s *Store) lookup(name string) (*dataset, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if d := s.datasets[name]; d != nil {
		return d, nil
	}
	names := make([]string, 0, len(s.datasets))
	for n := range s.datasets {
		names = append(names, n)
	}
	slices.Sort(names)
	e := engine.Errorf(engine.NotFound, "", "there is no dataset %s", name)
	switch near := engine.Nearest(name, names); {
	case near != "":
		return nil, e.WithHint("did you mean %s?", near)
	case len(names) == 0:
		return nil, e.WithHint("run tidemark pull first: the workspace is empty")
	}
	return nil, e.WithHint("there are: %s", strings.Join(names, ", "))
}

// Relation is a SELECT over all rows of a dataset that yields the given paths
// and reads no others; see engine.Catalog.
func (s *Store) Relation(name string, paths []engine.Path) (string, error) {
	d, err := s.lookup(name)
	if err != nil {
		return "", err
	}
	at := engine.Dataset{Name: name, Body: d.version.Body}
	segments := d.segments
	if d.attached {
		segments = []segment{{body: d.version.Body, lent: name}}
	}
	columns := make([]string, len(segments))
	for i, g := range segments {
		var list []string
		for _, p := range paths {
			_, want, err := at.Resolve(p)
			if err != nil {
				return "", err
			}
			list = append(list, readPath(g, p, want)+" AS "+engine.QuoteIdent(p.String()))
		}
		columns[i] = "SELECT " + strings.Join(list, ", ") + " FROM " + g.sql()
	}
	return "(" + strings.Join(columns, " UNION ALL ") + ")", nil
}

// readPath reads a path from a segment at the type the newest version gives it.
func readPath(g segment, p engine.Path, want engine.Type) string {
	if p[0] != "body" {
		return p.SQL()
	}
	have := g.body
	for _, name := range p[1:] {
		if have.Kind == engine.Map {
			have = *have.Elem
			continue
		}
		next, ok := have.Field(name)
		if have = next; !ok || !have.Known() {
			return "NULL::" + want.DuckDB()
		}
	}
	if have.Kind == engine.Struct && !have.Known() {
		return "NULL::" + want.DuckDB()
	}
	if have.Equal(want) {
		return p.SQL()
	}
	return p.SQL() + "::" + want.DuckDB()
}

// tableColumns is the list of columns of a dataset's tables, in order.
func tableColumns(body engine.Type) []string {
	var out []string
	for _, c := range engine.Envelope {
		out = append(out, engine.QuoteIdent(c.Name)+" "+c.Type.DuckDB())
		if c.Name == "labels" {
			out = append(out, "body "+body.DuckDB(), "rest JSON")
		}
	}
	return out
}

// columnNames is tableColumns without the types.
func columnNames() []string {
	var out []string
	for _, c := range engine.Envelope {
		out = append(out, c.Name)
		if c.Name == "labels" {
			out = append(out, "body", "rest")
		}
	}
	return out
}

// viewSQL defines the table that users see: the segments, at the newest type.
func viewSQL(name string, d *dataset) string {
	var parts []string
	for _, g := range d.segments {
		var list []string
		for _, column := range columnNames() {
			if column == "body" && g.body.DuckDB() != d.version.Body.DuckDB() {
				list = append(list, castBody(g.body, d.version.Body)+" AS body")
				continue
			}
			list = append(list, column)
		}
		parts = append(parts, "SELECT "+strings.Join(list, ", ")+" FROM "+g.sql())
	}
	return "CREATE OR REPLACE VIEW main." + engine.QuoteIdent(name) + " AS " + strings.Join(parts, " UNION ALL ")
}

// castBody reads an older body at a newer type. DuckDB casts structs by name
// but wants one member in common.
func castBody(from, to engine.Type) string {
	if !from.Known() {
		for _, f := range to.Fields {
			if f.Type.Known() {
				return "struct_pack(" + engine.QuoteIdent(f.Name) + " := NULL::" + f.Type.DuckDB() + ")::" + to.DuckDB()
			}
		}
	}
	return "body::" + to.DuckDB()
}

// allEventsSQL defines the union of all datasets.
func allEventsSQL(names []string) string {
	var parts []string
	for _, n := range names {
		var list []string
		for _, column := range columnNames() {
			if column == "body" {
				column = "to_json(body) AS body"
			}
			list = append(list, column)
		}
		parts = append(parts, "SELECT "+engine.QuoteText(n)+" AS dataset, "+strings.Join(list, ", ")+" FROM main."+engine.QuoteIdent(n))
	}
	return "CREATE OR REPLACE VIEW main.all_events AS " + strings.Join(parts, " UNION ALL ")
}

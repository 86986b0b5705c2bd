package workbench

import (
	"context"
	"database/sql"
	"errors"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/explore"
)

// ShownValue is a value of a record and its column.
type ShownValue struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value any    `json:"value"`
}

// Record reads one record.
func (b *Workbench) Record(ctx context.Context, dataset string, seq int64) ([]ShownValue, error) {
	if _, err := b.Store.Dataset(dataset); err != nil {
		return nil, err
	}
	t, err := notebookHost{b}.Query(ctx, "SELECT * FROM "+engine.QuoteIdent(dataset)+" WHERE _seq = $seq", []sql.NamedArg{sql.Named("seq", seq)}, 1)
	if err != nil {
		return nil, err
	}
	if len(t.Rows) == 0 {
		return nil, engine.Errorf(engine.NotFound, "read a record", "%s has no record %d", dataset, seq).WithHint("it may have been replaced by a newer pull: search for it again")
	}
	out := make([]ShownValue, len(t.Columns))
	for i, c := range t.Columns {
		out[i] = ShownValue{Name: c.Name, Type: c.Type, Value: t.Rows[0][i]}
	}
	return out, nil
}

// Surroundings says which neighbours of a record are wanted.
type Surroundings struct {
	Dataset string   `json:"dataset"`
	Seq     int64    `json:"seq"`
	Before  int      `json:"before" minimum:"0" maximum:"100000"`
	After   int      `json:"after" minimum:"0" maximum:"100000"`
	Same    []string `json:"same,omitempty" doc:"Paths that have the same value there as in the record."`
}

// Context composes the query for the records around one.
func (b *Workbench) Context(ctx context.Context, s Surroundings) (ComposedQuery, error) {
	var out ComposedQuery
	ds, err := b.Store.Dataset(s.Dataset)
	if err != nil {
		return out, err
	}
	paths := []engine.Path{{"event_time"}, {"_seq"}}
	for _, text := range s.Same {
		f, err := explore.NewFacet(ds, text)
		if err != nil {
			return out, err
		}
		paths = append(paths, f.Path)
	}
	relation, err := b.Store.Relation(s.Dataset, paths)
	if err != nil {
		return out, err
	}
	list := "event_time"
	for _, p := range paths[2:] {
		list += ", " + engine.QuoteIdent(p.String()) + "::VARCHAR"
	}
	var at sql.NullTime
	values := make([]sql.NullString, len(s.Same))
	into := []any{&at}
	for i := range values {
		into = append(into, &values[i])
	}
	err = b.Store.DB().QueryRowContext(ctx, "SELECT "+list+" FROM "+relation+" WHERE _seq = ?", s.Seq).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return out, engine.Errorf(engine.NotFound, "look around a record", "%s has no record %d", s.Dataset, s.Seq).WithHint("search for it again")
	}
	if err != nil {
		return out, queryFailed(ctx, err)
	}
	place := explore.Place{Seq: s.Seq}
	if at.Valid {
		place.At = at.Time
	}
	for i, v := range values {
		f := explore.Filter{Path: s.Same[i], Op: "="}
		if v.Valid {
			f.Value = v.String
		}
		place.Same = append(place.Same, f)
	}
	q, err := explore.Around(ds, place, s.Before, s.After)
	return ComposedQuery{q.SQL, q.Params}, err
}

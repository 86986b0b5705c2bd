package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Detail is a dataset in all its figures.
type Detail struct {
	Summary
	FirstEventTime *time.Time
	Untimed        int64 // rows without an event time
	Segments       int   // tables that its rows lie in, one a version until they are merged
}

// Detail counts a dataset in one pass.
func (s *Store) Detail(ctx context.Context, name string) (Detail, error) {
	var out Detail
	d, err := s.lookup(name)
	if err != nil {
		return out, err
	}
	if out.Summary, err = s.Summary(ctx, name); err != nil {
		return out, err
	}
	out.Segments = len(d.segments)
	if d.attached {
		out.FirstEventTime = out.Summary.FirstEventTime
		return out, nil
	}
	relation, err := s.Relation(name, []engine.Path{{"event_time"}})
	if err != nil {
		return out, err
	}
	var first sql.NullTime
	err = s.DB().QueryRowContext(ctx, `SELECT min(event_time), count(*) FILTER (WHERE event_time IS NULL) FROM `+relation).Scan(&first, &out.Untimed)
	out.FirstEventTime = instant(first)
	return out, err
}

// Span is the time that the records of a dataset cover: from the oldest event
// to just after the newest one that did not run ahead of its own arrival by
// more than maxFuture. ok is false when no record has an event time.
func (s *Store) Span(ctx context.Context, name string, maxFuture time.Duration) (from, to time.Time, ok bool, err error) {
	if s.Attached(name) {
		_, first, last, err := s.attachedSummary(ctx, name)
		return first.Time.UTC(), last.Time.UTC().Add(time.Microsecond), first.Valid, err
	}
	relation, err := s.Relation(name, []engine.Path{{"event_time"}, {"arrival_time"}})
	if err != nil {
		return from, to, false, err
	}
	var first, last, any sql.NullTime
	err = s.DB().QueryRowContext(ctx, `SELECT min(event_time),
		max(event_time) FILTER (WHERE arrival_time IS NULL OR event_time <= arrival_time + to_microseconds(?)), max(event_time)
		FROM `+relation+` WHERE isfinite(event_time)`, maxFuture.Microseconds()).Scan(&first, &last, &any)
	if err != nil || !first.Valid {
		return from, to, false, err
	}
	if !last.Valid {
		last = any
	}
	return first.Time.UTC(), last.Time.UTC().Add(time.Microsecond), true, nil
}

// LabelKeys lists the keys of a dataset's labels, by name.
func (s *Store) LabelKeys(ctx context.Context, name string) ([]string, error) {
	if s.Attached(name) {
		return nil, nil // finding them out would fetch the column whole
	}
	relation, err := s.Relation(name, []engine.Path{{"labels"}})
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, `SELECT DISTINCT unnest(map_keys(labels)) AS key FROM `+relation+` ORDER BY key LIMIT 1000`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return nil, err
		}
		out = append(out, key)
	}
	return out, rows.Err()
}

// ReasonCount is how often a reason stands in quarantine.
type ReasonCount struct {
	Reason string `json:"reason"`
	Count  int64  `json:"count"`
}

// QuarantinePage is a part of what was set aside.
type QuarantinePage struct {
	Total   int64             `json:"total" doc:"Of all pages."`
	Entries []QuarantineEntry `json:"entries"`
	// Reasons are those of the dataset, whatever reason was asked for.
	Reasons []ReasonCount `json:"reasons"`
	// Groups are those of the dataset by reason and path, at most a thousand.
	Groups []QuarantineGroup `json:"groups"`
	// Discarded is how many entries can be had back.
	Discarded int64 `json:"discarded"`
}

// QuarantinePage lists a part of what was set aside, newest first.
func (s *Store) QuarantinePage(ctx context.Context, f QuarantineFilter, offset, limit int) (QuarantinePage, error) {
	out := QuarantinePage{Entries: []QuarantineEntry{}}
	where, args := f.where()
	if err := s.DB().QueryRowContext(ctx, `SELECT count(*) FROM tidemark.quarantine`+where, args...).Scan(&out.Total); err != nil {
		return out, err
	}
	rows, err := s.QueryContext(ctx, `SELECT `+quarantineColumns+` FROM tidemark.quarantine`+where+` ORDER BY id DESC LIMIT ? OFFSET ?`, append(args, limit, offset)...)
	if err != nil {
		return out, err
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scanQuarantine(rows)
		if err != nil {
			return out, err
		}
		out.Entries = append(out.Entries, e)
	}
	if err := rows.Err(); err != nil {
		return out, err
	}
	return out, s.countQuarantine(ctx, f.Dataset, &out)
}

// maxGroups is how many groups a page has at most; Reasons counts them all.
const maxGroups = 1000

func (s *Store) countQuarantine(ctx context.Context, dataset string, out *QuarantinePage) (err error) {
	if out.Reasons, err = s.reasons(ctx, dataset); err != nil {
		return err
	}
	if out.Groups, err = s.QuarantineGroups(ctx, QuarantineFilter{Dataset: dataset}); err != nil {
		return err
	}
	out.Groups = out.Groups[:min(len(out.Groups), maxGroups)]
	return s.DB().QueryRowContext(ctx, `SELECT count(*) FROM tidemark.discarded WHERE NOT gone AND ? IN ('', dataset)`, dataset).Scan(&out.Discarded)
}

func (s *Store) reasons(ctx context.Context, dataset string) ([]ReasonCount, error) {
	rows, err := s.QueryContext(ctx, `SELECT reason, count(*) AS n FROM tidemark.quarantine WHERE ? IN ('', dataset) GROUP BY reason ORDER BY n DESC, reason`, dataset)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []ReasonCount{}
	for rows.Next() {
		var r ReasonCount
		if err := rows.Scan(&r.Reason, &r.Count); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// TableColumn is a column of a table of ours that is no dataset.
type TableColumn struct{ Table, Name, Type string }

// SystemColumns lists the columns of all_events and of the tables in schema
// tidemark that people may query.
func (s *Store) SystemColumns(ctx context.Context) ([]TableColumn, error) {
	rows, err := s.QueryContext(ctx, `SELECT if(schema_name = 'main', table_name, schema_name || '.' || table_name) AS t, column_name, lower(data_type)
		FROM duckdb_columns() WHERE schema_name = 'tidemark' AND table_name <> 'format' OR schema_name = 'main' AND (table_name = 'all_events' OR table_name IN (SELECT name FROM tidemark.rollups))
		ORDER BY t, column_index`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []TableColumn
	for rows.Next() {
		var c TableColumn
		if err := rows.Scan(&c.Table, &c.Name, &c.Type); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// Function is a function that people's SQL may call.
type Function struct {
	Name      string `json:"name"`
	Signature string `json:"signature"`
	Doc       string `json:"doc"`
}

// Functions lists what DuckDB and the application have registered, operators
// left out; a name stands there once.
func (s *Store) Functions(ctx context.Context) ([]Function, error) {
	rows, err := s.QueryContext(ctx, `SELECT lower(function_name) AS name, arg_max(array_to_string(parameters, ', '), len(parameters)),
		any_value(return_type), any_value(description) FROM duckdb_functions()
		WHERE regexp_full_match(function_name, '[A-Za-z][A-Za-z0-9_]*') AND function_type <> 'pragma' GROUP BY name ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Function
	for rows.Next() {
		var name string
		var parameters, returns, doc sql.NullString
		if err := rows.Scan(&name, &parameters, &returns, &doc); err != nil {
			return nil, err
		}
		signature := name + "(" + parameters.String + ")"
		if returns.String != "" {
			signature += " → " + strings.ToLower(returns.String)
		}
		out = append(out, Function{Name: name, Signature: signature, Doc: doc.String})
	}
	return out, rows.Err()
}

// Keywords lists the words of DuckDB's SQL.
func (s *Store) Keywords(ctx context.Context) ([]string, error) {
	rows, err := s.QueryContext(ctx, `SELECT keyword_name FROM duckdb_keywords() ORDER BY keyword_name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var word string
		if err := rows.Scan(&word); err != nil {
			return nil, err
		}
		out = append(out, word)
	}
	return out, rows.Err()
}

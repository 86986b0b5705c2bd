package server

import (
	"context"
	"database/sql"

	"tidemark.dev/tidemark/app/workbench"
)

// QueryState is how far a query is.
type QueryState struct {
	ID      string        `json:"id"`
	State   string        `json:"state" enum:"running,done,canceled,failed,stopped"`
	Columns []QueryColumn `json:"columns"`
	Rows    int64         `json:"rows"`
}

// QueryColumn is a column of a result; Type is in DuckDB's words.
type QueryColumn struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// startQuery runs a query to its end and counts its rows.
func (s *Server) startQuery(ctx context.Context, query string, params map[string]any, limit int) (QueryState, error) {
	out := QueryState{State: "done", Columns: []QueryColumn{}}
	var args []any
	for name, v := range params {
		args = append(args, sql.Named(name, v))
	}
	rows, err := s.bench.Query(ctx, query, args, workbench.DefaultTimeout)
	if err != nil {
		return out, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return out, err
	}
	for i, name := range rows.TypeNames() {
		out.Columns = append(out.Columns, QueryColumn{types[i].Name(), name})
	}
	for rows.Next() && (limit == 0 || out.Rows < int64(limit)) {
		out.Rows++
	}
	return out, rows.Err()
}

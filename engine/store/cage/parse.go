package cage

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"unicode/utf8"

	"tidemark.dev/tidemark/engine"
)

// tree is a query as DuckDB has parsed it.
type tree struct {
	Failed     bool        `json:"error"`
	Kind       string      `json:"error_type"`
	Message    string      `json:"error_message"`
	Position   string      `json:"position"`
	Statements []statement `json:"statements"`
}

type statement struct {
	Node       any         `json:"node"`
	Parameters []parameter `json:"named_param_map"`
}

type parameter struct {
	Name  string `json:"key"`
	Order int    `json:"value"`
}

func (s statement) parameters() []string {
	slices.SortFunc(s.Parameters, func(a, b parameter) int { return a.Order - b.Order })
	var names []string
	for _, p := range s.Parameters {
		names = append(names, p.Name)
	}
	return names
}

// parse has DuckDB parse a text; nothing of it is looked up or run. The text
// goes as a value, so it cannot reach into the statement that asks.
func parse(ctx context.Context, conn *sql.Conn, query string) (*tree, error) {
	var out string
	row := conn.QueryRowContext(ctx,
		"SELECT json_serialize_sql(?::VARCHAR, skip_null := true, skip_empty := true, skip_default := true)::VARCHAR", query)
	if err := row.Scan(&out); err != nil {
		return nil, err
	}
	t := &tree{}
	if err := json.Unmarshal([]byte(out), t); err != nil {
		return nil, engine.Errorf(engine.Invalid, op, "%w", errTooDeep)
	}
	return t, nil
}

var errTooDeep = errors.New("the query is nested too deep")

// offset is where in the text the parser stopped; it counts characters.
func (t *tree) offset(text string) int {
	n, err := strconv.Atoi(t.Position)
	if err != nil {
		return len(text)
	}
	at := 0
	for ; n > 0 && at < len(text); n-- {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return at
}

package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"

	"tidemark.dev/tidemark/engine"
)

// takenTable has what the rests of rows hold at one path, as text, and what is
// left of them without it. DuckDB's own functions write the numbers of a JSON
// text anew and lose digits, so the text is cut here.
const takenTable = "temp.taken_from_rest"

func (s *Store) takeFromRest(ctx context.Context, tx *sql.Tx, g segment, key string) error {
	if _, err := tx.ExecContext(ctx, "CREATE OR REPLACE TEMP TABLE taken_from_rest (taken_seq BIGINT, taken VARCHAR, taken_rest VARCHAR)"); err != nil {
		return err
	}
	_, err := s.eachPageOf(ctx, tx, g.sql(), taker(key), "true", func(p *settledPage) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO "+takenTable+" SELECT settled_seq, settled_body, settled_rest FROM "+p.source(engine.Scalar(engine.Varchar)))
		return err
	})
	return err
}

// taker is an engine.Settler that takes one member out of rest. Its body is
// the member's value as a JSON text: the text of a string, else the value as it
// is written.
type taker string

func (taker) Idle() bool { return false }

func (key taker) Settle(rest []byte) (body, left []byte, changed bool) {
	in := json.NewDecoder(bytes.NewReader(rest))
	if open, err := in.Token(); err != nil || open != json.Delim('{') {
		return nil, nil, false
	}
	for in.More() {
		start := in.InputOffset()
		name, err := in.Token()
		if err != nil {
			return nil, nil, false
		}
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return nil, nil, false
		}
		if name == string(key) {
			body, changed = textOf(value), true
			continue
		}
		left = append(append(left, ','), bytes.TrimLeft(rest[start:in.InputOffset()], ", \t\r\n")...)
	}
	if len(left) > 0 {
		left[0] = '{'
		left = append(left, '}')
	}
	return body, left, changed
}

func textOf(value json.RawMessage) []byte {
	if value[0] == '"' || string(value) == "null" {
		return value
	}
	text, err := json.Marshal(string(value))
	if err != nil {
		panic(err) // a string always has a JSON text
	}
	return text
}

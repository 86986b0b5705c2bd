package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store/cage"
)

// showing is what one query on one connection sees of attached datasets.
type showing struct {
	store *Store
	conn  *sql.Conn
	query string
	args  []any
	few   *cage.Few
	views []string
	loan  *Loan // nil until it is complete
}

// show makes the view of a table, or another one in its place.
func (s *showing) show(ctx context.Context, t LentTable) error {
	name := t.Need.Dataset
	v, _ := s.store.Schema(name)
	if _, err := s.conn.ExecContext(ctx, "CREATE OR REPLACE TEMP VIEW "+engine.QuoteIdent(name)+" AS "+lentSQL(v.Body, t)); err != nil {
		return fmt.Errorf("show %s to the query: %w", name, err)
	}
	if !slices.Contains(s.views, name) {
		s.views = append(s.views, name)
	}
	return nil
}

// end takes the views away and gives back what they show.
func (s *showing) end(ctx context.Context) {
	for _, name := range s.views {
		_, _ = s.conn.ExecContext(ctx, "DROP VIEW IF EXISTS temp.main."+engine.QuoteIdent(name))
	}
	if s.loan != nil {
		s.loan.Return()
	}
}

// enough reports whether the query has all the rows that its LIMIT lets
// through when a table is no more than this. A query that fails has enough:
// it will say why itself.
func (s *showing) enough(ctx context.Context, t LentTable) (bool, error) {
	if err := s.show(ctx, t); err != nil {
		return false, err
	}
	if _, err := s.conn.ExecContext(ctx, "BEGIN TRANSACTION READ ONLY"); err != nil {
		return false, err
	}
	var rows int64
	err := s.conn.QueryRowContext(ctx, "SELECT count(*) FROM (\n"+s.query+"\n)", s.args...).Scan(&rows)
	if _, ended := s.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK"); ended != nil {
		return false, ended
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	return err != nil || rows >= s.few.Rows, nil
}

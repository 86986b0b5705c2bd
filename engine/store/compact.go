package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"tidemark.dev/tidemark/engine"
)

// Compact writes the database into a new file, without what deleted rows have
// left behind, and puts it in place of the old one at once. Bytes are the
// file's size before and after. Nobody may use the store meanwhile.
func (s *Store) Compact(ctx context.Context) (before, after int64, err error) {
	s.mu.RLock()
	var names []string
	for name := range s.datasets {
		names = append(names, name)
	}
	s.mu.RUnlock()
	for _, name := range names {
		if err := s.Merge(ctx, name); err != nil {
			return 0, 0, err
		}
	}
	if err := s.Checkpoint(ctx); err != nil {
		return 0, 0, err
	}
	s.write.Lock()
	defer s.write.Unlock()
	if before, err = fileSize(s.opt.Path); err != nil {
		return 0, 0, err
	}
	s.mu.Lock()
	s.dropDecoder()
	err = s.db.Close()
	s.mu.Unlock()
	fresh := s.opt.Path + ".compact"
	defer os.Remove(fresh)
	if err == nil {
		if err = s.copyDatabase(ctx, fresh); err == nil {
			err = os.Rename(fresh, s.opt.Path)
		}
	}
	// Whatever happened, one whole file is there.
	if again := s.connect(context.WithoutCancel(ctx)); again != nil || err != nil {
		return before, before, errors.Join(compactError(err), again)
	}
	after, err = fileSize(s.opt.Path)
	return before, after, err
}

func compactError(err error) error {
	var known *engine.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return engine.Errorf(engine.Unavailable, "compact", "%w", err).WithHint("a copy of the database must fit beside it; everything is as it was")
}

// copyDatabase copies all tables and views into a new file, and counts them.
func (s *Store) copyDatabase(ctx context.Context, fresh string) error {
	os.Remove(fresh)
	db, err := openInstance(ctx, "", s.opt)
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, step := range []string{
		"ATTACH " + engine.QuoteText(s.opt.Path) + " AS workspace (READ_ONLY)",
		"ATTACH " + engine.QuoteText(fresh) + " AS fresh (STORAGE_VERSION 'v1.3.0')",
		"COPY FROM DATABASE workspace TO fresh",
	} {
		if _, err := conn.ExecContext(ctx, step); err != nil {
			return fmt.Errorf("write the new file: %w", err)
		}
	}
	if err := sameCounts(ctx, conn); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "DETACH fresh")
	return err
}

// sameCounts compares the rows of every table of both files.
func sameCounts(ctx context.Context, conn *sql.Conn) error {
	rows, err := conn.QueryContext(ctx, `SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'workspace'`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var tables []string
	for rows.Next() {
		var schema, table string
		if err := rows.Scan(&schema, &table); err != nil {
			return err
		}
		tables = append(tables, engine.QuoteIdent(schema)+"."+engine.QuoteIdent(table))
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, t := range tables {
		var old, now int64
		if err := conn.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM workspace."+t+"), (SELECT count(*) FROM fresh."+t+")").Scan(&old, &now); err != nil {
			return err
		}
		if old != now {
			return engine.Errorf(engine.Internal, "compact", "the new file has %d of the %d rows of %s", now, old, t)
		}
	}
	return nil
}

func fileSize(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

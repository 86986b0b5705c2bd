package store

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// foreignTable is a file that somebody else wrote, open in an instance of its
// own: a hostile file may invalidate that instance, and only that.
type foreignTable struct {
	db      *sql.DB
	path    string
	columns []engine.ForeignColumn
	owned   bool // path is ours to remove
}

// OpenForeign opens a Parquet or CSV file in a throw-away instance that can
// read nothing else. A CSV file is typed from all of its rows and kept as a
// Parquet file under scratch until Close.
func (s *Store) OpenForeign(ctx context.Context, path, format, scratch string) (engine.ForeignTable, error) {
	opt := s.opt
	opt.TempLimit = "" // nothing spills: what needs more than the limit is refused
	opt.Temp = ""
	db, err := openInstance(ctx, "", opt)
	if err != nil {
		return nil, fmt.Errorf("start a decoder: %w", err)
	}
	f := &foreignTable{db: db, path: path}
	if err := f.open(ctx, format, scratch); err != nil {
		f.Close()
		return nil, undecodable(ctx, err)
	}
	return f, nil
}

func (f *foreignTable) open(ctx context.Context, format, scratch string) error {
	if format == "csv" {
		out, err := os.CreateTemp(scratch, "csv-*.parquet")
		if err != nil {
			return err
		}
		out.Close()
		read := "read_csv(" + engine.QuoteText(f.path) + ", sample_size = -1, strict_mode = true, compression = 'uncompressed')"
		f.path, f.owned = out.Name(), true
		if _, err := f.db.ExecContext(ctx, "COPY (SELECT * FROM "+read+") TO "+engine.QuoteText(f.path)+" (FORMAT parquet, COMPRESSION snappy)"); err != nil {
			return err
		}
	}
	rows, err := f.db.QueryContext(ctx, "DESCRIBE SELECT * FROM "+f.source())
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var c engine.ForeignColumn
		var null, key, def, extra any
		if err := rows.Scan(&c.Name, &c.Declared, &null, &key, &def, &extra); err != nil {
			return err
		}
		c.Type = parseDeclared(c.Declared).lattice()
		f.columns = append(f.columns, c)
	}
	return rows.Err()
}

func (f *foreignTable) source() string {
	return "read_parquet(" + engine.QuoteText(f.path) + ")"
}

func (f *foreignTable) Columns() []engine.ForeignColumn { return f.columns }

func (f *foreignTable) Path() string { return f.path }

// Verify decodes every value; counting alone would only read the footer.
func (f *foreignTable) Verify(ctx context.Context) (int64, error) {
	names := make([]string, len(f.columns))
	for i, c := range f.columns {
		names[i] = engine.QuoteIdent(c.Name)
	}
	var rows int64
	var sum any
	err := f.db.QueryRowContext(ctx, "SELECT count(*), bit_xor(hash("+strings.Join(names, ", ")+"))::VARCHAR FROM "+f.source()).Scan(&rows, &sum)
	return rows, undecodable(ctx, err)
}

func (f *foreignTable) WriteLines(ctx context.Context, path string) error {
	var members []string
	for _, c := range f.columns {
		members = append(members, lineSQL(c)+" AS "+engine.QuoteIdent(c.Name))
	}
	_, err := f.db.ExecContext(ctx, "COPY (SELECT "+strings.Join(members, ", ")+" FROM "+f.source()+") TO "+engine.QuoteText(path)+" (FORMAT json)")
	return undecodable(ctx, err)
}

// lineSQL writes a column so that reading the JSON back gives the same value.
func lineSQL(c engine.ForeignColumn) string {
	value := convertSQL(engine.QuoteIdent(c.Name), c.Declared)
	switch c.Type.Kind {
	case engine.Timestamp:
		if c.Declared == "TIMESTAMP_NS" {
			return "replace(" + value + "::VARCHAR, ' ', 'T') || 'Z'"
		}
		return "strftime(" + value + "::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.%fZ')"
	case engine.Double:
		return "CASE WHEN isfinite(" + value + ") THEN " + value + " END"
	case engine.Varchar, engine.UUID, engine.Date:
		return value + "::VARCHAR"
	}
	return value
}

func (f *foreignTable) Close() error {
	if f.owned {
		os.Remove(f.path)
	}
	return f.db.Close()
}

// undecodable makes an error of a foreign file into one a person understands.
func undecodable(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	text := err.Error()
	text, _, _ = strings.Cut(text, "\n")
	for _, prefix := range []string{"Invalid Input Error: ", "INTERNAL Error: ", "IO Error: ", "Conversion Error: ", "FATAL Error: ", "TransactionContext Error: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	if strings.Contains(text, "Out of Memory") {
		text = "decoding it needs more memory than limits.memory allows"
	}
	return engine.Errorf(engine.Invalid, "", "%s", text)
}

package store

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strconv"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// foreignTable is a file that somebody else wrote, open in an instance of its
// own: a hostile file may invalidate that instance, and only that.
type foreignTable struct {
	store   *Store
	db      *sql.DB
	path    string
	columns []engine.ForeignColumn
	owned   bool // path is ours to remove
	held    bool // the rows lie in the instance, and not in a file
	spoilt  bool // the instance met something it could not read
}

// OpenForeign opens a Parquet or CSV file in a throw-away instance. A CSV
// file is typed from all of its rows and kept as a Parquet file under scratch
// until Close, or without scratch in the memory of the instance. The instance
// serves one file at a time, and is thrown away with the first file that it
// cannot read.
func (s *Store) OpenForeign(ctx context.Context, path, format, scratch string) (engine.ForeignTable, error) {
	db, err := s.takeDecoder(ctx)
	if err != nil {
		return nil, fmt.Errorf("start a decoder: %w", err)
	}
	f := &foreignTable{store: s, db: db, path: path}
	if err := f.open(ctx, format, scratch); err != nil {
		err = f.failed(ctx, err)
		f.Close()
		return nil, err
	}
	return f, nil
}

// ReadyDecoder starts an instance for foreign files if none is idle, so that
// the next OpenForeign does not wait for one as long.
func (s *Store) ReadyDecoder(ctx context.Context) {
	s.decoderStart.Lock()
	defer s.decoderStart.Unlock()
	db := s.idleDecoder()
	if db == nil {
		db, _ = s.startDecoder(ctx) // who needs it tries again, and has the error
	}
	if db != nil {
		s.keepDecoder(db)
	}
}

// keepDecoder makes an instance the idle one.
func (s *Store) keepDecoder(db *sql.DB) {
	s.decoderMu.Lock()
	defer s.decoderMu.Unlock()
	if s.decoder != nil {
		db.Close()
		return
	}
	s.decoder = db
}

// idleDecoder takes the idle instance, if there is one.
func (s *Store) idleDecoder() *sql.DB {
	s.decoderMu.Lock()
	defer s.decoderMu.Unlock()
	db := s.decoder
	s.decoder = nil
	return db
}

func (s *Store) takeDecoder(ctx context.Context) (*sql.DB, error) {
	if db := s.idleDecoder(); db != nil {
		return db, nil
	}
	// Who starts one may be about to keep it.
	s.decoderStart.Lock()
	defer s.decoderStart.Unlock()
	if db := s.idleDecoder(); db != nil {
		return db, nil
	}
	return s.startDecoder(ctx)
}

func (s *Store) startDecoder(ctx context.Context) (*sql.DB, error) {
	opt := s.opt
	opt.inOrder = true // the number of a row is its place in the file
	opt.Temp, opt.TempLimit = "", 0
	db, err := openInstance(ctx, "", opt)
	if err != nil {
		return nil, err
	}
	for _, set := range []string{
		"SET temp_directory = ''", // nothing spills: what needs more than the limit is refused
		// Bytes of a file read before are not taken for those of another of its
		// name, size and time.
		"SET enable_external_file_cache = false",
	} {
		if _, err := db.ExecContext(ctx, set); err != nil {
			db.Close()
			return nil, err
		}
	}
	return db, nil
}

// dropDecoder closes the idle instance.
func (s *Store) dropDecoder() {
	s.decoderMu.Lock()
	defer s.decoderMu.Unlock()
	if s.decoder != nil {
		s.decoder.Close()
		s.decoder = nil
	}
}

func (f *foreignTable) open(ctx context.Context, format, scratch string) error {
	if scratch == "" {
		f.spoilt = true // nothing of it is to be met again
	}
	if format == "csv" && scratch == "" {
		f.held = true
		if _, err := f.db.ExecContext(ctx, "CREATE TABLE held AS SELECT * FROM "+f.readCSV()); err != nil {
			return err
		}
	} else if format == "csv" {
		out, err := os.CreateTemp(scratch, "csv-*.parquet")
		if err != nil {
			return err
		}
		out.Close()
		read := f.readCSV()
		f.path, f.owned = out.Name(), true
		if _, err := f.db.ExecContext(ctx, "COPY (SELECT * FROM "+read+") TO "+engine.QuoteText(f.path)+" (FORMAT parquet, COMPRESSION snappy)"); err != nil {
			return err
		}
	}
	var err error
	f.columns, err = f.describe(ctx, f.source())
	return err
}

func (f *foreignTable) describe(ctx context.Context, source string) (columns []engine.ForeignColumn, err error) {
	rows, err := f.db.QueryContext(ctx, "DESCRIBE SELECT * FROM "+source)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var c engine.ForeignColumn
		var null, key, def, extra any
		if err := rows.Scan(&c.Name, &c.Declared, &null, &key, &def, &extra); err != nil {
			return nil, err
		}
		if strings.Contains(c.Name+c.Declared, "\x00") { // no SQL can name it
			return nil, engine.Errorf(engine.Invalid, "", "the name of column %d holds a NUL byte", len(columns)+1)
		}
		c.Type = parseDeclared(c.Declared).lattice()
		columns = append(columns, c)
	}
	return columns, rows.Err()
}

func (f *foreignTable) readCSV() string {
	return "read_csv(" + engine.QuoteText(f.path) + ", sample_size = -1, strict_mode = true, compression = 'uncompressed', skip = 0, comment = '')"
}

func (f *foreignTable) source() string {
	if f.held {
		return "held"
	}
	return parquetSQL(f.path)
}

func parquetSQL(path string) string {
	return "read_parquet(" + engine.QuoteText(path) + ", hive_partitioning = false)"
}

func (f *foreignTable) Columns() []engine.ForeignColumn { return f.columns }

func (f *foreignTable) Path() string { return f.path }

// Verify decodes every value; counting alone would only read the footer.
func (f *foreignTable) Verify(ctx context.Context, timed string) (rows, untimed int64, err error) {
	names := make([]string, len(f.columns))
	for i, c := range f.columns {
		names[i] = engine.QuoteIdent(c.Name)
	}
	null := "false"
	if timed != "" {
		null = engine.QuoteIdent(timed) + " IS NULL"
	}
	var sum any
	err = f.db.QueryRowContext(ctx, "SELECT count(*), count(*) FILTER (WHERE "+null+"), bit_xor(hash("+strings.Join(names, ", ")+"))::VARCHAR FROM "+f.source()).
		Scan(&rows, &untimed, &sum)
	return rows, untimed, f.failed(ctx, err)
}

// scanRows is how many rows are handed out at a time.
const scanRows = 4096

func (f *foreignTable) Scan(ctx context.Context, columns []engine.ForeignColumn, take func([]engine.Column, int64, int) error) error {
	if len(columns) == 0 {
		return f.failed(ctx, f.count(ctx, take))
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = engine.QuoteIdent(c.Name)
		if c.Type.Kind == engine.Double {
			names[i] = "CASE WHEN isfinite(" + names[i] + ") THEN " + names[i] + " END"
		}
	}
	rows, err := f.db.QueryContext(ctx, "SELECT "+strings.Join(names, ", ")+" FROM "+f.source())
	if err != nil {
		return f.failed(ctx, err)
	}
	defer rows.Close()
	batch, into := newScanBatch(columns)
	first, n := int64(0), 0
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return f.failed(ctx, err)
		}
		for i := range batch {
			addCell(&batch[i], into[i])
		}
		if n++; n == scanRows {
			if err := take(batch, first, n); err != nil {
				return err
			}
			first += int64(n)
			n = 0
			batch, into = newScanBatch(columns)
		}
	}
	if err := rows.Err(); err != nil || n == 0 {
		return f.failed(ctx, err)
	}
	return take(batch, first, n)
}

// count hands out batches without any column.
func (f *foreignTable) count(ctx context.Context, take func([]engine.Column, int64, int) error) error {
	var rows int64
	if err := f.db.QueryRowContext(ctx, "SELECT count(*) FROM "+f.source()).Scan(&rows); err != nil {
		return err
	}
	for first := int64(0); first < rows; first += scanRows {
		if err := take(nil, first, int(min(scanRows, rows-first))); err != nil {
			return err
		}
	}
	return nil
}

// newScanBatch makes empty columns, and what a row of them is read into.
func newScanBatch(columns []engine.ForeignColumn) ([]engine.Column, []any) {
	batch, into := make([]engine.Column, len(columns)), make([]any, len(columns))
	for i, c := range columns {
		batch[i] = engine.Column{Name: c.Name, Type: c.Type.Kind, Null: make([]bool, 0, scanRows)}
		switch c.Type.Kind {
		case engine.Varchar:
			batch[i].Offsets, into[i] = append(make([]uint32, 0, scanRows+1), 0), new(sql.NullString)
		case engine.Double:
			into[i] = new(sql.NullFloat64)
		case engine.Bool:
			into[i] = new(sql.NullBool)
		default:
			into[i] = new(sql.NullInt64)
		}
	}
	return batch, into
}

func addCell(c *engine.Column, cell any) {
	switch v := cell.(type) {
	case *sql.NullString:
		c.Bytes = append(c.Bytes, v.String...)
		c.Offsets, c.Null = append(c.Offsets, uint32(len(c.Bytes))), append(c.Null, !v.Valid)
	case *sql.NullFloat64:
		c.Floats, c.Null = append(c.Floats, v.Float64), append(c.Null, !v.Valid)
	case *sql.NullBool:
		n := int64(0)
		if v.Bool {
			n = 1
		}
		c.Ints, c.Null = append(c.Ints, n), append(c.Null, !v.Valid)
	case *sql.NullInt64:
		c.Ints, c.Null = append(c.Ints, v.Int64), append(c.Null, !v.Valid)
	}
}

func (f *foreignTable) Patch(ctx context.Context, changes string, changed []engine.ForeignColumn, number, into string) error {
	columns, replaced := []string{"row: 'BIGINT'"}, make([]string, len(changed))
	for i, c := range changed {
		name := engine.QuoteIdent(c.Name)
		columns = append(columns, fmt.Sprintf("s%d: 'BOOLEAN', c%d: %s", i, i, engine.QuoteText(c.Declared)))
		replaced[i] = fmt.Sprintf("CASE WHEN o.s%d THEN o.c%d ELSE f.%s END AS %s", i, i, name, name)
	}
	copied := "COPY (SELECT f.* EXCLUDE (file_row_number) REPLACE (" + strings.Join(replaced, ", ") + "), f.file_row_number AS " + engine.QuoteIdent(number) +
		" FROM read_parquet(" + engine.QuoteText(f.path) + ", hive_partitioning = false, file_row_number = true) f LEFT JOIN read_json(" + engine.QuoteText(changes) +
		", format = 'newline_delimited', maximum_object_size = " + strconv.Itoa(patchLimit) + ", columns = {" + strings.Join(columns, ", ") + "}) o ON o.row = f.file_row_number) TO " +
		engine.QuoteText(into) + " (FORMAT parquet, COMPRESSION snappy)"
	if _, err := f.db.ExecContext(ctx, copied); err != nil {
		return f.failed(ctx, err)
	}
	have, err := f.describe(ctx, parquetSQL(into))
	if err != nil {
		return f.failed(ctx, err)
	}
	for i, c := range f.columns {
		if have[i].Declared != c.Declared {
			return engine.Errorf(engine.Invalid, "", "a column of type %s would become %s", c.Declared, have[i].Declared)
		}
	}
	return nil
}

// patchLimit is the longest line of changes. What is longer is refused.
const patchLimit = 16 << 20

func (f *foreignTable) WriteLines(ctx context.Context, path string) error {
	var members []string
	for _, c := range f.columns {
		members = append(members, lineSQL(c)+" AS "+engine.QuoteIdent(c.Name))
	}
	_, err := f.db.ExecContext(ctx, "COPY (SELECT "+strings.Join(members, ", ")+" FROM "+f.source()+") TO "+engine.QuoteText(path)+" (FORMAT json)")
	return f.failed(ctx, err)
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

func (f *foreignTable) failed(ctx context.Context, err error) error {
	f.spoilt = f.spoilt || err != nil
	return undecodable(ctx, err)
}

func (f *foreignTable) Close() error {
	f.Detach()()
	return nil
}

// Detach gives the instance back, for the next file or to be thrown away.
func (f *foreignTable) Detach() (cleanup func()) {
	switch {
	case f.db == nil:
	case f.spoilt:
		f.db.Close()
	default:
		f.store.keepDecoder(f.db)
	}
	f.db = nil
	return func() {
		if f.owned {
			os.Remove(f.path)
		}
	}
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

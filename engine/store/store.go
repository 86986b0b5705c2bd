// Package store keeps datasets in DuckDB. It owns the database file, the
// registry of schema versions and their segments, the ledger of objects,
// quarantine and watermarks, and it is the only package (with those below it)
// that imports DuckDB.
//
// There is one writer: Commit and everything else that changes the database
// take a lock. Readers never wait for it.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/duckdb/duckdb-go/v2"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store/cage"
	"tidemark.dev/tidemark/engine/store/columns"
	_ "tidemark.dev/tidemark/engine/store/patient" // statements wait without taking a processor
	"tidemark.dev/tidemark/engine/store/staged"
	"tidemark.dev/tidemark/engine/store/udf"
)

// Options say where the database lives and what it may use.
type Options struct {
	// Path is the database file; its folder must exist.
	Path string
	// Staging is a folder for files on their way in. The instance can read
	// there, in Readable, and nowhere else.
	Staging  string
	Readable []string
	// Temp is where queries may spill.
	Temp string
	// TempLimit bounds Temp, and Memory what DuckDB holds, in bytes; of 0 DuckDB
	// has a limit of its own.
	TempLimit, Memory int64
	Threads           int
	Clock             engine.Clock
	// Settle reads the rest of rows of one type of body at a later one; without
	// it rest stays as it came.
	Settle func(from, to engine.Type) engine.Settler
	// Reread reads what rest has under a key at a type, as records are read;
	// without it DuckDB casts.
	Reread func(key string, to engine.Type) engine.Settler

	inOrder bool // rows leave a query in the order of the file they come from
}

// Store is an open database. Its methods may be called from several
// goroutines.
type Store struct {
	opt Options

	write sync.Mutex // held by whoever changes the database
	conn  *sql.Conn  // of the transaction under way; who has write may use it
	// rewriting are the datasets whose stored rows the transaction changes or
	// removes; who has write may use it.
	rewriting []string

	mu       sync.RWMutex
	db       *sql.DB
	datasets map[string]*dataset
	nextSeq  int64
	replaced map[string]bool // datasets that rows were deleted from since Merge looked
	rewrites map[string]int64

	revision atomic.Int64

	lender    Lender
	planner   planner
	functions *udf.Set
	staged    *staged.Registry

	decoderMu sync.Mutex
	// decoderStart is held while an instance for foreign files starts.
	decoderStart sync.Mutex
	decoder      *sql.DB // an idle instance for foreign files, if there is one
}

// checkpointAt is how large the log grows before a commit writes it into the
// tables, in bytes, given the limit of memory. At DuckDB's default of 16 MB that
// stalls one commit of a few. Rows that lie in the log lie in memory too, where
// they take a quarter more: past the limit they would be spilled and read back.
func checkpointAt(memory int64) int64 {
	const least, most = 64_000_000, 512_000_000
	if memory <= 0 {
		return most
	}
	return min(max(memory/8, least), most)
}

// Open opens the database, creating it when there is none.
func Open(ctx context.Context, opt Options) (*Store, error) {
	if opt.Clock == nil {
		opt.Clock = engine.SystemClock{}
	}
	s := &Store{opt: opt, replaced: map[string]bool{}, rewrites: map[string]int64{}, functions: udf.NewSet(cage.Brought), staged: staged.NewRegistry()}
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	if err := s.settleLeft(ctx); err != nil {
		_ = s.Close()
		return nil, openError(opt.Path, err)
	}
	return s, nil
}

func (s *Store) connect(ctx context.Context) error {
	db, err := openInstance(ctx, s.opt.Path, s.opt)
	if err != nil {
		return openError(s.opt.Path, err)
	}
	if err := createSystemTables(ctx, db); err != nil {
		db.Close()
		return openError(s.opt.Path, err)
	}
	if err := cage.Harden(ctx, db, append([]string{s.opt.Staging}, s.opt.Readable...)); err != nil {
		db.Close()
		return err
	}
	if err := errors.Join(s.functions.Again(ctx, db), s.staged.Register(ctx, db)); err != nil {
		db.Close()
		return err
	}
	datasets, next, err := loadDatasets(ctx, db)
	if err != nil {
		db.Close()
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.db, s.datasets, s.nextSeq = db, datasets, next
	return nil
}

// openInstance starts a DuckDB instance with the settings all of ours share.
func openInstance(ctx context.Context, path string, opt Options) (*sql.DB, error) {
	connector, err := duckdb.NewConnector(path+"?"+settings(opt).Encode(), nil)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	if _, err := db.ExecContext(ctx, "SET GLOBAL TimeZone = 'UTC'"); err != nil { // of an extension, which is not there before
		db.Close()
		return nil, err
	}
	if opt.TempLimit > 0 { // given at the start it shows, and does not hold
		if _, err := db.ExecContext(ctx, "SET GLOBAL max_temp_directory_size = "+engine.QuoteText(bytesText(opt.TempLimit))); err != nil {
			db.Close()
			return nil, err
		}
	}
	return db, nil
}

// settings are what an instance starts with. That costs less than a SET of each.
func settings(opt Options) url.Values {
	v := url.Values{
		"preserve_insertion_order":      {strconv.FormatBool(opt.inOrder)},
		"write_buffer_row_group_count":  {"1"},
		"allocator_background_threads":  {"true"}, // gives memory back while nothing runs
		"max_vacuum_tasks":              {"0"},    // see RATIONALE, "Why does no checkpoint compact tables?"
		"checkpoint_threshold":          {bytesText(checkpointAt(opt.Memory))},
		"storage_compatibility_version": {"v1.3.0"}, // see RATIONALE, "Why is the database file of format 1.3?"
		"disabled_compression_methods":  {"roaring,zstd"},
	}
	if opt.Memory > 0 {
		v.Set("memory_limit", bytesText(opt.Memory))
	}
	if opt.Temp != "" {
		v.Set("temp_directory", opt.Temp)
	}
	if opt.Threads > 0 {
		v.Set("threads", strconv.Itoa(opt.Threads))
	}
	return v
}

// bytesText is a size as DuckDB reads it.
func bytesText(n int64) string { return strconv.FormatInt(n, 10) + "B" }

// Close writes everything to the database file and closes it.
func (s *Store) Close() error {
	s.write.Lock()
	defer s.write.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil
	}
	s.dropDecoder()
	s.planner.close()
	_, checkpoint := s.db.Exec("CHECKPOINT")
	err := s.db.Close()
	s.db = nil
	if err == nil && checkpoint != nil && !isFatal(checkpoint) {
		// The write-ahead log still holds everything; it only starts slower.
		err = nil
	}
	return err
}

// DB is the handle for queries of ours; a user's SQL goes through the cage.
func (s *Store) DB() *sql.DB {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.db
}

// SetFunctions makes these the functions that SQL may call beside those of
// DuckDB. Queries under way keep those that they began with. The errors say by
// name which cannot be had.
func (s *Store) SetFunctions(ctx context.Context, functions []engine.ScalarFunction) map[string]error {
	return s.functions.Replace(ctx, s.DB(), functions)
}

// HasFunction reports whether SQL may call a function of SetFunctions now.
func (s *Store) HasFunction(name string) bool { return s.functions.Has(name) }

// QueryContext makes the store an engine.Querier. SQL that names attached
// datasets is lent what it needs of them.
func (s *Store) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return s.queryLent(ctx, query, args)
}

// QueryColumns makes the store an engine.Columnar.
func (s *Store) QueryColumns(ctx context.Context, query string, take func([]engine.Column, int) error) (ok bool, err error) {
	names, err := s.attachedIn(ctx, query)
	if err != nil {
		return false, err
	}
	conn, end, err := s.lent(ctx, names, query, nil)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	defer end()
	return columns.Query(ctx, conn, query, take)
}

// reopen brings the database back after a FATAL error has invalidated the
// instance; committed rows are intact.
func (s *Store) reopen(ctx context.Context) error {
	s.mu.Lock()
	s.db.Close()
	s.mu.Unlock()
	return s.connect(context.WithoutCancel(ctx))
}

// inTx runs f in one transaction of the single writer. When the instance was
// invalidated it is reopened, so that the next call works.
func (s *Store) inTx(ctx context.Context, f func(tx *sql.Tx) error) error {
	s.write.Lock()
	defer s.write.Unlock()
	return s.alone(ctx, f)
}

// tryTx is inTx where nobody else writes; else it is false and does nothing.
func (s *Store) tryTx(ctx context.Context, f func(tx *sql.Tx) error) (bool, error) {
	if !s.write.TryLock() {
		return false, nil
	}
	defer s.write.Unlock()
	err := s.alone(ctx, f)
	return err == nil, err
}

// alone is inTx of who holds write.
func (s *Store) alone(ctx context.Context, f func(tx *sql.Tx) error) error {
	defer s.countRewrites()
	if err := s.transact(ctx, f); err != nil {
		return s.failed(ctx, err)
	}
	s.revision.Add(1)
	return nil
}

// countRewrites counts what the transaction before may have rewritten.
func (s *Store) countRewrites() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, dataset := range s.rewriting {
		s.rewrites[dataset]++
	}
	s.rewriting = nil
}

// Rewrites counts how often rows of a dataset may have been changed or removed
// since the database was opened. What was gathered from its rows after the
// count was taken is still of the same rows, and newer ones, while it stays
// the same.
func (s *Store) Rewrites(dataset string) int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.rewrites[dataset]
}

func (s *Store) transact(ctx context.Context, f func(tx *sql.Tx) error) error {
	conn, err := s.DB().Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	s.conn = conn
	defer func() { s.conn = nil }()
	if err := f(tx); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

// Revision counts the changes since the database was opened. What was read at
// one revision is still so while it stays the same.
func (s *Store) Revision() int64 { return s.revision.Load() }

// failed classifies a write error and heals what it broke.
func (s *Store) failed(ctx context.Context, err error) error {
	var known *engine.Error
	switch {
	case errors.As(err, &known):
		return err
	case ctx.Err() != nil:
		return &engine.Error{Kind: engine.Canceled, Op: "write to the database", Err: ctx.Err()}
	}
	text := err.Error()
	e := &engine.Error{Kind: engine.Internal, Op: "write to the database", Err: err}
	switch {
	case strings.Contains(text, "No space left") || strings.Contains(text, "not enough disk space"):
		e.Kind = engine.Unavailable
		e.Hint = "free some disk space under " + filepath.Dir(s.opt.Path) + " and run it again: nothing committed is lost"
	case strings.Contains(text, "Out of Memory"):
		e.Kind = engine.Unavailable
		e.Hint = "raise limits.memory in tidemark.yaml"
	}
	if isFatal(err) {
		if again := s.reopen(ctx); again != nil {
			return errors.Join(e, again)
		}
	}
	return e
}

func isFatal(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "FATAL") ||
		strings.Contains(err.Error(), "has been invalidated") || errors.Is(err, driver.ErrBadConn))
}

func openError(path string, err error) error {
	text := err.Error()
	e := &engine.Error{Kind: engine.Unavailable, Op: "open the database", File: path, Err: err}
	switch {
	case strings.Contains(text, "Could not set lock"):
		e.Kind = engine.Conflict
		e.Err = errors.New("another program has the file open" + lockHolder(text))
		e.Hint = "close that program (a DuckDB shell, perhaps) and try again"
	case strings.Contains(text, "not a valid DuckDB database"), strings.Contains(text, "Corrupt"),
		strings.Contains(text, "Serialization Error"):
		e.Kind = engine.Invalid
		e.Hint = "move the file away and pull again: what was pulled can be pulled anew"
	case strings.Contains(text, "No space left"):
		e.Hint = "free some disk space"
	case errors.Is(err, os.ErrPermission) || strings.Contains(text, "Permission denied"):
		e.Hint = "check who owns the file"
	}
	return e
}

var heldBy = regexp.MustCompile(`held in (.+ \(PID [0-9]+\))`)

// lockHolder finds the process that DuckDB names in its message.
func lockHolder(text string) string {
	if m := heldBy.FindStringSubmatch(text); m != nil {
		return ": " + m[1]
	}
	return ""
}

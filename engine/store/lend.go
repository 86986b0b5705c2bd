package store

import (
	"context"
	"database/sql"
	"regexp"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store/cage"
)

// Lender fetches the rows of attached datasets.
type Lender interface {
	// Lend gives files that hold at least the rows and columns that a query
	// needs, for each dataset of needs. They stay until Return. Of a Scan with
	// a Limit it may give less, as soon as enough says of it that the query has
	// all the rows that it wants; enough is nil where there is none.
	Lend(ctx context.Context, needs []engine.Need, enough func(context.Context, LentTable) (bool, error)) (*Loan, error)
	// Knows makes sure that the datasets which a query may name are there. It
	// is called before each query with all words of its text.
	Knows(ctx context.Context, words map[string]bool) error
}

// Loan is what was lent to a query.
type Loan struct {
	Tables []LentTable
	Return func()
}

// LentTable is a dataset as far as it was lent.
type LentTable struct {
	Need  engine.Need
	Files []LentFile
}

// LentFile is a Parquet file that was decoded once elsewhere: some rows of an
// object, and some of its columns.
type LentFile struct {
	Path    string
	Columns []engine.ForeignColumn
	// First is the number in the object of the file's first row, from 0, and
	// FirstSeq the _seq of the object's first row.
	First, FirstSeq int64
	Origin          engine.Origin
	// Envelope names the place in the file's rows that fills an envelope
	// column, Labels those that become labels.
	Envelope map[string]engine.Path
	Labels   []engine.Path
	// Taken are columns that the envelope takes whole, so that body has them
	// not; Aside those that body cannot hold, which go to rest.
	Taken, Aside []string
}

// SetLender says who lends; it is called before the first query.
func (s *Store) SetLender(l Lender) { s.lender = l }

// caged are the options of a person's query.
func (s *Store) caged(timeout time.Duration, rewrite func(*cage.Statement) (string, error)) cage.Options {
	opt := cage.Options{Timeout: timeout, Rewrite: rewrite, Own: s.HasFunction}
	if s.lender != nil {
		opt.Prepare = func(ctx context.Context, query string) error { return s.lender.Knows(ctx, wordsOf(query)) }
		opt.Lend = s.lend
	}
	return opt
}

// Query runs a person's query; see cage.Query.
func (s *Store) Query(ctx context.Context, query string, args []any, timeout time.Duration, rewrite func(*cage.Statement) (string, error)) (*cage.Rows, error) {
	return cage.Query(ctx, s.DB(), query, args, s.caged(timeout, rewrite))
}

// lend gives a checked query the attached datasets that it names.
func (s *Store) lend(ctx context.Context, conn *sql.Conn, st *cage.Statement, args []any) (func(context.Context), error) {
	names := s.attachedAmong(st.Tables)
	if len(names) == 0 || st.Catalog && !strings.EqualFold(firstWord(st.SQL), "SUMMARIZE") {
		return nil, nil
	}
	return s.borrow(ctx, conn, names, st.Body, args, st.Few)
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(s), " ")
	return word
}

// attachedAmong lists the attached datasets among the names of tables.
func (s *Store) attachedAmong(tables []string) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []string
	for name, d := range s.datasets {
		if d.attached && slices.ContainsFunc(tables, func(t string) bool { return strings.EqualFold(strings.Trim(t, `"`), name) }) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// borrow fetches what a query needs of attached datasets and shows it to a
// connection under their names. The function that it gives ends that. few is
// what the query's LIMIT says, if anything.
func (s *Store) borrow(ctx context.Context, conn *sql.Conn, names []string, query string, args []any, few *cage.Few) (func(context.Context), error) {
	if s.lender == nil {
		return nil, engine.Errorf(engine.Internal, "query", "nobody lends %s", strings.Join(names, ", "))
	}
	needs, err := s.needs(ctx, conn, names, query, args, few)
	if err != nil {
		return nil, err
	}
	shown := &showing{store: s, conn: conn, query: query, args: args, few: few}
	var enough func(context.Context, LentTable) (bool, error)
	if few != nil && len(needs) == 1 && len(needs[0].Scans) == 1 && needs[0].Scans[0].Limit > 0 {
		enough = shown.enough
	}
	loan, err := s.lender.Lend(ctx, needs, enough)
	if err != nil {
		shown.end(context.WithoutCancel(ctx))
		return nil, err
	}
	shown.loan = loan
	for _, t := range loan.Tables {
		if err := shown.show(ctx, t); err != nil {
			shown.end(context.WithoutCancel(ctx))
			return nil, err
		}
	}
	return shown.end, nil
}

var word = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)

// wordsOf are the words of a text, in lower case.
func wordsOf(query string) map[string]bool {
	out := map[string]bool{}
	for _, w := range word.FindAllString(query, -1) {
		out[strings.ToLower(w)] = true
	}
	return out
}

// queryLent runs SQL of ours that may name attached datasets.
func (s *Store) queryLent(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	names, err := s.attachedIn(ctx, query)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return s.DB().QueryContext(ctx, query, args...) //nolint:sqlclosecheck // the caller's
	}
	conn, end, err := s.lent(ctx, names, query, args)
	if err != nil {
		return nil, err
	}
	// A result is complete when the driver gives it, so what it was made of can
	// go; the connection waits for the rows to be closed.
	defer func() { go conn.Close() }()
	defer end()
	return conn.QueryContext(ctx, query, args...) //nolint:sqlclosecheck // the caller's
}

// attachedIn lists the attached datasets that SQL of ours names.
func (s *Store) attachedIn(ctx context.Context, query string) ([]string, error) {
	words := wordsOf(query)
	if s.lender != nil {
		if err := s.lender.Knows(ctx, words); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(s.attachedAmong(slices.Collect(keysOf(words))), func(n string) bool { return !words[strings.ToLower(n)] }), nil
}

// lent is a connection that has what a query needs of attached datasets, until
// end is called.
func (s *Store) lent(ctx context.Context, names []string, query string, args []any) (conn *sql.Conn, end func(), err error) {
	if conn, err = s.DB().Conn(ctx); err != nil || len(names) == 0 {
		return conn, func() {}, err
	}
	giveBack, err := s.borrow(ctx, conn, names, query, args, nil)
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, func() { giveBack(context.WithoutCancel(ctx)) }, nil
}

func keysOf(m map[string]bool) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

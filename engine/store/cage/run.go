package cage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store/handle"
	"tidemark.dev/tidemark/engine/store/result"
)

// Options bound a query.
type Options struct {
	// Timeout ends it; 0 is none. Reading the rows takes no part in it.
	Timeout time.Duration
	// Rewrite turns the checked statement, which is no EXPLAIN, into the text
	// that runs, and is trusted; nil runs it as it is.
	Rewrite func(*Statement) (string, error)
	// Prepare is called with the text of the query before anything of it is
	// looked up.
	Prepare func(ctx context.Context, query string) error
	// Lend is called with the checked statement, outside of a transaction, and
	// may make temporary views for it on the connection. The function that it
	// gives, if any, takes them away when the query is over.
	Lend func(ctx context.Context, conn *sql.Conn, s *Statement, args []any) (end func(context.Context), err error)
	// Own says which functions the application has added, and may be called;
	// nil is none.
	Own func(name string) bool
}

// Query checks a query and runs it in a READ ONLY transaction, to its end.
// It returns as soon as ctx ends: DuckDB takes up to half a second to notice,
// and some of its functions much longer, which is waited for in the
// background. args are its parameters; a named one is a sql.NamedArg.
func Query(ctx context.Context, db *sql.DB, query string, args []any, opt Options) (*Rows, error) {
	l := limit(ctx, opt)
	type answer struct {
		rows *Rows
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		rows, err := run(l.ctx, db, query, args, opt)
		done <- answer{rows, err}
	}()
	select {
	case a := <-done:
		if a.err != nil {
			defer l.end()
			return nil, l.why(a.err)
		}
		l.inTime()
		a.rows.limit = l
		return a.rows, nil
	case <-l.ctx.Done():
		go func() {
			if a := <-done; a.err == nil {
				a.rows.Close()
			}
			l.end()
		}()
		return nil, l.why(l.ctx.Err())
	}
}

// run takes a connection for itself and gives it back, or leaves that to the
// rows. The rows are complete when it returns, so that its transaction can
// end and hold up no checkpoint while they are read.
func run(ctx context.Context, db *sql.DB, query string, args []any, opt Options) (*Rows, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, Explain(err, query)
	}
	rows, end, err := inTransaction(ctx, conn, query, args, opt)
	undone := rollback(ctx, conn)
	end(context.WithoutCancel(ctx))
	if err == nil && undone != nil {
		rows.Rows.Close()
		err = Explain(undone, query)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	rows.conn = conn
	return rows, nil
}

func inTransaction(ctx context.Context, conn *sql.Conn, query string, args []any, opt Options) (*Rows, func(context.Context), error) {
	p, err := prepare(ctx, conn, query, args, opt)
	if err != nil {
		return nil, p.end, err
	}
	if !p.statement.Explain {
		if err := p.carry(ctx, conn, args); err != nil {
			return nil, p.end, Explain(err, query)
		}
	}
	rows, err := conn.QueryContext(ctx, p.text, args...)
	if err != nil {
		return nil, p.end, Explain(err, query)
	}
	return &Rows{Rows: rows, query: query, types: p.types}, p.end, nil
}

// given refuses arguments that leave a parameter without a value.
func (s *Statement) given(args []any) error {
	named := map[string]bool{}
	for _, a := range args {
		if n, ok := a.(sql.NamedArg); ok {
			named[n.Name] = true
		}
	}
	for i, name := range s.Parameters {
		if !named[name] && (len(named) > 0 || i >= len(args)) {
			return engine.Errorf(engine.Invalid, op, "there is no value for $%s", name).
				WithHint("write the value into the query, or give it with the query")
		}
	}
	return nil
}

// prepared is a checked query in the form in which it runs.
type prepared struct {
	statement *Statement
	text      string
	types     []string
	// end takes away what was lent; it is never nil.
	end func(context.Context)
}

const begin = "BEGIN TRANSACTION READ ONLY"

// prepare checks a query in a READ ONLY transaction, in which it can run then.
// Its end must be called even if it fails.
func prepare(ctx context.Context, conn *sql.Conn, query string, args []any, opt Options) (*prepared, error) {
	p := &prepared{end: func(context.Context) {}}
	if opt.Prepare != nil {
		if err := opt.Prepare(ctx, query); err != nil {
			return p, err
		}
	}
	if _, err := conn.ExecContext(ctx, begin); err != nil {
		return p, Explain(err, query)
	}
	s, err := Check(ctx, conn, query, opt.Own)
	if err != nil {
		return p, err
	}
	p.statement, p.text = s, s.SQL
	if err := s.given(args); err != nil {
		return p, err
	}
	if opt.Rewrite != nil && !s.Explain {
		if p.text, err = opt.Rewrite(s); err != nil {
			return p, err
		}
	}
	if opt.Lend == nil {
		return p, nil
	}
	return p, p.borrow(ctx, conn, args, opt)
}

// borrow leaves the transaction for as long as something is lent: that may
// take a while, and nobody's checkpoint should wait for it.
func (p *prepared) borrow(ctx context.Context, conn *sql.Conn, args []any, opt Options) error {
	if _, err := conn.ExecContext(ctx, "ROLLBACK"); err != nil {
		return err
	}
	asked := *p.statement
	if p.text != p.statement.SQL {
		asked.Body, asked.Few = p.text, nil // as it was rewritten
	}
	end, err := opt.Lend(ctx, conn, &asked, args)
	if end != nil {
		p.end = end
	}
	if _, again := conn.ExecContext(context.WithoutCancel(ctx), begin); err == nil {
		err = again
	}
	return err
}

// carry looks up the types of the columns and wraps the query where the
// driver would lose something of them. A query that cannot be described
// stays as it is: running it tells why in its own words.
func (p *prepared) carry(ctx context.Context, conn *sql.Conn, args []any) error {
	names, types, err := p.columns(ctx, conn, args)
	if err == nil && names != nil {
		p.text, p.types, _ = result.Carry(p.text, names, types)
	}
	return err
}

// columns describes the query's columns; there are no names if that cannot
// be done.
func (p *prepared) columns(ctx context.Context, conn *sql.Conn, args []any) (names, types []string, err error) {
	names, types, err = describe(ctx, conn, p.text, args)
	if err == nil {
		return names, types, nil
	}
	if err := rollback(ctx, conn); err != nil {
		return nil, nil, err
	}
	_, err = conn.ExecContext(ctx, begin)
	return nil, nil, err
}

func describe(ctx context.Context, conn *sql.Conn, query string, args []any) (names, types []string, err error) {
	rows, err := conn.QueryContext(ctx, "DESCRIBE\n"+query, args...)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name, typ string
		var other any
		if err := rows.Scan(&name, &typ, &other, &other, &other, &other); err != nil {
			return nil, nil, err
		}
		names, types = append(names, name), append(types, typ)
	}
	return names, types, rows.Err()
}

// rollback ends the transaction, and what is left running in it: tasks of a
// query that was given up, for years perhaps. DuckDB waits for those before it
// begins the next statement, and has forgotten that they were told to stop if
// that was just when theirs began.
func rollback(ctx context.Context, conn *sql.Conn) error {
	_ = conn.Raw(func(c any) error {
		p, err := handle.Connection(c.(driver.Conn))
		if err == nil {
			mapping.Interrupt(mapping.Connection{Ptr: p})
		}
		return err
	})
	_, err := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	return err
}

// Do checks a query and hands fn the driver's connection inside a READ ONLY
// transaction, and the text to run there: that and nothing else. It waits
// for fn.
func Do(ctx context.Context, db *sql.DB, query string, opt Options, fn func(ctx context.Context, conn driver.Conn, text string) error) error {
	return within(ctx, db, query, nil, opt, func(ctx context.Context, conn *sql.Conn, p *prepared) error {
		return conn.Raw(func(c any) error { return fn(ctx, c.(driver.Conn), p.text) })
	})
}

// within checks a query and calls fn inside of a READ ONLY transaction, which
// ends with it, as does the query's time.
func within(ctx context.Context, db *sql.DB, query string, args []any, opt Options, fn func(ctx context.Context, conn *sql.Conn, p *prepared) error) error {
	l := limit(ctx, opt)
	defer l.end()
	conn, err := db.Conn(l.ctx)
	if err != nil {
		return l.why(Explain(err, query))
	}
	defer conn.Close()
	p, err := prepare(l.ctx, conn, query, args, opt)
	defer func() {
		_ = rollback(ctx, conn)
		p.end(context.WithoutCancel(ctx))
	}()
	if err != nil {
		return l.why(err)
	}
	return l.why(Explain(fn(l.ctx, conn, p), query))
}

// Delivery is a checked query in the form in which its rows leave as Arrow.
type Delivery struct {
	// Text is what runs, and that alone.
	Text string
	// Columns are how they arrive; nil when that is known only once it runs.
	Columns *result.Delivered
}

// Deliver checks a query and hands fn the driver's connection inside a READ
// ONLY transaction, and what to run there with the arguments. It waits for
// fn; the timeout holds until then.
func Deliver(ctx context.Context, db *sql.DB, query string, args []any, opt Options, fn func(ctx context.Context, conn driver.Conn, d Delivery) error) error {
	return within(ctx, db, query, args, opt, func(ctx context.Context, conn *sql.Conn, p *prepared) error {
		d := Delivery{Text: p.text}
		if !p.statement.Explain {
			names, types, err := p.columns(ctx, conn, args)
			if err != nil {
				return err
			}
			if names != nil {
				text, columns := result.Deliver(p.text, names, types)
				d = Delivery{text, &columns}
			}
		}
		return conn.Raw(func(c any) error { return fn(ctx, c.(driver.Conn), d) })
	})
}

package guard

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Options bound a query.
type Options struct {
	// Timeout ends it; 0 is none.
	Timeout time.Duration
	// Rewrite turns the checked statement into the text that runs; nil runs
	// it as it is.
	Rewrite func(*Statement) (string, error)
}

// Rows are the result of a query. Close must be called; it gives the
// connection back.
type Rows struct {
	*sql.Rows
	query   string
	closing func()
}

// Err is the error that ended the rows, told to a person.
func (r *Rows) Err() error { return Explain(r.Rows.Err(), r.query) }

// Close ends the query.
func (r *Rows) Close() error {
	err := r.Rows.Close()
	if r.closing != nil {
		r.closing()
		r.closing = nil
	}
	return Explain(err, r.query)
}

// Query checks a query and runs it in a READ ONLY transaction. It returns as
// soon as ctx ends, while DuckDB, which takes up to half a second to notice,
// is waited for in the background.
func Query(ctx context.Context, db *sql.DB, query string, args []any, opt Options) (*Rows, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, Explain(err, query)
	}
	cancel := func() {}
	limited := ctx
	if opt.Timeout > 0 {
		limited, cancel = context.WithTimeout(ctx, opt.Timeout)
	}
	release := func() {
		cancel()
		conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		conn.Close()
	}
	text, err := prepare(limited, conn, query, opt)
	if err != nil {
		err = timedOut(ctx, limited, opt, err)
		release()
		return nil, err
	}
	type answer struct {
		rows *sql.Rows
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		rows, err := conn.QueryContext(limited, text, args...)
		done <- answer{rows, err}
	}()
	select {
	case a := <-done:
		if a.err != nil {
			err := timedOut(ctx, limited, opt, Explain(a.err, query))
			release()
			return nil, err
		}
		return &Rows{Rows: a.rows, query: query, closing: release}, nil
	case <-limited.Done():
		go func() {
			if a := <-done; a.err == nil {
				a.rows.Close()
			}
			release()
		}()
		return nil, timedOut(ctx, limited, opt, limited.Err())
	}
}

func prepare(ctx context.Context, conn *sql.Conn, query string, opt Options) (string, error) {
	s, err := Check(ctx, conn, query)
	if err != nil {
		return "", err
	}
	if _, err := conn.ExecContext(ctx, "BEGIN TRANSACTION READ ONLY"); err != nil {
		return "", Explain(err, query)
	}
	if opt.Rewrite == nil || s.Explain {
		return query, nil
	}
	return opt.Rewrite(s)
}

// timedOut tells our own time limit from a cancelled caller.
func timedOut(ctx, limited context.Context, opt Options, err error) error {
	if ctx.Err() == nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
		return engine.Errorf(engine.Unavailable, op, "it took longer than %s", engine.FormatDuration(opt.Timeout)).
			WithHint("ask for less, or give it more time with --timeout")
	}
	if limited.Err() != nil {
		return engine.Errorf(engine.Canceled, op, "%w", limited.Err())
	}
	return err
}

// Do checks a query and hands the driver's connection to fn, inside a READ
// ONLY transaction; fn runs that query and nothing else.
func Do(ctx context.Context, db *sql.DB, query string, opt Options, fn func(ctx context.Context, conn driver.Conn) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return Explain(err, query)
	}
	defer conn.Close()
	limited := ctx
	if opt.Timeout > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, opt.Timeout)
		defer cancel()
	}
	if _, err := prepare(limited, conn, query, opt); err != nil {
		return timedOut(ctx, limited, opt, err)
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	err = conn.Raw(func(c any) error { return fn(limited, c.(driver.Conn)) })
	if err != nil {
		return timedOut(ctx, limited, opt, Explain(err, query))
	}
	return nil
}

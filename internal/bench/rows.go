//go:build duckdb_arrow

package main

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/duckdb/duckdb-go/v2"

	"tidemark.dev/tidemark/app/server"
	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
)

// wide is a result of a million rows with ten columns.
const wide = `SELECT i, i % 7 AS b, 'service-' || (i % 50) AS c, i * 0.5::DOUBLE AS d, i % 2 = 0 AS e, hash(i)::VARCHAR AS f,
	TIMESTAMP '2026-01-01' + to_seconds(i) AS g, 'answered in ' || (i % 400) || ' ms' AS h, i // 3 AS j, i + 0.25::DOUBLE AS k FROM range(1000000) r(i)`

// window is how many rows a page asks for at first.
const window = 1000

// rows compares the API's first window of a large result, and the whole of
// it, with the driver making Arrow of it.
func (b *bench) rows() error {
	base, closed, err := b.served("rows", nil)
	if err != nil {
		return err
	}
	defer closed()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(b.ctx, "SET threads = 2"); err != nil {
		return err
	}
	theirs := func(int) error { return arrowOf(b.ctx, db) }
	if err := b.pair("first-rows", "the driver making Arrow of all million rows", 1.3, func(int) error { return base.read(window) }, theirs); err != nil {
		return err
	}
	return b.pair("all-rows", "the same", 1.3, func(int) error { return base.read(1_000_000) }, theirs)
}

func arrowOf(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(c any) error {
		arrow, err := duckdb.NewArrowFromConn(c.(driver.Conn))
		if err != nil {
			return err
		}
		r, err := arrow.QueryContext(ctx, wide)
		if err != nil {
			return err
		}
		defer r.Release()
		var n int64
		for r.Next() {
			n += r.RecordBatch().NumRows()
		}
		if n != 1_000_000 {
			return fmt.Errorf("%d rows, %w", n, r.Err())
		}
		return nil
	})
}

// served starts a server on an empty workspace, with a page or without one.
func (b *bench) served(name string, page http.Handler) (*client, func(), error) {
	dir := filepath.Join(b.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	w := workspace.New(dir, workspace.Default())
	w.Config.Name = "bench"
	w.Config.Limits.Threads = 2
	if err := w.Prepare(); err != nil {
		return nil, nil, err
	}
	bench, err := workbench.Open(b.ctx, w, workbench.Options{})
	if err != nil {
		return nil, nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	s := server.New(server.Options{Bench: bench, Token: "bench", Host: listener.Addr().String(), Page: page})
	h := &http.Server{Handler: s.Handler()}
	go func() { _ = h.Serve(listener) }()
	return &client{"http://" + listener.Addr().String() + "/api/v1"}, func() {
		_ = s.Close()
		_ = h.Close()
		_ = bench.Close()
	}, nil
}

type client struct{ base string }

func (c *client) do(method, path, body string) ([]byte, error) {
	r, err := http.NewRequest(method, c.base+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer bench")
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, text)
	}
	return text, err
}

// read runs the query and reads its first rows.
func (c *client) read(rows int64) error {
	in, err := json.Marshal(server.QueryInput{SQL: wide})
	if err != nil {
		return err
	}
	text, err := c.do("POST", "/queries", string(in))
	if err != nil {
		return err
	}
	var q server.QueryState
	if err := json.Unmarshal(text, &q); err != nil {
		return err
	}
	var n int64
	for n < rows {
		text, err := c.do("GET", fmt.Sprintf("/queries/%s/rows?offset=%d&limit=%d", q.ID, n, min(50_000, rows-n)), "")
		if err != nil {
			return err
		}
		r, err := ipc.NewReader(bytes.NewReader(text))
		if err != nil {
			return err
		}
		before := n
		for r.Next() {
			n += r.RecordBatch().NumRows()
		}
		r.Release()
		if n == before {
			return fmt.Errorf("only %d rows", n)
		}
	}
	_, err = c.do("DELETE", "/queries/"+q.ID, "")
	return err
}

package rule

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store/columns"
)

var update = flag.Bool("update", false, "rewrite golden files")

// shop is the dataset that most tests use.
var shop = engine.Dataset{Name: "app_logs", Body: engine.StructOf(
	engine.Field{Name: "type", Type: engine.Scalar(engine.Varchar)},
	engine.Field{Name: "status", Type: engine.Scalar(engine.BigInt)},
	engine.Field{Name: "bytes", Type: engine.Scalar(engine.HugeInt)},
	engine.Field{Name: "duration_ms", Type: engine.Scalar(engine.Double)},
	engine.Field{Name: "price", Type: engine.Type{Kind: engine.Decimal, Precision: 18, Scale: 3}},
	engine.Field{Name: "cached", Type: engine.Scalar(engine.Bool)},
	engine.Field{Name: "day", Type: engine.Scalar(engine.Date)},
	engine.Field{Name: "seen", Type: engine.Scalar(engine.Timestamp)},
	engine.Field{Name: "id", Type: engine.Scalar(engine.UUID)},
	engine.Field{Name: "tags", Type: engine.ListOf(engine.Scalar(engine.Varchar))},
	engine.Field{Name: "mixed", Type: engine.Scalar(engine.JSON)},
	engine.Field{Name: "empty", Type: engine.Scalar(engine.Unknown)},
	engine.Field{Name: "user-agent", Type: engine.Scalar(engine.Varchar)},
	engine.Field{Name: "http", Type: engine.StructOf(engine.Field{Name: "status", Type: engine.Scalar(engine.BigInt)})},
)}

// text is an expression as a test writes it.
func text(s string) engine.Text { return engine.Text{Value: s} }

// database is an empty DuckDB.
func database(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "?threads=2")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	exec(t, db, "SET timezone = 'America/New_York'") // answers must not depend on it
	return db
}

func exec(t testing.TB, db *sql.DB, query string) {
	t.Helper()
	if _, err := db.Exec(query); err != nil {
		t.Fatalf("%.300v\n%.300s", err, query)
	}
}

// byColumn hands out rows by the column, as the store does.
type byColumn struct{ *sql.DB }

func (c byColumn) QueryColumns(ctx context.Context, query string, take func([]engine.Column, int) error) (bool, error) {
	conn, err := c.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	return columns.Query(ctx, conn, query, take)
}

// drawQuerier gives answers by the row or by the column.
func drawQuerier(t *rapid.T, db *sql.DB) engine.Querier {
	if rapid.Bool().Draw(t, "by column") {
		return byColumn{db}
	}
	return db
}

// catalog reads a dataset from one table of its name.
type catalog struct{ dataset engine.Dataset }

func (c catalog) Datasets(context.Context) ([]engine.Dataset, error) {
	return []engine.Dataset{c.dataset}, nil
}

func (c catalog) Relation(name string, paths []engine.Path) (string, error) {
	columns := make([]string, len(paths))
	for i, p := range paths {
		columns[i] = p.SQL() + " AS " + engine.QuoteIdent(p.String())
	}
	return "(SELECT " + strings.Join(columns, ", ") + " FROM " + engine.QuoteIdent(name) + ")", nil
}

// createTable makes a dataset's table.
func createTable(t testing.TB, db *sql.DB, ds engine.Dataset) {
	t.Helper()
	var columns []string
	for _, c := range engine.Envelope {
		columns = append(columns, engine.QuoteIdent(c.Name)+" "+c.Type.DuckDB())
		if c.Name == "labels" {
			columns = append(columns, "body "+ds.Body.DuckDB(), "rest JSON")
		}
	}
	exec(t, db, fmt.Sprintf("CREATE TABLE %s (%s)", engine.QuoteIdent(ds.Name), strings.Join(columns, ", ")))
}

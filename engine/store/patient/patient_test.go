package patient

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
)

func TestStatements(t *testing.T) {
	db, err := sql.Open("duckdb", "?threads=2")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()

	var sum int64
	if err := db.QueryRow(`SELECT sum(x) FROM range(3_000_000) AS r(x)`).Scan(&sum); err != nil || sum != 4_499_998_500_000 {
		t.Errorf("%d, %v", sum, err)
	}
	if _, err := db.Exec(`CREATE TABLE t AS SELECT x FROM range(500_000) AS r(x)`); err != nil {
		t.Fatal(err)
	}
	res, err := db.Exec(`DELETE FROM t WHERE x % 5 = 0`)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := res.RowsAffected(); n != 100_000 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}

	// What fails while it runs says why, as it did before.
	_, err = db.Exec(`INSERT INTO t SELECT error('no more than ' || x)::BIGINT FROM range(1_000_000) AS r(x) WHERE x > 900_000`)
	if err == nil || !strings.Contains(err.Error(), "Invalid Input Error: no more than 900001") {
		t.Errorf("%v", err)
	}
	n := 0
	failures.Range(func(any, any) bool { n++; return true })
	if n != 0 {
		t.Errorf("%d failures are kept that were asked for", n)
	}
}

func TestStop(t *testing.T) {
	db, err := sql.Open("duckdb", "?threads=2")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = db.ExecContext(ctx, `CREATE TABLE t AS SELECT sum(a.x * b.x) AS s FROM range(10_000_000) AS a(x), range(10_000_000) AS b(x)`)
	if err == nil || ctx.Err() == nil {
		t.Errorf("a statement without end ended: %v", err)
	}
}

package columns_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store/columns"
)

func connection(t *testing.T) *sql.Conn {
	t.Helper()
	db, err := sql.Open("duckdb", "?threads=2")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// texts writes down a column, row by row.
func texts(c *engine.Column) (out []string) {
	for i := range c.Len() {
		switch {
		case c.IsNull(i):
			out = append(out, "-")
		case c.Type == engine.Varchar:
			out = append(out, fmt.Sprintf("%q", c.Text(i)))
		case c.Type == engine.Double:
			out = append(out, fmt.Sprint(c.Floats[i]))
		case c.Type == engine.HugeInt:
			out = append(out, fmt.Sprint(c.Ints[2*i:2*i+2]))
		default:
			out = append(out, fmt.Sprint(c.Ints[i]))
		}
	}
	return out
}

func TestTypes(t *testing.T) {
	conn := connection(t)
	for _, c := range []struct {
		kind         engine.TypeKind
		values, want string
	}{
		{engine.Bool, "(true), (NULL), (false)", "1 - 0"},
		{engine.BigInt, "('-128'::TINYINT), (127::TINYINT), (NULL)", "-128 127 -"},
		{engine.BigInt, "('-32768'::SMALLINT), (NULL), (1::SMALLINT)", "-32768 - 1"},
		{engine.BigInt, "('-2147483648'::INTEGER), (NULL)", "-2147483648 -"},
		{engine.BigInt, "('-9223372036854775808'::BIGINT), (NULL), (5)", "-9223372036854775808 - 5"},
		{engine.HugeInt, "(-1::HUGEINT), (NULL), (18446744073709551616::HUGEINT)", "[-1 -1] - [1 0]"},
		{engine.Double, "(1.5::DOUBLE), (NULL), ('nan'::DOUBLE), ('-inf'::DOUBLE)", "1.5 - NaN -Inf"},
		{engine.Varchar, "(''), (NULL), ('twelve chars'), ('thirteen char'), (chr(0) || 'ß')", `"" - "twelve chars" "thirteen char" "\x00ß"`},
		{engine.Timestamp, "(TIMESTAMPTZ '1970-01-01 00:00:01+00'), (NULL), (TIMESTAMPTZ '1969-12-31 23:59:59.999999+00')", "1000000 - -1"},
		{engine.Timestamp, "(TIMESTAMP '1970-01-01 00:00:01'), (NULL)", "1000000 -"},
	} {
		var got []string
		ok, err := columns.Query(t.Context(), conn, "SELECT v, 7 FROM (VALUES "+c.values+") t(v)", func(batch []engine.Column, n int) error {
			if len(batch) != 2 || batch[0].Type != c.kind || batch[0].Len() != n || batch[1].Ints[n-1] != 7 {
				t.Errorf("%s: %d rows of %+v", c.values, n, batch)
			}
			got = append(got, texts(&batch[0])...)
			return nil
		})
		if !ok || err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s (%v, %v)", c.values, got, c.want, ok, err)
		}
	}
}

func TestOtherTypesAreNotTaken(t *testing.T) {
	conn := connection(t)
	for _, value := range []string{"1.5::DECIMAL(9, 1)", "[1]", "'{}'::JSON", "DATE '2026-01-01'", "uuid()", "{'a': 1}"} {
		ok, err := columns.Query(t.Context(), conn, "SELECT 1, "+value, func([]engine.Column, int) error {
			t.Error(value, "was taken")
			return nil
		})
		if ok || err != nil {
			t.Error(value, ok, err)
		}
	}
}

// Many rows come in several batches, in order, and nulls of one do not stay in
// the next.
func TestManyRows(t *testing.T) {
	const rows = 100_000
	next, batches := int64(0), 0
	ok, err := columns.Query(t.Context(), connection(t),
		fmt.Sprintf("SELECT i, CASE WHEN i %% 3 = 0 OR i > 50000 THEN 'row ' || i END FROM range(%d) t(i) ORDER BY i", rows),
		func(batch []engine.Column, n int) error {
			batches++
			for row := range n {
				want := ""
				if next%3 == 0 || next > 50000 {
					want = fmt.Sprint("row ", next)
				}
				if batch[0].Ints[row] != next || string(batch[1].Text(row)) != want || batch[1].IsNull(row) != (want == "") {
					return fmt.Errorf("row %d is %d, %q", next, batch[0].Ints[row], batch[1].Text(row))
				}
				next++
			}
			return nil
		})
	if !ok || err != nil || next != rows || batches < 2 {
		t.Error(ok, err, next, batches)
	}
}

func TestFailures(t *testing.T) {
	conn := connection(t)
	enough := errors.New("enough")
	if _, err := columns.Query(t.Context(), conn, "SELECT i FROM range(100000) t(i)", func([]engine.Column, int) error { return enough }); !errors.Is(err, enough) {
		t.Error("an error of take is", err)
	}
	none := func([]engine.Column, int) error { return nil }
	if _, err := columns.Query(t.Context(), conn, "SELECT nothing", none); err == nil || !strings.Contains(err.Error(), "nothing") {
		t.Error("what cannot be bound is", err)
	}
	if _, err := columns.Query(t.Context(), conn, "SELECT CASE WHEN i < 90000 THEN 1 ELSE error('planned') END FROM range(100000) t(i)", none); err == nil || !strings.Contains(err.Error(), "planned") {
		t.Error("what fails on the way is", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := columns.Query(ctx, conn, "SELECT i FROM range(1000000000000) t(i)", func([]engine.Column, int) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Error("cancelled, it is", err)
	}
	if ok, err := columns.Query(t.Context(), conn, "SELECT 1", none); !ok || err != nil {
		t.Error("the connection is of no use any more:", ok, err)
	}
}

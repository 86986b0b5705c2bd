package cage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"tidemark.dev/tidemark/engine"
)

const endless = "SELECT count(*) FROM range(1000000000000) a, range(1000000) b"

func TestTimeout(t *testing.T) {
	p := shut(t)
	_, err := Query(t.Context(), p.db, endless, nil, Options{Timeout: 100 * time.Millisecond})
	if engine.KindOf(err) != engine.Unavailable || !strings.Contains(err.Error(), "it took longer than 100ms") {
		t.Fatalf("it ended with %v", err)
	}
	works(t, p)
}

func TestCancel(t *testing.T) {
	p := shut(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err := Query(ctx, p.db, endless, nil, Options{Timeout: time.Hour})
	if engine.KindOf(err) != engine.Canceled || !errors.Is(err, context.Canceled) {
		t.Fatalf("it ended with %v", err)
	}
	// The connection comes back by itself.
	for deadline := time.Now().Add(time.Minute); p.db.Stats().InUse > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are still in use", p.db.Stats().InUse)
		}
	}
	works(t, p)
}

func works(t *testing.T, p *place) {
	t.Helper()
	rows, err := Query(t.Context(), p.db, "SELECT count(*) FROM logs", nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var n int
	if !rows.Next() || rows.Scan(&n) != nil || n != 5 {
		t.Fatalf("count is %d (%v)", n, rows.Err())
	}
}

// TestReadingIsNotTimed: rows are complete when Query returns; a slow reader
// is not interrupted and holds nothing up.
func TestReadingIsNotTimed(t *testing.T) {
	p := shut(t)
	timeout := 100 * time.Millisecond
	read := func() (*Rows, error) {
		return Query(t.Context(), p.db, "SELECT range FROM range(100000)", nil, Options{Timeout: timeout})
	}
	rows, err := read()
	for engine.KindOf(err) == engine.Unavailable { // a slow machine takes longer
		timeout *= 2
		rows, err = read()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	time.Sleep(timeout) // its time is over
	if _, err := p.db.Exec("DROP TABLE logs CASCADE; CHECKPOINT"); err != nil {
		t.Fatalf("open rows hold up the writer: %v", err)
	}
	n := 0
	for rows.Next() {
		n++
	}
	if n != 100000 || rows.Err() != nil {
		t.Fatalf("%d rows, %v", n, rows.Err())
	}
}

func TestParameters(t *testing.T) {
	p := shut(t)
	for query, args := range map[string][]any{
		"SELECT count(*) FROM logs WHERE id >= $from AND service = $service":        {sql.Named("service", "checkout"), sql.Named("from", 3)},
		"SELECT count(*) FROM logs WHERE id >= ? AND service = ?":                   {3, "checkout"},
		"SELECT count(*) FROM logs WHERE id >= $2 AND service = $1":                 {"checkout", 3},
		"SELECT count(*) FROM logs WHERE id >= $from AND id >= $from AND $un = 'x'": {sql.Named("un", "x"), sql.Named("from", 3), sql.Named("more", 1)},
	} {
		rows, err := Query(t.Context(), p.db, query, args, Options{})
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		var n int
		if !rows.Next() || rows.Scan(&n) != nil || n != 2 {
			t.Errorf("%s: %d", query, n)
		}
		rows.Close()
	}
	_, err := Query(t.Context(), p.db, "SELECT $a, $b", []any{sql.Named("a", 1)}, Options{})
	if err == nil || !strings.Contains(err.Error(), "there is no value for $b") {
		t.Errorf("a missing value: %v", err)
	}
	// An argument is a value, never SQL.
	rows, err := Query(t.Context(), p.db, "SELECT $x", []any{sql.Named("x", "'; DROP TABLE logs; --")}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	rows.Close()
	works(t, p)
}

// TestOrderHolds: what is wrapped around a query for the driver's sake keeps
// its order, and the names and the full types of its columns.
func TestOrderHolds(t *testing.T) {
	p := bare(t)
	if _, err := p.db.Exec("SET preserve_insertion_order = false"); err != nil {
		t.Fatal(err)
	}
	rows, err := Query(t.Context(), p.db, `SELECT range AS "a b", ('{"n":' || range || '}')::JSON AS j, {'x': '1.10'::JSON} AS s, range AS "a b"
		FROM range(300000) ORDER BY hash(range)`, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, _ := rows.Columns()
	if want := []string{"a b", "j", "s", "a b"}; !slices.Equal(names, want) {
		t.Errorf("columns %q", names)
	}
	if want := []string{"BIGINT", "JSON", `STRUCT("x" JSON)`, "BIGINT"}; !slices.Equal(rows.TypeNames(), want) {
		t.Errorf("types %q", rows.TypeNames())
	}
	plain, err := p.db.Query("SELECT range FROM range(300000) ORDER BY hash(range)")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	for plain.Next() {
		var n, want int64
		var j, s, again any
		if !rows.Next() {
			t.Fatal("too few rows")
		}
		if err := errors.Join(plain.Scan(&want), rows.Scan(&n, &j, &s, &again)); err != nil {
			t.Fatal(err)
		}
		if n != want || j != fmt.Sprintf(`{"n":%d}`, n) || s.(map[string]any)["x"] != "1.10" {
			t.Fatalf("row %d is %v %v %v", want, n, j, s)
		}
	}
}

func TestRewrite(t *testing.T) {
	p := shut(t)
	file := filepath.Join(p.staging, "out.parquet")
	rewrite := func(s *Statement) (string, error) {
		return "COPY (" + s.SQL + "\n) TO " + engine.QuoteText(file) + " (FORMAT parquet)", nil
	}
	rows, err := Query(t.Context(), p.db, "SELECT * FROM logs; -- all", nil, Options{Rewrite: rewrite})
	if err != nil {
		t.Fatal(err)
	}
	rows.Close()
	if _, err := os.Stat(file); err != nil {
		t.Fatal(err)
	}
	_, err = Query(t.Context(), p.db, "DROP TABLE logs", nil, Options{Rewrite: rewrite})
	if engine.KindOf(err) != engine.Invalid {
		t.Fatalf("an unchecked query was rewritten: %v", err)
	}
}

func TestDo(t *testing.T) {
	p := shut(t)
	err := Do(t.Context(), p.db, "/* x */ SELECT 1;", Options{}, func(ctx context.Context, conn driver.Conn, text string) error {
		if text != "        SELECT 1" {
			t.Errorf("the text is %q", text)
		}
		_, err := conn.(driver.ExecerContext).ExecContext(ctx, "DROP TABLE logs", nil)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Fatalf("the transaction writes: %v", err)
	}
	if err := Do(t.Context(), p.db, "DROP TABLE logs", Options{}, nil); engine.KindOf(err) != engine.Invalid {
		t.Fatal(err)
	}
	works(t, p)
}

// TestTogether has many people ask at once, some of whom leave.
func TestTogether(t *testing.T) {
	p := shut(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 5 {
				opt := Options{Timeout: 20 * time.Second}
				query := "SELECT count(*), any_value(body) FROM logs"
				if i%4 == 3 {
					query, opt.Timeout = endless, 5*time.Millisecond
				}
				rows, err := Query(t.Context(), p.db, query, nil, opt)
				if (err != nil) != (i%4 == 3) {
					t.Errorf("%s: %v", query, err)
				}
				if err == nil {
					rows.Close()
				}
			}
		})
	}
	wg.Wait()
	works(t, p)
}

func TestMemory(t *testing.T) {
	p := bare(t)
	if _, err := p.db.Exec("SET memory_limit = '64MB'; SET temp_directory = ''"); err != nil {
		t.Fatal(err)
	}
	_, err := Query(t.Context(), p.db, "SELECT list(range) FROM range(20000000)", nil, Options{Timeout: time.Minute})
	var e *engine.Error
	if !errors.As(err, &e) || e.Kind != engine.Unavailable || !strings.Contains(e.Hint, "limits.memory") {
		t.Fatalf("it ended with %v", err)
	}
	works(t, p)
}

// bombs are texts that grow with n. Some recurse in a parser or a binder
// written in C++, which must end in an error and not in a crash.
var bombs = map[string]func(n int) string{
	"parentheses": func(n int) string { return "SELECT " + strings.Repeat("(", n) + "1" + strings.Repeat(")", n) },
	"unclosed":    func(n int) string { return strings.Repeat("(", n) },
	"plus":        func(n int) string { return "SELECT 1" + strings.Repeat("+1", n) },
	"not":         func(n int) string { return "SELECT " + strings.Repeat("NOT ", n) + "true" },
	"minus":       func(n int) string { return "SELECT " + strings.Repeat("- ", n) + "1" },
	"cast":        func(n int) string { return "SELECT 1" + strings.Repeat("::INT", n) },
	"lists":       func(n int) string { return "SELECT NULL::INT" + strings.Repeat("[]", n) },
	"arrows":      func(n int) string { return "SELECT extra" + strings.Repeat("->'a'", n) + " FROM logs" },
	"lambdas":     func(n int) string { return "SELECT list_transform([1], " + strings.Repeat("lambda x: ", n) + "1)" },
	"chain":       func(n int) string { return "SELECT id" + strings.Repeat(".abs()", n) + " FROM logs" },
	"calls":       func(n int) string { return "SELECT " + strings.Repeat("abs(", n) + "1" + strings.Repeat(")", n) },
	"concat":      func(n int) string { return "SELECT 'a'" + strings.Repeat("||'a'", n) },
	"case": func(n int) string {
		return "SELECT " + strings.Repeat("CASE WHEN true THEN 1 ELSE ", n) + "1" + strings.Repeat(" END", n)
	},
	"subqueries": func(n int) string { return strings.Repeat("SELECT * FROM (", n) + "SELECT 1" + strings.Repeat(")", n) },
	"exists": func(n int) string {
		return "SELECT 1" + strings.Repeat(" WHERE EXISTS (SELECT 1", n) + strings.Repeat(")", n)
	},
	"laterals": func(n int) string { return "FROM logs" + strings.Repeat(", LATERAL (SELECT id)", n) },
	"joins":    func(n int) string { return "SELECT 1 FROM logs" + strings.Repeat(" JOIN logs USING (id)", n) },
	"structs":  func(n int) string { return "SELECT " + strings.Repeat("{'a':", n) + "1" + strings.Repeat("}", n) },
	"maps":     func(n int) string { return "SELECT " + strings.Repeat("MAP {'a':", n) + "1" + strings.Repeat("}", n) },
	"types": func(n int) string {
		return "SELECT NULL::" + strings.Repeat("STRUCT(a ", n) + "INT" + strings.Repeat(")", n)
	},
	"explains":  func(n int) string { return strings.Repeat("EXPLAIN ", n) + "SELECT 1" },
	"comments":  func(n int) string { return strings.Repeat("/*", n) + strings.Repeat("*/", n) + " SELECT 1" },
	"json":      func(n int) string { return "SELECT json_structure('" + strings.Repeat("[", n) + "')" },
	"structure": func(n int) string { return "SELECT json_transform('1', E'" + strings.Repeat(`\x5b`, n) + "')" },
}

// TestBombs runs each in a process of its own: a crash of DuckDB is a crash
// of the process.
func TestBombs(t *testing.T) {
	if name := os.Getenv("TIDEMARK_BOMBS"); name != "" {
		p := shut(t)
		for name, bomb := range bombs {
			for _, n := range []int{12, 150, 900, 20000} {
				rows, err := Query(t.Context(), p.db, bomb(n), nil, Options{Timeout: time.Minute})
				if err == nil {
					rows.Close()
				}
				if kind := engine.KindOf(err); err != nil && kind != engine.Invalid {
					t.Errorf("%s of %d is %s: %v", name, n, kind, err)
				}
			}
		}
		return
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestBombs$")
	cmd.Env = append(os.Environ(), "TIDEMARK_BOMBS=all")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%.4000s", err, out)
	}
}

func FuzzCheck(f *testing.F) {
	p := bare(f)
	conn := p.conn(f)
	for _, query := range escapes() {
		f.Add(query)
	}
	for _, w := range wraps {
		f.Add(strings.ReplaceAll(w, "%", "SELECT 1"))
	}
	f.Fuzz(func(t *testing.T, query string) {
		s, err := Check(t.Context(), conn, query, nil)
		if err != nil {
			_ = told(err)
			return
		}
		// A second opinion: the driver finds one statement, and it is a
		// SELECT or an EXPLAIN. What it cannot bind cannot run either.
		err = conn.Raw(func(c any) error {
			stmt, err := c.(driver.Conn).Prepare(s.SQL)
			if err != nil {
				if strings.Contains(err.Error(), "multi-statement") {
					t.Errorf("%q holds several statements", s.SQL)
				}
				return nil
			}
			defer stmt.Close()
			return harmless(stmt)
		})
		if err != nil {
			t.Fatalf("%q may run: %v", query, err)
		}
	})
}

// harmless fails for a statement that is no SELECT and no EXPLAIN.
func harmless(stmt driver.Stmt) error {
	kind, err := stmt.(*duckdb.Stmt).StatementType()
	if err == nil && kind != duckdb.STATEMENT_TYPE_SELECT && kind != duckdb.STATEMENT_TYPE_EXPLAIN {
		err = fmt.Errorf("it is a statement of type %d", kind)
	}
	return err
}

func BenchmarkCheck(b *testing.B) {
	p := shut(b)
	conn := p.conn(b)
	for name, query := range map[string]string{
		"simple": "SELECT service, count(*) FROM logs WHERE id > 1 GROUP BY ALL",
		"view":   "WITH a AS (SELECT * FROM all_events) SELECT a.service, sum(a.ms) FROM a JOIN logs USING (id) GROUP BY ALL ORDER BY 2 DESC",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Check(b.Context(), conn, query, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/query", func(b *testing.B) {
			for b.Loop() {
				rows, err := Query(b.Context(), p.db, query, nil, Options{})
				if err != nil {
					b.Fatal(err)
				}
				rows.Close()
			}
		})
	}
}

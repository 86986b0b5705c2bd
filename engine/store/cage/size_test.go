package cage

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store/wall"
)

// written are sizes that stand in the query, with the column of the call.
var written = map[string]int{
	"SELECT repeat('x', 10000000) FROM range(100000)":                     8,
	"SELECT 1,\n  repeat(repeat('ab', 1000), 1000 * 1000)":                3,
	"SELECT lpad('x', 10000000, 'y')":                                     8,
	"SELECT rpad('x', 2000000::INT, 'y')":                                 8,
	"SELECT count(*) FROM (SELECT unnest(range(100000000)))":              37,
	"SELECT len(generate_series(1, 1000000000, 10))":                      12,
	"SELECT list_resize([1], 100000000, 1)":                               8,
	"SELECT array_resize([1], 100000000)":                                 8,
	"SELECT bar(1, 0, 1, 100000000)":                                      8,
	"SELECT bitstring('1', 800000000)":                                    8,
	"SELECT printf('%099999999d', 1)":                                     8,
	"SELECT format('{:>99999999}', 'x')":                                  8,
	"SELECT repeat('x', 900000) || repeat('y', 900000)":                   28,
	"SELECT upper(concat(repeat('x', 900000), 'y', repeat('x', 900000)))": 8,
}

func TestWrittenSizes(t *testing.T) {
	p := shut(t)
	for query, column := range written {
		_, err := ask(t, p, query)
		var e *engine.Error
		if !errors.As(err, &e) || e.Kind != engine.Invalid || !strings.Contains(err.Error(), "at most 1 MB") || e.Hint == "" {
			t.Errorf("%s: %v", query, err)
			continue
		}
		if e.Column != column {
			t.Errorf("%s: it points at column %d, not %d", query, e.Column, column)
		}
	}
}

// TestHonestSizes runs what people make with the same functions.
func TestHonestSizes(t *testing.T) {
	p := shut(t)
	for _, query := range []string{
		"SELECT repeat('▇', (ms / 2)::INT), bar(ms, 0, 10, 40), lpad(id::VARCHAR, 5, '0') FROM logs",
		"SELECT unnest(generate_series(TIMESTAMP '2026-01-01', TIMESTAMP '2026-02-01', INTERVAL 1 minute))",
		"SELECT list_transform(range(10000), lambda x: x * 2), repeat([0], 100), range(10, 0, -1), generate_series(5)",
		"SELECT repeat('x', 1000000), printf('%08.2f %s', 1.5, '10000000'), format('{:,} of {}', 10000000, 2)",
		"SELECT count(*) FROM range(10000000)", "SELECT list_resize([1], 20), bitstring('101', 64)",
	} {
		if _, err := ask(t, p, query); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// computed are sizes that depend on the data: they are seen only as it runs.
var computed = []string{
	"SELECT repeat(repeat('x', 10000), (1000 + i)::INT) FROM range(100000) t(i)",
	"SELECT len(range(i + 10000000)) FROM range(100000) t(i)",
	"SELECT length(replace(repeat('a', 10000), 'a', repeat('b', (10000 + i)::INT))) FROM range(100000) t(i)",
	"SELECT length(string_agg(repeat('x', (100000 + i)::INT), '')) FROM range(1000000) t(i)",
	"SELECT string_agg(repeat('x', 100000), '') OVER () FROM range(20000) t(i)",
	"SELECT flatten(list_transform(range(10000), lambda x: range(10000 + x))) FROM range(100) t(i)",
	"WITH RECURSIVE r(s, n) AS (SELECT 'x', 0 UNION ALL SELECT s || s, n + 1 FROM r WHERE n < 60) SELECT max(length(s)) FROM r",
}

const grower = "TIDEMARK_TEST_GROW"

// TestGrows is the child of TestBounded: it runs what it is given and says
// how it ended and how large the process has been.
func TestGrows(t *testing.T) {
	query := os.Getenv(grower)
	if query == "" {
		t.Skip("runs in a process of its own")
	}
	p := bare(t)
	for _, set := range []string{"SET memory_limit = '256MB'", "SET max_temp_directory_size = '1MB'"} {
		if _, err := p.db.Exec(set); err != nil {
			t.Fatal(err)
		}
	}
	if err := Harden(t.Context(), p.db, []string{p.staging}); err != nil {
		t.Fatal(err)
	}
	LimitMemory(256 << 20)
	_, err := ask(t, p, query)
	works(t, p)
	fmt.Printf("\nended: %v\n", err)
	status, _ := os.ReadFile("/proc/self/status")
	fmt.Printf("%s\n", regexp.MustCompile(`VmHWM:\s+\d+`).Find(status))
}

func TestBounded(t *testing.T) {
	if !wall.Stands {
		t.Skip("DuckDB takes its memory from the system here")
	}
	const most = 768<<20 + 400<<20 // what DuckDB may hold, and the program with the one value that is on its way out
	for _, query := range computed {
		cmd := exec.Command(os.Args[0], "-test.run=^TestGrows$", "-test.count=1", "-test.timeout=2m")
		cmd.Env = append(os.Environ(), grower+"="+query)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", query, err, out)
			continue
		}
		kb, _ := strconv.Atoi(string(regexp.MustCompile(`\d+$`).Find(bytes.TrimSpace(regexp.MustCompile(`VmHWM:\s+\d+`).Find(out)))))
		end := regexp.MustCompile(`ended: .*`).Find(out)
		t.Logf("%4d MB  %s  %s", kb>>10, query, end)
		if kb == 0 || kb<<10 > most {
			t.Errorf("%s: the process grew to %d MB", query, kb>>10)
		}
	}
}

// TestWatch ends what runs when the process is too large.
func TestWatch(t *testing.T) {
	if wall.Resident() == 0 {
		t.Skip("how large the process is cannot be told here")
	}
	p := shut(t)
	memoryLimit.Store(1)
	t.Cleanup(func() { memoryLimit.Store(0) })
	_, err := Query(t.Context(), p.db, endless, nil, Options{})
	var e *engine.Error
	if !errors.As(err, &e) || e.Kind != engine.Unavailable || !strings.Contains(err.Error(), "memory") || e.Hint == "" {
		t.Fatalf("it ended with %v", err)
	}
	memoryLimit.Store(0)
	works(t, p)
}

func ask(t *testing.T, p *place, query string) (int, error) {
	t.Helper()
	rows, err := Query(t.Context(), p.db, query, nil, Options{})
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		n++
	}
	return n, rows.Err()
}

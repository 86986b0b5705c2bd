package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine/rule"
)

// monthOf is a month of some million records of five services; the more there
// are, the closer they follow each other, as in one archive or another.
func monthOf(rows int64) string {
	return fmt.Sprintf(`SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_microseconds(i * (30 * 86400000000 // %[1]d)) AS ts,
		['checkout', 'cart', 'payments', 'catalog', 'storefront'][1 + (i %% 5)::INT] AS service,
		CASE WHEN hash(i) %% 100 < 2 THEN 'ERROR' ELSE 'INFO' END AS level, (hash(i) %% 400000) / 1000.0::DOUBLE AS duration_ms
		FROM range(%[1]d) t(i)`, rows)
}

// kept is a workspace with so many records. It stays in the system's folder for
// temporary files: making it takes minutes.
func (b *bench) kept(rows int64) (*workbench.Workbench, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("tidemark-bench-month-%d", rows))
	done := filepath.Join(dir, "done")
	if _, err := os.Stat(done); err == nil {
		return b.workspace(dir, "")
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "bench: making %d records in %s, which stays\n", rows, dir)
	file := filepath.Join(dir, "in", "a.parquet")
	if err := b.write(monthOf(rows), file, "FORMAT parquet"); err != nil {
		return nil, err
	}
	bench, err := b.workspace(dir, "")
	if err != nil {
		return nil, err
	}
	got, err := bench.Pull(b.ctx, workbench.PullOptions{})
	if err == nil && got.Records != rows {
		err = fmt.Errorf("%d of %d records were stored", got.Records, rows)
	}
	if err == nil {
		err = errors.Join(os.Remove(file), os.WriteFile(done, nil, 0o600))
	}
	if err != nil {
		return nil, errors.Join(err, bench.Close())
	}
	return bench, nil
}

// backtestMonth is backtest over a month of many records.
func (b *bench) backtestMonth() error {
	bench, err := b.kept(b.month)
	if err != nil {
		return err
	}
	defer bench.Close()
	return b.pair("backtest-month", fmt.Sprintf("the bare GROUP BY over %d records", b.month), 1.3,
		func(int) error {
			report, _, err := bench.BacktestSource(b.ctx, "bench", 1, []byte(ruleText), rule.BacktestOptions{})
			if err == nil && report.Records != b.month {
				err = fmt.Errorf("the backtest saw %d records", report.Records)
			}
			return err
		}, func(int) error { return b.drain(bench, bare) })
}

// drain reads a query to its end.
func (b *bench) drain(bench *workbench.Workbench, query string) error {
	rows, err := bench.Store.QueryContext(b.ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}

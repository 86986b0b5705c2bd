// Command bench measures the hot paths against a stated reference in the same
// run, and prints each as a ratio: below 1 is faster than the reference.
// Figures are medians of a few runs taken in turn; only the ratios mean
// anything on another machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// bench is one run of the program.
type bench struct {
	ctx  context.Context
	dir  string
	runs int
	size int64 // of the NDJSON, in bytes before compression
	// millions of records that growth pulls
	millions int
	// records that a tail reads.
	records int
	month   int64  // records that backtest-month goes over
	limit   string // limits.memory of the workspace that latency tails in
}

func main() {
	if dir := os.Getenv(hugeVar); dir != "" {
		if err := (&bench{ctx: context.Background()}).huge(dir); err != nil {
			fail(err)
		}
		return
	}
	if url := os.Getenv(pipeVar); url != "" {
		if err := (&bench{ctx: context.Background()}).pipe(url); err != nil {
			fail(err)
		}
		return
	}
	if dir := os.Getenv(tailVar); dir != "" {
		if err := (&bench{ctx: context.Background()}).tail(dir); err != nil {
			fail(err)
		}
		return
	}
	only := flag.String("only", "", "run just this benchmark: pull-ndjson, pull-nested, pull-parquet, pull-labels, growth, memory, backtest, backtest-month, live-rules, query, rows, page, attach, download, plugin-sql, plugin-work, plugin-border, plugin-ready, tail, late, latency, dashboard")
	runs := flag.Int("runs", 3, "how often each side runs")
	size := flag.Int64("size", 1_000_000_000, "bytes of NDJSON, before compression")
	millions := flag.Int("millions", 5, "how many million records growth pulls; 20 takes a while")
	streamed := flag.Int("records", 300_000, "how many records tail, late and dashboard are about; 1500000 for figures")
	rows := flag.Int64("rows", 2_000_000, "how many records backtest-month goes over; 50000000 takes minutes to make, and stays")
	limit := flag.String("memory", "", "limits.memory of the workspace that latency tails in, such as 512MB")
	flag.Parse()
	dir, err := os.MkdirTemp("", "tidemark-bench-")
	if err != nil {
		fail(err)
	}
	defer os.RemoveAll(dir)
	b := &bench{ctx: context.Background(), dir: dir, runs: *runs, size: *size, millions: *millions, records: *streamed, month: *rows, limit: *limit}
	for _, one := range []struct {
		name string
		run  func() error
	}{
		{"pull-ndjson", b.pullLines},
		{"pull-nested", b.pullNested},
		{"pull-parquet", b.pullParquet},
		{"pull-labels", b.pullLabels},
		{"growth", b.growth},
		{"memory", b.memory},
		{"backtest", b.backtest},
		{"backtest-month", b.backtestMonth},
		{"live-rules", b.liveRules},
		{"query", b.query},
		{"rows", b.rows},
		{"page", b.page},
		{"attach", b.attach},
		{"download", b.downloads},
		{"plugin-sql", b.pluginSQL},
		{"plugin-work", b.pluginWork},
		{"plugin-border", b.pluginBorder},
		{"plugin-ready", b.pluginReady},
		{"tail", b.tails},
		{"late", b.late},
		{"latency", b.latency},
		{"dashboard", b.dashboards},
	} {
		if *only == "" || *only == one.name {
			if err := one.run(); err != nil {
				os.RemoveAll(dir)
				fail(fmt.Errorf("%s: %w", one.name, err))
			}
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

// pair times ours and the reference in turn and prints the ratio of their
// medians.
func (b *bench) pair(name, reference string, target float64, ours, theirs func(run int) error) error {
	var a, r, aWork, rWork []time.Duration
	for i := range b.runs {
		for _, side := range []struct {
			into, work *[]time.Duration
			run        func(int) error
		}{{&r, &rWork, theirs}, {&a, &aWork, ours}} {
			started, worked := time.Now(), processorTime()
			if err := side.run(i); err != nil {
				return err
			}
			*side.into = append(*side.into, time.Since(started))
			*side.work = append(*side.work, processorTime()-worked)
		}
	}
	b.report(name, reference, target, a, r)
	if median(rWork) > 0 {
		fmt.Printf("%-14s %.2fx in processor time (%v and %v)\n", "", float64(median(aWork))/float64(median(rWork)),
			median(aWork).Round(time.Millisecond), median(rWork).Round(time.Millisecond))
	}
	return nil
}

// report prints the ratio of the medians of a and of the reference r.
func (b *bench) report(name, reference string, target float64, a, r []time.Duration) {
	ratio := float64(median(a)) / float64(median(r))
	fmt.Printf("%-14s %.3fx of %s (target %.3fx; medians %v and %v of %d)\n", name, ratio, reference, target,
		median(a).Round(time.Millisecond), median(r).Round(time.Millisecond), b.runs)
}

func median(d []time.Duration) time.Duration {
	s := slices.Sorted(slices.Values(d))
	return s[len(s)/2]
}

// fresh makes an empty folder for one run.
func (b *bench) fresh(name string, run int) (string, error) {
	dir := filepath.Join(b.dir, fmt.Sprintf("%s-%d", name, run))
	return dir, os.MkdirAll(dir, 0o700)
}

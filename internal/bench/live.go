package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/internal/kinesistest"
)

// watchVar makes a tail answer a dashboard meanwhile, and afterwards.
const (
	watchVar   = "TIDEMARK_BENCH_WATCH"
	latencyVar = "TIDEMARK_BENCH_LATENCY"
)

// late is what one record that comes late costs, by the size of the table that
// it comes into: to store it, to add it to four rollups, to settle.
func (b *bench) late() error {
	var took [2][]time.Duration
	for i, times := range []int{1, 10} {
		dir := filepath.Join(b.dir, fmt.Sprintf("late-%d", times))
		if err := os.MkdirAll(filepath.Join(dir, "in"), 0o700); err != nil {
			return err
		}
		bench, err := b.workspace(dir, "{rollups: [1m, 10m, 1h, 1d], late: {allowed: 1000h}}")
		if err != nil {
			return err
		}
		for m := range times {
			if err := b.write(records(m, int64(b.records)), filepath.Join(dir, "in", fmt.Sprintf("a-%02d.parquet", m)), "FORMAT parquet"); err != nil {
				return err
			}
		}
		if _, err := bench.Pull(b.ctx, workbench.PullOptions{}); err != nil {
			return err
		}
		for run := range max(5, b.runs) {
			path := filepath.Join(dir, "in", fmt.Sprintf("late-%d.parquet", run))
			if err := b.write(records(0, 1), path, "FORMAT parquet"); err != nil {
				return err
			}
			started := time.Now()
			result, err := bench.Pull(b.ctx, workbench.PullOptions{})
			if err != nil || result.Records != 1 {
				return fmt.Errorf("pulled %+v: %w", result, err)
			}
			took[i] = append(took[i], time.Since(started))
		}
		if err := bench.Close(); err != nil {
			return err
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	b.report("late record", fmt.Sprintf("what one costs among %d records, among ten times as many", b.records), 1, took[1], took[0])
	return nil
}

// watched is how long a dashboard took, while records came and after.
type watched struct {
	During, Idle []time.Duration
}

// dashboards compares what a dashboard takes during a tail and after it.
func (b *bench) dashboards() error {
	s, _ := stream(b.records, false)
	defer s.Close()
	dir, err := b.fresh("watched", 0)
	if err != nil {
		return err
	}
	if err := tailWorkspace(dir, s.URL, "trim_horizon", ""); err != nil {
		return err
	}
	var out watched
	if err := b.childInto(&out, tailVar, dir, "TIDEMARK_BENCH_RECORDS="+strconv.Itoa(b.records), watchVar+"=1"); err != nil {
		return err
	}
	if len(out.During) == 0 || len(out.Idle) == 0 {
		return fmt.Errorf("a dashboard was asked %d and %d times", len(out.During), len(out.Idle))
	}
	during, idle := nth(out.During, 95), nth(out.Idle, 95)
	fmt.Printf("%-14s %.2fx at the 95th percentile of what it takes idle (target 2x; %v and %v; medians %v and %v)\n", "dashboard", float64(during)/float64(idle),
		during.Round(time.Millisecond/10), idle.Round(time.Millisecond/10), nth(out.During, 50).Round(time.Millisecond/10), nth(out.Idle, 50).Round(time.Millisecond/10))
	return nil
}

// nth is a percentile.
func nth(d []time.Duration, percent int) time.Duration {
	s := slices.Sorted(slices.Values(d))
	return s[min(len(s)-1, len(s)*percent/100)]
}

const watchedBoard = `dataset: logs
rows:
  - items:
      - {y: requests, measure: count(), series: service}
      - {y: share, measure: 'count(level == "ERROR") * 100.0 / count()', series: service}
      - {y: slow, measure: max(body.ms), x: service}
`

// watch asks for a dashboard, over and over, until ctx ends or it was asked so
// often.
func watch(ctx context.Context, bench *workbench.Workbench, times int) (took []time.Duration) {
	for i := 0; ctx.Err() == nil && (times == 0 || len(took) < times); i++ {
		from, to := tailBegin, tailBegin.Add(30*time.Minute)
		began := time.Now()
		_, err := bench.DashboardItem(ctx, workbench.DashboardQuery{DashboardText: workbench.DashboardText{File: "d.yaml", Text: watchedBoard}, Item: i % 3, From: &from, To: &to})
		if err == nil {
			took = append(took, time.Since(began))
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return took
}

// latency is how long after it was put a record is in the table and in its
// window, at a tenth of what a tail can take in.
func (b *bench) latency() error {
	const perSecond = 15_000
	s := kinesistest.New(engine.SystemClock{})
	defer s.Close()
	s.CreateStream("app", tailShards)
	dir, err := b.fresh("latency", 0)
	if err != nil {
		return err
	}
	if err := tailWorkspace(dir, s.URL, "trim_horizon", b.limit); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	var put sync.WaitGroup
	put.Go(func() { putSteadily(ctx, s, perSecond) })
	defer put.Wait()
	defer cancel()
	var out delays
	if err := b.childInto(&out, tailVar, dir, "TIDEMARK_BENCH_RECORDS="+strconv.Itoa(max(b.records, 10*perSecond)), latencyVar+"=1"); err != nil {
		return err
	}
	fmt.Printf("%-14s %.2f s at the 99th percentile from PutRecord to the window that shows it (target 2 s; median %.2f s, longest %.2f s; %d records, %d/s)\n", "latency", out.P99, out.P50, out.Max, out.Records, perSecond)
	fmt.Printf("%-14s median lag %.2f s in the first third and %.2f s in the last, %.1f s and %.1f s of processor time for a million records\n", "", out.First.Lag, out.Last.Lag, out.First.Work, out.Last.Work)
	for _, of := range []struct {
		name string
		held
	}{{"first", out.First.Memory}, {"last", out.Last.Memory}} {
		fmt.Printf("%-14s at most %d MB in the %s third: %d MB in DuckDB's buffers, %d MB of Go\n", "", of.All, of.name, of.Buffers, of.Go)
	}
	return nil
}

// putSteadily puts records that happen now.
func putSteadily(ctx context.Context, s *kinesistest.Server, perSecond int) {
	const slice = 20 * time.Millisecond
	tick := time.NewTicker(slice)
	defer tick.Stop()
	began, n := time.Now(), 0
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for want := int(now.Sub(began).Seconds() * float64(perSecond)); n < want; n++ {
				s.Put("app", strconv.Itoa(n), recordAt(n, now, false))
			}
		}
	}
}

// seen is when a micro-batch could be seen, how many records it had, and what
// the process had taken by then.
type seen struct {
	ingest, at time.Time
	records    int64
	memory     held
	processor  time.Duration
}

// held is how large a process is, in MB: all of it, what DuckDB's buffers hold
// of that, and what Go does.
type held struct{ All, Buffers, Go int64 }

func holds(ctx context.Context, bench *workbench.Workbench) held {
	var h held
	_, h.All = memoryOf()
	_ = bench.Store.DB().QueryRowContext(ctx, `SELECT sum(memory_usage_bytes)::BIGINT // 1000000 FROM duckdb_memory()`).Scan(&h.Buffers)
	heap := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(heap)
	h.Go = int64(heap[0].Value.Uint64()-heap[1].Value.Uint64()) / 1_000_000
	return h
}

// third is the lag, the memory and the work of a third of a run.
type third struct {
	Lag    float64 // seconds, the median
	Memory held    // when the process was largest
	// Work is the processor time of a million records, in seconds.
	Work float64
}

// delays are how long records were on their way, in seconds.
type delays struct {
	Records       int64
	P50, P99, Max float64
	First, Last   third
}

// latencies reads how long the rows of each batch had been on their way when
// it could be seen, without those that had waited for the tail to begin.
func latencies(ctx context.Context, bench *workbench.Workbench, batches []seen) error {
	if len(batches) < 5 {
		return fmt.Errorf("there were %d batches", len(batches))
	}
	counted := batches[2:]
	var out delays
	lag, err := lagOf(ctx, bench, counted, batches[1].at, "count(*), quantile_cont(s, 0.5), quantile_cont(s, 0.99), max(s)")
	if err != nil {
		return err
	}
	if err := lag.Scan(&out.Records, &out.P50, &out.P99, &out.Max); err != nil {
		return err
	}
	n := len(counted) / 3
	for _, part := range []struct {
		of  []seen
		out *third
	}{{counted[:n], &out.First}, {counted[len(counted)-n:], &out.Last}} {
		if lag, err = lagOf(ctx, bench, part.of, batches[1].at, "quantile_cont(s, 0.5)"); err != nil {
			return err
		}
		if err := lag.Scan(&part.out.Lag); err != nil {
			return err
		}
		var records int64
		for i, s := range part.of {
			if s.memory.All > part.out.Memory.All {
				part.out.Memory = s.memory
			}
			if i > 0 {
				records += s.records
			}
		}
		part.out.Work = (part.of[n-1].processor - part.of[0].processor).Seconds() / float64(records) * 1e6
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// lagOf asks something of s, the seconds that rows of some batches were on
// their way which arrived after a tail had begun.
func lagOf(ctx context.Context, bench *workbench.Workbench, batches []seen, begun time.Time, what string) (*sql.Row, error) {
	var rows []string
	for _, s := range batches {
		rows = append(rows, fmt.Sprintf("(make_timestamptz(%d), make_timestamptz(%d))", s.ingest.UnixMicro(), s.at.UnixMicro()))
	}
	row := bench.Store.DB().QueryRowContext(ctx, fmt.Sprintf(`SELECT %s FROM (SELECT epoch(v.visible - arrival_time) AS s
		FROM main.logs JOIN (VALUES %s) AS v(ingest, visible) ON ingest_time = v.ingest WHERE arrival_time >= make_timestamptz(%d))`, what, strings.Join(rows, ", "), begun.UnixMicro()))
	return row, row.Err()
}

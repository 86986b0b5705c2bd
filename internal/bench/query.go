package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/rule"
)

const ruleText = `rule: errors
dataset: app_logs
group_by: [service]
window: {tumbling: 1m}
measures:
  requests: count()
  errors: count(level == "ERROR")
  slowest: max(body.duration_ms)
  error_rate: errors * 1.0 / requests
when: error_rate > 0.05 && requests > 100
alarm: {datapoints: 3, of: 5, missing: not_breaching}
`

// bare is the same question without the rule: its windows and measures.
const bare = `SELECT epoch_us(event_time) // 60000000 AS w, service, count(*), count(*) FILTER (level = 'ERROR'), max(body.duration_ms)
	FROM app_logs GROUP BY w, service`

// stocked makes a workspace with records in it.
func (b *bench) stocked(name string) (*workbench.Workbench, string, error) {
	dir := filepath.Join(b.dir, name)
	if err := b.write(records(0, b.size/lineBytes), filepath.Join(dir, "in", "a.parquet"), "FORMAT parquet"); err != nil {
		return nil, "", err
	}
	bench, err := b.workspace(dir, "")
	if err != nil {
		return nil, "", err
	}
	_, err = bench.Pull(b.ctx, workbench.PullOptions{})
	return bench, dir, err
}

// write puts the rows of a query into a file.
func (b *bench) write(query, path, options string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(b.ctx, "COPY ("+query+") TO '"+path+"' ("+options+")")
	return err
}

// workspace opens a workspace over the files in dir/in, with the settings of
// its dataset.
func (b *bench) workspace(dir, dataset string) (*workbench.Workbench, error) {
	config := "name: bench\nsources:\n  files: {type: file, path: \"in/*\", dataset: app_logs}\n"
	if dataset != "" {
		config += "datasets:\n  app_logs: " + dataset + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, workspace.FileName), []byte(config), 0o600); err != nil {
		return nil, err
	}
	return benchWorkspace(b.ctx, dir)
}

func benchWorkspace(ctx context.Context, dir string) (*workbench.Workbench, error) {
	w, err := workspace.Load(dir, workspace.Options{Trusted: true})
	if err != nil {
		return nil, err
	}
	w.Trusted = true
	w.Config.Limits.Threads = 2
	if err := w.Prepare(); err != nil {
		return nil, err
	}
	return workbench.Open(ctx, w, workbench.Options{})
}

func (b *bench) backtest() error {
	bench, _, err := b.stocked("backtest")
	if err != nil {
		return err
	}
	defer bench.Close()
	grouped := func(int) error { return b.drain(bench, bare) }
	reference := fmt.Sprintf("the bare GROUP BY over %d records", b.size/lineBytes)
	if err := b.pair("backtest", reference, 1.3,
		func(int) error {
			report, _, err := bench.BacktestSource(b.ctx, "bench", 1, []byte(ruleText), rule.BacktestOptions{})
			if err == nil && report.Records == 0 {
				err = fmt.Errorf("the backtest saw nothing")
			}
			return err
		}, grouped); err != nil {
		return err
	}
	return b.threshold(bench, reference, grouped)
}

// threshold moves a threshold after a backtest, as a person does who drags it:
// no record may be read again.
func (b *bench) threshold(bench *workbench.Workbench, reference string, grouped func(int) error) error {
	run := workbench.BacktestRun{RuleChoice: workbench.RuleChoice{File: "bench", Text: ruleText}, Datapoints: new(bool)}
	if _, err := bench.RunBacktest(b.ctx, run); err != nil {
		return err
	}
	return b.pair("threshold", reference, 0.3, func(i int) error {
		run.Set = map[string]string{"when": fmt.Sprintf("error_rate > 0.0%d", i+1)}
		got, err := bench.RunBacktest(b.ctx, run)
		if err == nil && got.Scanned {
			err = fmt.Errorf("records were read again")
		}
		return err
	}, grouped)
}

const question = "SELECT service, count(*) FROM app_logs GROUP BY service"

// opened builds the program that opens a file with the DuckDB library alone.
// It is one of its own: what this one links takes time to start.
func (b *bench) opened() (string, error) {
	path := filepath.Join(b.dir, "bare")
	cmd := exec.CommandContext(b.ctx, "go", "build", "-o", path, "./internal/bench/bare")
	cmd.Stderr = os.Stderr
	return path, cmd.Run()
}

// query times a whole process of the program against a whole process that
// opens the same file with the DuckDB library.
func (b *bench) query() error {
	bench, dir, err := b.stocked("query")
	if err != nil {
		return err
	}
	path := bench.Workspace.DatabasePath()
	if err := bench.Close(); err != nil {
		return err
	}
	program, err := filepath.Abs("bin/tidemark")
	if err != nil {
		return err
	}
	if _, err := os.Stat(program); err != nil {
		return engine.Errorf(engine.NotFound, "find bin/tidemark", "%w", err).WithHint("run make build")
	}
	opened, err := b.opened()
	if err != nil {
		return err
	}
	var ours, theirs, oursWork, theirsWork []time.Duration
	for range 5 * b.runs {
		took, worked := timed(os.Environ(), opened, path, question)
		theirs, theirsWork = append(theirs, took), append(theirsWork, worked)
		took, worked = timed(append(os.Environ(), "TIDEMARK_CONFIG_DIR="+dir), program, "-w", dir, "query", question)
		ours, oursWork = append(ours, took), append(oursWork, worked)
	}
	fmt.Printf("%-14s %v more than opening the file with the DuckDB library and asking the same (target 60ms; medians %v and %v of %d)\n", "query",
		(median(ours) - median(theirs)).Round(time.Millisecond), median(ours).Round(time.Millisecond), median(theirs).Round(time.Millisecond), len(ours))
	fmt.Printf("%-14s %v more in processor time (%v and %v)\n", "", (median(oursWork) - median(theirsWork)).Round(time.Millisecond),
		median(oursWork).Round(time.Millisecond), median(theirsWork).Round(time.Millisecond))
	return nil
}

// timed runs a program to its end, and says how long it took and how long
// processors worked on it.
func timed(env []string, program string, args ...string) (took, worked time.Duration) {
	cmd := exec.Command(program, args...)
	cmd.Env = env
	started := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		fail(fmt.Errorf("%s: %w\n%s", program, err, out))
	}
	return time.Since(started), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

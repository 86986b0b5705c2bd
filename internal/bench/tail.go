package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/internal/kinesistest"
)

// tailVar makes this program tail the stream of the workspace in a folder and
// say what that took; pipeVar gives the same stream to Redpanda Connect's
// engine.
const (
	tailVar = "TIDEMARK_BENCH_TAIL"
	pipeVar = "TIDEMARK_BENCH_PIPE"
)

const (
	// tailShards are read at 2 MB a second each at most, as any other reader must
	// leave room: of 300 bytes that is 213,000 records in all.
	tailShards = 32
	// perSecond is how many records of the stream happen in a second.
	perSecond = 1000
	// lateOne of so many records comes three minutes late.
	lateOne = 200
)

var tailBegin = time.Date(2026, 1, 9, 12, 0, 0, 0, time.UTC)

// tailRecord is record i of a stream that happened a while ago.
func tailRecord(i int, wide bool) []byte {
	return recordAt(i, tailBegin.Add(time.Duration(i)*time.Second/perSecond), wide)
}

// recordAt is record i: of about 300 bytes, or of 66 paths.
func recordAt(i int, at time.Time, wide bool) []byte {
	at = at.UTC()
	if i%lateOne == lateOne-1 {
		at = at.Add(-3 * time.Minute)
	}
	mixed := (i * 2654435761) & 0x7fffffff
	level := "INFO"
	if mixed%50 == 0 {
		level = "ERROR"
	}
	b := fmt.Appendf(nil, `{"ts":%q,"service":"svc-%02d","level":%q,"user":"u%d","ms":%d.5,"id":%d`, at.Format("2006-01-02T15:04:05.000Z"), mixed%40, level, mixed%1000, mixed%900, i)
	if !wide {
		return fmt.Appendf(b, `,"status":%d,"route":"/api/v1/items/%d","trace_id":"%032x","host":"ip-10-0-%d-%d","message":"request done in %d ms, after the cache had nothing of what was asked for"}`, 200+mixed%4, mixed%100, mixed, mixed%8, mixed%200, mixed%900)
	}
	for g := range 8 {
		b = fmt.Appendf(b, `,"%c":{"a":%d,"b":%d,"c":"x%d","d":true,"e":%d,"f":%d}`, 'A'+g, mixed%7, mixed%10, mixed%9, mixed%5, g)
	}
	return append(b, '}')
}

// stream makes an endpoint with a stream of n records.
func stream(n int, wide bool) (s *kinesistest.Server, bytes int) {
	s = kinesistest.New(engine.SystemClock{})
	s.CreateStream("app", tailShards)
	for i := range n {
		r := tailRecord(i, wide)
		bytes += len(r)
		s.Put("app", strconv.Itoa(i), r)
	}
	return s, bytes
}

// tailRules are ten rules of hopping windows and one of sessions, by file.
func tailRules() map[string]string {
	rules := map[string]string{"sessions": `rule: sessions
dataset: logs
group_by: [body.user]
window: {session: {gap: 2s}}
measures: {n: count(), slow: max(body.ms)}
when: n > 1000
`}
	for i := range 10 {
		name := fmt.Sprintf("hop_%d", i)
		rules[name] = fmt.Sprintf(`rule: %s
dataset: logs
group_by: [service]
window: {hopping: {size: 10m, every: 1m}}
measures: {n: count(), errors: 'count(level == "ERROR")', slow: max(body.ms)}
when: errors > %d
`, name, 1000+i)
	}
	return rules
}

// tailWorkspace makes a workspace that tails the stream; memory is its limit, if
// there is one.
func tailWorkspace(dir, url, start, memory string) error {
	if memory != "" {
		memory = ", memory: " + memory
	}
	config := fmt.Sprintf(`name: bench
sources:
  live: {type: kinesis, stream: app, endpoint: %q, region: us-east-1, start: %s, dataset: logs}
datasets:
  logs: {event_time: ts, watermark: {lateness: 30s}, late: {allowed: 10m}, rollups: [1m]}
limits: {threads: 2%s}
`, url, start, memory)
	if err := os.MkdirAll(filepath.Join(dir, "rules"), 0o700); err != nil {
		return err
	}
	for name, text := range tailRules() {
		if err := os.WriteFile(filepath.Join(dir, "rules", name+".yaml"), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, workspace.FileName), []byte(config), 0o600)
}

// spent is what a process took for the records of a stream.
type spent struct {
	Records   int64
	Processor time.Duration
	Wall      time.Duration
	// Peak and Last are the largest and the last size of the process in MB.
	Peak, Last int64
}

func (s spent) rate() float64 { return float64(s.Records) / s.Processor.Seconds() }

// child runs this program with an environment variable more.
func (b *bench) child(name, value string, more ...string) (out spent, err error) {
	err = b.childInto(&out, name, value, more...)
	return out, err
}

func (b *bench) childInto(out any, name, value string, more ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(b.ctx, self)
	cmd.Env = append(append(os.Environ(), more...), name+"="+value, "AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret", "AWS_EC2_METADATA_DISABLED=true")
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return err
	}
	return json.Unmarshal(text, out)
}

// tails compares a tail with an engine that parses the same records and does
// nothing but count them by the minute: per second of processor, each in a
// process of its own, from the same endpoint.
func (b *bench) tails() error {
	for _, of := range []struct {
		name   string
		wide   bool
		target float64
	}{{"tail", false, 150_000}, {"tail 66 paths", true, 80_000}} {
		s, bytes := stream(b.records, of.wide)
		if err := b.tailAgainst(of.name, of.target, s, bytes/b.records); err != nil {
			s.Close()
			return err
		}
		s.Close()
	}
	return nil
}

func (b *bench) tailAgainst(name string, target float64, s *kinesistest.Server, mean int) error {
	var ours, theirs spent
	for run := range b.runs {
		dir, err := b.fresh("tail", run)
		if err != nil {
			return err
		}
		if err := tailWorkspace(dir, s.URL, "trim_horizon", ""); err != nil {
			return err
		}
		o, err := b.child(tailVar, dir, "TIDEMARK_BENCH_RECORDS="+strconv.Itoa(b.records))
		if err != nil {
			return err
		}
		t, err := b.child(pipeVar, s.URL, "TIDEMARK_BENCH_RECORDS="+strconv.Itoa(b.records))
		if err != nil {
			return err
		}
		if run == 0 || o.rate() > ours.rate() {
			ours = o
		}
		if run == 0 || t.rate() > theirs.rate() {
			theirs = t
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	fmt.Printf("%-14s %.2fx the records a processor second of Connect's engine, which only counts (target 2x): %.0f and %.0f of %d B\n", name, ours.rate()/theirs.rate(), ours.rate(), theirs.rate(), mean)
	fmt.Printf("%-14s %.0f records/s on the clock, %.0f on two processors of its own (target %.0f); %d MB at most\n", "", float64(ours.Records)/ours.Wall.Seconds(), 2*ours.rate(), target, ours.Peak)
	return nil
}

// tail is the process that tails.
func (b *bench) tail(dir string) error {
	want, err := strconv.ParseInt(os.Getenv("TIDEMARK_BENCH_RECORDS"), 10, 64)
	if err != nil {
		return err
	}
	bench, err := benchWorkspace(b.ctx, dir)
	if err != nil {
		return err
	}
	defer bench.Close()
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	var out spent
	if path := os.Getenv("TIDEMARK_BENCH_PROFILE"); path != "" {
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	var beside watched
	asking := make(chan struct{})
	go func() {
		defer close(asking)
		if os.Getenv(watchVar) != "" {
			beside.During = watch(ctx, bench, 0)
		}
	}()
	var batches []seen
	began, worked := time.Now(), processorTime()
	_, err = bench.Tail(ctx, workbench.TailOptions{Committed: func(_ context.Context, c workbench.TailCommit) error {
		if os.Getenv("TIDEMARK_BENCH_VERBOSE") != "" {
			fmt.Fprintf(os.Stderr, "%8.2f s: %d records in %v\n", time.Since(began).Seconds(), c.Stored, c.Took.Round(time.Millisecond))
		}
		if c.Stored > 0 {
			batches = append(batches, seen{c.Ingest, time.Now(), c.Stored, holds(ctx, bench), processorTime()})
		}
		if out.Records += c.Stored; out.Records >= want {
			cancel()
		}
		return nil
	}})
	if err != nil && ctx.Err() == nil {
		return err
	}
	out.Processor, out.Wall = processorTime()-worked, time.Since(began)
	out.Peak, out.Last = memoryOf()
	<-asking
	switch {
	case os.Getenv(latencyVar) != "":
		return latencies(b.ctx, bench, batches)
	case os.Getenv(watchVar) != "":
		beside.Idle = watch(b.ctx, bench, max(20, len(beside.During)))
		return json.NewEncoder(os.Stdout).Encode(beside)
	}
	if err := evaluatedAll(b.ctx, bench); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// evaluatedAll makes sure that what was measured did what it should.
func evaluatedAll(ctx context.Context, bench *workbench.Workbench) error {
	rules, windows := 0, 0
	if err := bench.Store.DB().QueryRowContext(ctx, `SELECT count(DISTINCT rule), (SELECT count(*) FROM main.logs_1m) FROM tidemark.datapoints`).Scan(&rules, &windows); err != nil {
		return err
	}
	if rules != len(tailRules()) || windows == 0 {
		return fmt.Errorf("%d rules were evaluated, and %d windows rolled up", rules, windows)
	}
	return nil
}

// memoryOf reads how large this process was at most, and is, in MB.
func memoryOf() (peak, now int64) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(status)) {
		var kb int64
		switch {
		case strings.HasPrefix(line, "VmHWM:"):
			_, _ = fmt.Sscanf(line, "VmHWM: %d kB", &kb)
			peak = kb / 1000
		case strings.HasPrefix(line, "VmRSS:"):
			_, _ = fmt.Sscanf(line, "VmRSS: %d kB", &kb)
			now = kb / 1000
		}
	}
	return peak, now
}

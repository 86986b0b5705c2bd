package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// program runs the program on a workspace, as another process.
type program struct {
	t   testing.TB
	bin string
	dir string
	env []string
}

// newProgram uses this test binary, which testscript.Main can also run as the
// program itself.
func newProgram(t testing.TB, config string) *program {
	t.Helper()
	p := &program{t: t, dir: t.TempDir()}
	p.bin = filepath.Join(p.dir, "tidemark")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, p.bin); err != nil {
		t.Fatal(err)
	}
	p.env = append(os.Environ(), "TIDEMARK_CONFIG_DIR="+filepath.Join(p.dir, ".config"))
	p.write("tidemark.yaml", []byte(config))
	p.run("trust")
	return p
}

func (p *program) write(name string, b []byte) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *program) command(ctx context.Context, args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.CommandContext(ctx, p.bin, args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	return cmd, &out
}

func (p *program) run(args ...string) string {
	p.t.Helper()
	cmd, out := p.command(context.Background(), args...)
	if err := cmd.Run(); err != nil {
		p.t.Fatalf("tidemark %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out.String()
}

func (p *program) query(sql string) string {
	p.t.Helper()
	cmd, errs := p.command(context.Background(), "query", "--format", "csv", sql)
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		p.t.Fatalf("%s: %v\n%s", sql, err, errs)
	}
	_, rows, _ := strings.Cut(out.String(), "\n")
	return strings.TrimSpace(rows)
}

// killPulls pulls and is killed at a random moment of what a pull takes, again
// and again, until one ends or two were killed after something was committed.
func (p *program) killPulls(t *testing.T, config string) {
	t.Helper()
	whole := newProgram(t, config)
	if err := os.Symlink(filepath.Join(p.dir, "in"), filepath.Join(whole.dir, "in")); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	whole.run("pull", "--quiet")
	took := time.Since(began)
	kills, later := 0, 0
	for ended := false; !ended && later < 2 && kills < 12; {
		ctx, cancel := context.WithTimeout(context.Background(), took/10+rand.N(took*8/10))
		cmd, out := p.command(ctx, "pull", "--quiet") // its end is SIGKILL
		err := cmd.Run()
		ended = ctx.Err() == nil
		cancel()
		if ended && err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if !ended {
			kills++
			if p.query("SELECT coalesce(sum(stored), 0) + (SELECT coalesce(sum(stored), 0) FROM tidemark.checkpoints) FROM tidemark.objects") != "0" {
				later++
			}
		}
	}
	t.Logf("%d kills in pulls of %v, %d after a commit", kills, took.Round(time.Millisecond), later)
	if kills == 0 {
		t.Error("no pull was killed")
	}
}

// TestKillDuringPull kills a pull at random moments, again and again: nothing
// committed is lost and nothing is stored twice.
func TestKillDuringPull(t *testing.T) {
	const objects, each = 12, 100_000 // more rows than two batches
	const config = "name: t\nsources:\n  files: {type: file, path: \"in/*\", dataset: logs}\nlimits: {threads: 2}\n"
	p := newProgram(t, config)
	for o := range objects {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		for i := range each {
			if i == 777 {
				fmt.Fprintf(z, "broken %d\n", o)
				continue
			}
			fmt.Fprintf(z, `{"time":"2026-01-01T%02d:00:00Z","service":"s%d","id":"%d-%d","padding":"%s"}`+"\n", o, i%7, o, i, strings.Repeat("x", 100))
		}
		z.Close()
		p.write(fmt.Sprintf("in/%02d.gz", o), b.Bytes())
	}
	p.killPulls(t, config)
	p.run("pull", "--quiet")
	if got, want := p.query("SELECT count(*), count(DISTINCT body.id), count(DISTINCT _seq), count(DISTINCT _position) FROM logs"),
		fmt.Sprintf("%d,%[1]d,%[1]d,%[1]d", objects*(each-1)); got != want {
		t.Errorf("rows, ids, sequence numbers, positions: %s, want %s", got, want)
	}
	if got := p.query("SELECT count(*), count(DISTINCT position) FROM tidemark.quarantine"); got != fmt.Sprintf("%d,%[1]d", objects) {
		t.Errorf("quarantine: %s", got)
	}
	if got := p.query("SELECT count(*), sum(records), sum(stored), sum(quarantined) FROM tidemark.objects"); got != fmt.Sprintf("%d,%d,%d,%d", objects, objects*each, objects*(each-1), objects) {
		t.Errorf("ledger: %s", got)
	}
	if got := p.query("SELECT count(*) FROM tidemark.checkpoints"); got != "0" {
		t.Errorf("%s checkpoints are left", got)
	}
}

// TestKillDuringRoutedPull: the tables of a routed source are committed
// together with how far its objects have been read.
func TestKillDuringRoutedPull(t *testing.T) {
	const objects, each, kinds = 6, 200_000, 4 // more rows than two batches
	const config = "name: t\nsources:\n  files: {type: file, path: \"in/*\", dataset: logs, route: kind}\nlimits: {threads: 2}\n"
	p := newProgram(t, config)
	for o := range objects {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		for i := range each {
			if i == 777 {
				fmt.Fprintf(z, "broken %d\n", o)
				continue
			}
			kind := ""
			if i%kinds > 0 {
				kind = fmt.Sprintf(`"kind":"k%d",`, i%kinds)
			}
			fmt.Fprintf(z, `{"time":"2026-01-01T%02d:00:00Z",%s"id":"%d-%d","padding":"%s"}`+"\n", o, kind, o, i, strings.Repeat("x", 100))
		}
		z.Close()
		p.write(fmt.Sprintf("in/%02d.gz", o), b.Bytes())
	}
	p.killPulls(t, config)
	p.run("pull", "--quiet")
	if got, want := p.query("SELECT count(*), count(DISTINCT body.id), count(DISTINCT _seq), count(DISTINCT _position) FROM all_events"),
		fmt.Sprintf("%d,%[1]d,%[1]d,%[1]d", objects*(each-1)); got != want {
		t.Errorf("rows, ids, sequence numbers, positions: %s, want %s", got, want)
	}
	for k := 1; k < kinds; k++ {
		want := objects * each / kinds
		if k == 777%kinds {
			want -= objects
		}
		if got := p.query(fmt.Sprintf("SELECT count(*), min(body.kind), max(body.kind) FROM k%d", k)); got != fmt.Sprintf("%d,k%d,k%[2]d", want, k) {
			t.Errorf("k%d: %s, want %d rows", k, got, want)
		}
		if got := p.query(fmt.Sprintf("SELECT sum(records) FROM k%d_1m", k)); got != fmt.Sprint(want) {
			t.Errorf("the rollup of k%d has %s records, want %d", k, got, want)
		}
		if got := p.query(fmt.Sprintf("SELECT count(*) FROM tidemark.watermarks WHERE dataset = 'k%d' AND watermark = TIMESTAMPTZ '2026-01-01 04:50:00Z'", k)); got != "1" {
			t.Errorf("k%d has no watermark, or another", k)
		}
	}
	if got := p.query("SELECT count(*), count(DISTINCT position) FROM tidemark.quarantine WHERE dataset = 'logs'"); got != fmt.Sprintf("%d,%[1]d", objects) {
		t.Errorf("quarantine: %s", got)
	}
	if got := p.query("SELECT count(*), sum(records), sum(stored), sum(quarantined) FROM tidemark.objects"); got != fmt.Sprintf("%d,%d,%d,%d", objects, objects*each, objects*(each-1), objects) {
		t.Errorf("ledger: %s", got)
	}
}

// TestKillDuringFirstOpen kills the first verb that opens a workspace at random
// moments: the next one finds a workspace that it can use.
func TestKillDuringFirstOpen(t *testing.T) {
	for range 8 {
		p := newProgram(t, "name: t\nsources:\n  files: {type: file, path: \"in/*\", dataset: logs}\n")
		p.write("in/a", []byte(`{"n":1}`))
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(50+rand.IntN(500))*time.Millisecond)
		cmd, _ := p.command(ctx, "pull", "--quiet")
		_ = cmd.Run() // its end is SIGKILL
		cancel()
		p.run("pull", "--quiet")
		if got := p.query("SELECT count(*) FROM logs"); got != "1" {
			t.Fatalf("%s rows", got)
		}
	}
}

// TestOthersUseTheOwner runs verbs while a pull has the workspace open: they
// run there, and see what is committed.
func TestOthersUseTheOwner(t *testing.T) {
	p := newProgram(t, "name: t\nsources:\n  files: {type: file, path: \"in/*\", dataset: logs}\n")
	var b bytes.Buffer
	for i := range 400_000 {
		fmt.Fprintf(&b, `{"time":"2026-01-01T00:00:00Z","id":%d,"padding":"%s"}`+"\n", i, strings.Repeat("y", 300))
	}
	p.write("in/a", b.Bytes())
	cmd, narrated := p.command(context.Background(), "pull", "--json")
	out := new(bytes.Buffer) // alone: a pull that waits for a query at its end says so on stderr
	cmd.Stdout = out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	during := 0
	for ended := false; !ended; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("%v\n%s", err, narrated)
			}
			ended = true
		default:
			if p.query("SELECT 1 AS one") != "1" {
				t.Fatal("a query beside a pull failed")
			}
			during++
		}
	}
	if during == 0 {
		t.Errorf("no query ran beside the pull")
	}
	var result struct{ Records int64 }
	if err := json.Unmarshal(out.Bytes(), &result); err != nil || result.Records != 400_000 {
		t.Fatalf("%v %s", err, out)
	}
}

// TestCorpus pulls every file of the hostile collection: each is loaded, or
// listed with a reason, and the workspace answers afterwards.
func TestCorpus(t *testing.T) {
	corpus := os.Getenv("TIDEMARK_CORPUS")
	if corpus == "" {
		t.Skip("TIDEMARK_CORPUS is not set: the collection of hostile files is not here, and none of it was tried")
	}
	for _, group := range []string{"json-suite", "json-duckdb", "parquet", "cloudtrail", "aws-service-logs", "aws-events", "otlp", "applogs", "weblogs"} {
		t.Run(group, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, fmt.Sprintf("name: t\nsources:\n  files: {type: file, path: %q, dataset: logs}\n", filepath.Join(corpus, group, "**")))
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
			defer cancel()
			cmd, out := p.command(ctx, "pull", "--json", "--quiet")
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var r struct{ Objects, Failed, Read, Records, Quarantined, Dropped, Duplicates int64 }
			if err := json.Unmarshal(out.Bytes(), &r); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Logf("%+v", r)
			if r.Objects == 0 || r.Failed > 0 || r.Read != r.Records+r.Quarantined+r.Dropped+r.Duplicates {
				t.Errorf("the counts do not add up: %+v", r)
			}
			if got := p.query("SELECT count(*) FROM tidemark.objects"); got != fmt.Sprint(r.Objects) {
				t.Errorf("the ledger has %s objects of %d", got, r.Objects)
			}
			if got := p.query("SELECT count(*) FROM tidemark.quarantine WHERE trim(reason) = '' OR contains(reason, 'INTERNAL') OR contains(reason, 'duckdb')"); got != "0" {
				t.Errorf("%s reasons no person would understand:\n%s", got, p.run("quarantine", "list"))
			}
			if r.Records > 0 {
				if got := p.query("SELECT count(*) FROM logs"); got != fmt.Sprint(r.Records) {
					t.Errorf("%s rows, want %d", got, r.Records)
				}
				p.query("SELECT max(hash(body)) FROM logs")
			}
		})
	}
}

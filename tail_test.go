package main

import (
	"cmp"
	"context"
	"crypto/sha512"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/internal/kinesistest"
)

// newStream is a program whose workspace tails a stream of an endpoint.
func newStream(t *testing.T, shards int, more string) (*program, *kinesistest.Server) {
	s := kinesistest.New(engine.SystemClock{})
	t.Cleanup(s.Close)
	s.CreateStream("app", shards)
	p := newProgram(t, streamConfig(s.URL, more))
	p.env = append(p.env, awsEnv...)
	return p, s
}

var awsEnv = []string{"AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret", "AWS_EC2_METADATA_DISABLED=true"}

// streamConfig is a workspace that tails the stream of an endpoint.
func streamConfig(url, more string) string {
	return fmt.Sprintf(`name: t
sources:
  live: {type: kinesis, stream: app, endpoint: %q, region: us-east-1, start: trim_horizon, dataset: logs}
%s`, url, more)
}

func TestTailVerb(t *testing.T) {
	p, s := newStream(t, 2, "datasets: {logs: {watermark: {lateness: 10s}}}\n")
	for i := range 100 {
		level := "INFO"
		if i%10 == 0 {
			level = "ERROR"
		}
		s.Put("app", fmt.Sprint(i), fmt.Appendf(nil, `{"ts":"2026-01-01T00:00:%02dZ","level":%q,"message":"m%d","id":%d}`, i%60, level, i, i))
	}
	out := p.run("tail", "--json", "--quiet=false", "--until-idle", "2s")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var last struct {
		Summary struct {
			Read, Records int64
			Lag           map[string]int64 `json:"lag_ms"`
		}
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.Summary.Records != 100 || len(last.Summary.Lag) != 2 {
		t.Fatalf("%v %s", err, lines[len(lines)-1])
	}
	if len(lines) != 101 || !strings.Contains(lines[0], `"event_time":"2026-01-01T`) {
		t.Errorf("%d lines, the first: %s", len(lines), lines[0])
	}
	// The newest time of the slower shard less the lateness, or of the faster one
	// once the other counted as idle, which a busy machine may not come to.
	if got := p.query("SELECT watermark FROM tidemark.watermarks"); got != "2026-01-01T00:00:46Z" && got != "2026-01-01T00:00:49Z" {
		t.Errorf("watermark %s", got)
	}
	for i := range 20 {
		s.Put("app", fmt.Sprint(i), fmt.Appendf(nil, `{"ts":"2026-01-01T00:00:01Z","level":%q,"message":"n%d","id":%d}`, []string{"INFO", "ERROR"}[i%2], i, 100+i))
	}
	out = p.run("tail", "--filter", `level == "ERROR" && body.id < 110`, "--until-idle", "2s")
	if n := strings.Count(out, "ERROR"); n != 5 {
		t.Errorf("%d lines of errors:\n%s", n, out)
	}
	if got := p.query("SELECT count(*), count(DISTINCT body.id), count(*) FILTER (_late) FROM logs"); got != "120,120,20" {
		t.Errorf("rows, ids, late: %s", got)
	}
	if got := p.query("SELECT sum(records), sum(late) FROM logs_1m"); got != "120,20" {
		t.Errorf("the rollup has %s", got)
	}
	if got := p.query("SELECT count(*) FROM tidemark.late WHERE dataset = 'logs'"); got != "20" {
		t.Errorf("%s late rows", got)
	}
}

// TestTailUntilIdleReadsAll: a tail that ends by itself has read its stream to
// the end, however slow the endpoint is, children of a shard included.
func TestTailUntilIdleReadsAll(t *testing.T) {
	s := kinesistest.New(engine.SystemClock{})
	t.Cleanup(s.Close)
	s.CreateStream("app", 1)
	var calls atomic.Int64
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) <= 8 {
			time.Sleep(300 * time.Millisecond) // far longer than what counts as idle
		}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(slow.Close)
	p := newProgram(t, streamConfig(slow.URL, ""))
	p.env = append(p.env, awsEnv...)
	for i := range 20 {
		if i == 10 {
			s.Split("app", s.OpenShards("app")[0])
		}
		s.Put("app", fmt.Sprint(i), fmt.Appendf(nil, `{"ts":"2026-01-01T00:00:00Z","id":%d}`, i))
	}
	p.run("tail", "--quiet", "--until-idle", "20ms")
	if got := p.query("SELECT count(*), count(DISTINCT body.id) FROM logs"); got != "20,20" {
		t.Errorf("rows, ids: %s", got)
	}
}

// TestSourcesTestStream reaches a stream, and says what it is.
func TestSourcesTestStream(t *testing.T) {
	p, s := newStream(t, 2, "")
	s.Split("app", s.OpenShards("app")[0])
	if out := p.run("sources", "test", "live"); !strings.Contains(out, "✓ live (kinesis): 3 shards open, 1 closed, records kept for 24 h, into logs") {
		t.Error(out)
	}
}

// kills is how often a tail is killed: a few times, or as often as the
// environment says.
func kills(t *testing.T) int {
	n, err := strconv.Atoi(cmp.Or(os.Getenv("TIDEMARK_KILLS"), "8"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestTailKilled kills the program while it tails, again and again, with
// reshards and records that are none: each is stored once or set aside once,
// and the watermark never goes back.
func TestTailKilled(t *testing.T) {
	p, s := newStream(t, 3, "")
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	id, watermark := 0, ""
	for range kills(t) {
		for range 3000 {
			s.Put("app", fmt.Sprint(id), fmt.Appendf(nil, `{"ts":%q,"id":%d,"poison":%d}`, begin.Add(time.Duration(id)*time.Second).Format(time.RFC3339), id, id))
			if id++; id%1000 == 0 {
				s.Put("app", fmt.Sprint(id), []byte{0xff, 0xfe, 0, 1, 2})
			}
		}
		if open := s.OpenShards("app"); len(open) < 6 {
			s.Split("app", open[rand.IntN(len(open))])
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(500+rand.IntN(2000))*time.Millisecond)
		cmd, _ := p.command(ctx, "tail", "--quiet") // its end is SIGKILL
		_ = cmd.Run()
		cancel()
		now := p.query("SELECT max(watermark) FROM tidemark.watermarks")
		if now < watermark {
			t.Errorf("the watermark went back from %s to %s", watermark, now)
		}
		watermark = now
	}
	p.run("tail", "--quiet", "--until-idle", "3s")
	if got, want := p.query("SELECT count(*), count(DISTINCT body.id), count(DISTINCT _position), count(DISTINCT _seq) FROM logs"),
		fmt.Sprintf("%d,%[1]d,%[1]d,%[1]d", id); got != want {
		t.Errorf("rows, ids, positions, sequence numbers: %s, want %s", got, want)
	}
	if got := p.query("SELECT count(*), count(DISTINCT position) FROM tidemark.quarantine"); got != fmt.Sprintf("%d,%[1]d", id/1000) {
		t.Errorf("quarantine: %s", got)
	}
}

// TestSeam pulls the archive of a stream and tails it: every event once.
func TestSeam(t *testing.T) {
	event := func(i int) []byte {
		return fmt.Appendf(nil, `{"ts":"2026-01-01T00:%02d:%02dZ","id":"e%d"}`, i/60, i%60, i)
	}
	for name, c := range map[string]struct{ dataset, err string }{
		"dedup":   {"datasets: {logs: {dedup: body.id}}", ""},
		"a time":  {`datasets: {logs: {seam: "2026-01-01T00:05:00Z"}}`, ""},
		"nothing": {"", "nothing tells which of its records"},
	} {
		t.Run(name, func(t *testing.T) {
			p, s := newStream(t, 1, "  old: {type: file, path: \"in/*\", dataset: logs}\n"+c.dataset+"\n")
			var archive []byte
			for i := range 400 { // the archive ends after the tail's beginning
				archive = append(append(archive, event(i)...), '\n')
			}
			p.write("in/a.ndjson", archive)
			for i := 200; i < 600; i++ {
				s.Put("app", "k", event(i))
			}
			if c.err != "" {
				cmd, out := p.command(t.Context(), "tail", "--for", "60s")
				if err := cmd.Run(); err == nil || !strings.Contains(out.String(), c.err) {
					t.Errorf("%v %s", err, out)
				}
				return
			}
			p.run("pull", "--quiet")
			p.run("tail", "--quiet", "--until-idle", "2s")
			if got := p.query("SELECT count(*), count(DISTINCT body.id) FROM logs"); got != "600,600" {
				t.Errorf("rows, ids: %s", got)
			}
		})
	}
}

// TestRollupsOfVersions: a newer version of a row takes the older one out of
// the rollup, too.
func TestRollupsOfVersions(t *testing.T) {
	p := newProgram(t, "name: t\nsources: {files: {type: file, path: \"in/*\", dataset: orders}}\ndatasets: {orders: {key: body.id}}\n")
	p.write("in/1", []byte(`{"time":"2026-01-01T00:00:00Z","id":"a","price":1}`+"\n"+`{"time":"2026-01-01T00:00:01Z","id":"b","price":2}`+"\n"))
	p.run("pull", "--quiet")
	p.write("in/2", []byte(`{"time":"2026-01-01T00:05:00Z","id":"a","price":7}`+"\n"))
	p.run("pull", "--quiet")
	if got := p.query("SELECT string_agg(strftime(time, '%H:%M') || '=' || records, ' ' ORDER BY time) FROM orders_1m"); got != "00:00=1 00:05=1" {
		t.Errorf("the rollup has %s", got)
	}
}

// TestTailDiskFull: the disk fills while a tail runs. It ends and says why;
// nothing is lost, and with more room it goes on to the end.
func TestTailDiskFull(t *testing.T) {
	if err := exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "none", t.TempDir()).Run(); err != nil {
		t.Skipf("SKIPPED: a small disk cannot be made here: unshare and mount: %v", err)
	}
	p, s := newStream(t, 2, "")
	const n = 40_000
	for i := range n {
		s.Put("app", fmt.Sprint(i), fmt.Appendf(nil, `{"ts":"2026-01-01T00:%02d:%02dZ","id":%d,"noise":"%x"}`, i/60%60, i%60, i, sha512.Sum512(binary.BigEndian.AppendUint64(nil, uint64(i)))))
	}
	p.write("counts.sql", []byte("SELECT count(*), count(DISTINCT body.id), count(DISTINCT _position), (SELECT count(*) FROM tidemark.quarantine) FROM logs"))
	p.write("disk.sh", fmt.Appendf(nil, `set -u
mkdir -p .tidemark
mount -t tmpfs -o size=9m none .tidemark
timeout 120 "$BIN" tail --quiet; echo "first: $?"
mount -o remount,size=400m .tidemark
"$BIN" query --format csv "$(cat counts.sql)" | tail -1 | sed 's/^/before: /'
for try in 1 2 3 4 5 6 7 8 9; do
	"$BIN" tail --quiet --until-idle 2s || echo "then: $?"
	after=$("$BIN" query --format csv "$(cat counts.sql)" | tail -1)
	case "$after" in %d,*) break ;; esac
done
echo "after: $after"
`, n))
	cmd := exec.Command("unshare", "-rm", "sh", "disk.sh")
	cmd.Dir, cmd.Env = p.dir, append(p.env, "BIN="+p.bin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"first: 1\n", "free some disk space under ", fmt.Sprintf("after: %d,%[1]d,%[1]d,0\n", n)} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(string(out), "then: ") || strings.Contains(string(out), fmt.Sprintf("before: %d,", n)) {
		t.Errorf("the disk was not full once:\n%s", out)
	}
}

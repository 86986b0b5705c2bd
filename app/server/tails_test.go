//go:build duckdb_arrow

package server_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"tidemark.dev/tidemark/app/server"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/internal/kinesistest"
)

// tailing is a server with streams, and what its events say of tails.
type tailing struct {
	*place
	lines *bufio.Scanner
}

func serveTails(t *testing.T, stream string) *tailing {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	p := serveConfig(t, fmt.Sprintf(`name: shop
sources:
  files: {type: file, path: "in/*.ndjson", dataset: app_logs}
  again: {type: replay, of: files, speed: 100000, dataset: fast}
  slow: {type: replay, of: files, speed: 0.001, dataset: slow}
  other: {type: replay, of: files, speed: 0.001, dataset: slow}
  stream: {type: kinesis, stream: app, endpoint: %q, region: us-east-1, start: trim_horizon, dataset: live}
`, stream))
	resp, err := p.request(t.Context(), "GET", "/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return &tailing{p, bufio.NewScanner(resp.Body)}
}

// until reads events until a tail stands as wanted.
func (p *tailing) until(source string, wanted func(server.Tail) bool) server.Tail {
	p.t.Helper()
	var last string
	for p.lines.Scan() {
		var e struct {
			Type string
			server.Tail
		}
		if err := json.Unmarshal(p.lines.Bytes(), &e); err != nil {
			p.t.Fatal(err)
		}
		if e.Type != "tail" || e.Source != source {
			continue
		}
		if last = p.lines.Text(); wanted(e.Tail) {
			return e.Tail
		}
	}
	p.t.Fatalf("the stream ended; the last was %s", last)
	return server.Tail{}
}

func in(state string, records int64) func(server.Tail) bool {
	return func(t server.Tail) bool { return t.State == state && t.Counts.Records == records }
}

func TestTailReplay(t *testing.T) {
	p := serveTails(t, "")
	started := ask[[]server.Tail](p.place, "POST", "/tails", `{"sources":["again","slow"]}`)
	if len(started) != 2 || started[0].State != "running" || started[0].Kind != "replay" {
		t.Fatalf("started: %+v", started)
	}
	done := p.until("again", in("done", 100))
	if done.Counts.Quarantined != 1 || done.EndedAt == nil || done.Shards[0].State != "finished" {
		t.Errorf("done: %+v", done)
	}
	// From a moment, it plays again what it has played.
	ask[[]server.Tail](p.place, "POST", "/tails", `{"sources":["again"],"from":"2000-01-01T00:00:00Z"}`)
	p.until("again", in("done", 100))
	if _, rows, _ := p.raw("POST", "/query", `{"sql":"SELECT count(*) FROM fast"}`, "Accept", "application/json"); !strings.Contains(rows, `"rows":[[200]]`) {
		t.Errorf("rows after two plays: %s", rows)
	}

	p.fails(409, engine.Conflict, "POST", "/tails", `{"sources":["slow"]}`)
	p.fails(409, engine.Conflict, "POST", "/tails/slow/control", `{"step":true}`)
	if one := ask[server.Tail](p.place, "POST", "/tails/slow/pause", ""); one.State != "paused" || !one.Play.Paused {
		t.Errorf("paused: %+v", one)
	}
	ask[server.Tail](p.place, "POST", "/tails/slow/pause", "") // twice is once
	for n := range int64(2) {
		ask[server.Tail](p.place, "POST", "/tails/slow/control", `{"step":true}`)
		p.until("slow", in("paused", n+1))
	}
	p.fails(400, engine.Invalid, "POST", "/tails/slow/control", `{"speed":0}`)
	if one := ask[server.Tail](p.place, "POST", "/tails/slow/control", `{"speed":100000}`); one.Play.Speed != 100000 {
		t.Errorf("speed: %+v", one.Play)
	}
	ask[server.Tail](p.place, "POST", "/tails/slow/resume", "")
	p.until("slow", in("done", 100))
	p.fails(404, engine.NotFound, "DELETE", "/tails/slow", "")
	p.fails(404, engine.NotFound, "POST", "/tails", `{"sources":["slo"]}`)
	p.fails(400, engine.Invalid, "POST", "/tails", `{"sources":["files"]}`)
}

// TestTailFails: what ends one tail is told, and leaves the others alone.
func TestTailFails(t *testing.T) {
	p := serveTails(t, "")
	ask[[]server.Tail](p.place, "POST", "/tails", `{"sources":["slow"]}`)
	p.until("slow", func(t server.Tail) bool { return len(t.Shards) > 0 && t.Shards[0].State == "reading" })
	ask[[]server.Tail](p.place, "POST", "/tails", `{"sources":["other"]}`)
	p.until("other", func(t server.Tail) bool { return t.State == "failed" })
	all := ask[[]server.Tail](p.place, "GET", "/tails", "")
	if len(all) != 2 || all[0].Error == nil || all[0].Error.Kind != engine.Conflict || all[0].Error.Hint == "" || all[1].State != "running" {
		t.Errorf("tails: %+v", all)
	}
	if one := ask[server.Tail](p.place, "DELETE", "/tails/slow", ""); one.State != "stopped" || one.EndedAt == nil {
		t.Errorf("stopped: %+v", one)
	}
	// The one that had to wait can be started now, and ends with the server.
	ask[[]server.Tail](p.place, "POST", "/tails", `{"sources":["other"]}`)
	p.until("other", func(t server.Tail) bool { return t.State == "running" })
}

func TestTailStream(t *testing.T) {
	s := kinesistest.New(engine.SystemClock{})
	t.Cleanup(s.Close)
	s.CreateStream("app", 2)
	put := func(from, to int) {
		for i := from; i < to; i++ {
			s.Put("app", fmt.Sprint(i), fmt.Appendf(nil, `{"ts":"2026-01-01T00:00:%02dZ","n":%d}`, i%60, i))
		}
	}
	p := serveTails(t, s.URL)
	put(0, 50)
	ask[[]server.Tail](p.place, "POST", "/tails", `{"sources":["stream"]}`)
	if one := p.until("stream", in("running", 50)); len(one.Shards) != 2 || one.Play != nil {
		t.Errorf("running: %+v", one)
	}
	p.fails(400, engine.Invalid, "POST", "/tails/stream/control", `{"speed":2}`)
	if one := ask[server.Tail](p.place, "POST", "/tails/stream/pause", ""); one.State != "paused" {
		t.Errorf("paused: %+v", one)
	}
	put(50, 80)
	if one := ask[server.Tail](p.place, "POST", "/tails/stream/resume", ""); one.State != "running" {
		t.Errorf("resumed: %+v", one)
	}
	p.until("stream", in("running", 80))
	if one := ask[server.Tail](p.place, "DELETE", "/tails/stream", ""); one.State != "stopped" || one.Counts.Records != 80 {
		t.Errorf("stopped: %+v", one)
	}
}

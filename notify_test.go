package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestDeadLetterByHand: what a server refused is found and sent again from the
// command line.
func TestDeadLetterByHand(t *testing.T) {
	var open atomic.Bool
	got := make(chan string, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !open.Load() {
			http.Error(w, "no such hook", http.StatusNotFound)
			return
		}
		got <- string(body)
	}))
	t.Cleanup(s.Close)
	p := newProgram(t, `name: t
sources:
  archive: {type: file, path: "in/*.ndjson", dataset: requests}
  again:   {type: replay, of: archive, speed: 36000, dataset: requests_live}
datasets: {requests_live: {watermark: {lateness: 2m}}}
channels: {hook: {type: webhook, url: "`+s.URL+`"}}
`)
	p.write("rules/errors.yaml", []byte("rule: errors\ndataset: requests_live\nwindow: {tumbling: 1m}\nmeasures: {n: count()}\nwhen: n >= 1\n"+
		"alarm: {datapoints: 1, of: 1, missing: ignore}\nnotify: [hook]\n"))
	p.write("in/a.ndjson", []byte(`{"time":"2026-01-09T14:00:10Z"}`+"\n"+`{"time":"2026-01-09T14:09:00Z"}`+"\n"))
	test, said := p.command(t.Context(), "notify", "test", "hook")
	if err := test.Run(); test.ProcessState.ExitCode() != 1 || !strings.Contains(said.String(), "notify hook: it answered 404: no such hook") {
		t.Errorf("tested: %v, %s", err, said)
	}
	p.run("tail", "again", "--quiet")
	list := p.run("notify", "list", "--state", "dead")
	if !strings.Contains(list, "it answered 404: no such hook") || !strings.Contains(list, "/fired") {
		t.Fatalf("dead letters:\n%s", list)
	}
	var dead []struct {
		ID  int64
		Key string
	}
	if err := json.Unmarshal([]byte(p.run("notify", "list", "--state", "dead", "--json")), &dead); err != nil || len(dead) != 1 {
		t.Fatalf("%v %+v", err, dead)
	}
	open.Store(true)
	p.run("notify", "retry", "--dead")
	p.run("tail", "again", "--quiet")
	var m struct{ Key, Title string }
	if err := json.Unmarshal([]byte(<-got), &m); err != nil || m.Key != dead[0].Key || m.Title != "ALARM: errors" {
		t.Errorf("%v %+v", err, m)
	}
	if left := p.query("SELECT count(*) FROM tidemark.notifications WHERE state <> 'sent'"); left != "0" {
		t.Errorf("%s are left", left)
	}
}

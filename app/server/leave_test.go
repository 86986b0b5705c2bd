//go:build duckdb_arrow

package server_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/app/server"
)

// leaving are queries that give no row for very long.
var leaving = []string{
	"SELECT count(*) FROM range(1000000000000) a, range(1000000) b",
	"SELECT i FROM range(1000000000000) t(i) ORDER BY i % 7",
	"SELECT max(length(repeat('x', (5000 + i % 10)::INT))) FROM range(1000000000) t(i)",
}

// TestClientLeaves: a client that leaves before the first row takes its query
// along, not only its answer.
func TestClientLeaves(t *testing.T) {
	p := serve(t)
	for _, path := range []string{"/queries", "/query"} {
		for _, query := range leaving {
			body, _ := json.Marshal(server.QueryInput{SQL: query})
			ctx, leave := context.WithCancel(t.Context())
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				if resp, err := p.request(ctx, "POST", path, strings.NewReader(string(body)), "Content-Type", "application/json"); err == nil {
					resp.Body.Close()
				}
			}()
			p.until(func(s server.Status) bool { return s.QueriesRunning == 1 })
			leave()
			<-gone
			p.until(func(s server.Status) bool { return s.QueriesRunning == 0 })
		}
	}
}

// until waits for a status; the test's own time bounds it.
func (p *place) until(ok func(server.Status) bool) {
	p.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		code, text, _ := p.raw("GET", "/status", "")
		var s server.Status
		if err := json.Unmarshal([]byte(text), &s); err != nil || code != 200 {
			p.t.Fatalf("status %d: %s", code, text)
		}
		if ok(s) {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("it stays at %+v", s)
		}
	}
}

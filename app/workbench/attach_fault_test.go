package workbench_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
)

// gate stands before a server and answers what it is told to.
type gate struct {
	*httptest.Server
	mu sync.Mutex
	// answer decides about a request for a part of an object; false lets the
	// server answer.
	answer  func(w http.ResponseWriter, r *http.Request) bool
	gets    int
	forward *httputil.ReverseProxy
}

// short passes on half of an answer and then hangs up.
type short struct {
	http.ResponseWriter
	left int
}

func (s *short) WriteHeader(status int) {
	size, _ := strconv.Atoi(s.Header().Get("Content-Length"))
	s.left = size / 2
	s.ResponseWriter.WriteHeader(status)
}

func (s *short) Write(b []byte) (int, error) {
	if s.left -= len(b); s.left < 0 {
		panic(http.ErrAbortHandler)
	}
	return s.ResponseWriter.Write(b)
}

func newGate(t testing.TB, to string) *gate {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{}
	g.forward = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host }}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.decides(w, r) {
			g.forward.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(g.Close)
	return g
}

// decides reports whether the gate has answered a request by itself.
func (g *gate) decides(w http.ResponseWriter, r *http.Request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.Header.Get("Range") == "" {
		return false
	}
	g.gets++
	return g.answer != nil && g.answer(w, r)
}

func (g *gate) set(answer func(w http.ResponseWriter, r *http.Request) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answer = answer
}

func refuse(status int, code string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
		return true
	}
}

// times lets a fault happen so often, and then no more.
func times(n int, f func(http.ResponseWriter, *http.Request) bool) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		n--
		return n >= 0 && f(w, r)
	}
}

// What goes wrong for a moment costs time, what stays wrong is an error that
// says what to do, and neither ever an answer that is not true.
func TestAttachedThroughFaults(t *testing.T) {
	a := newArchive(t, "")
	g := newGate(t, a.server.Endpoint)
	a.open(filepath.Join(t.TempDir(), "w"), g.URL, "")
	want := fmt.Sprintf("n\n%d\n", days*4000)
	for i, c := range []struct {
		name   string
		fault  func(http.ResponseWriter, *http.Request) bool
		kind   engine.Kind
		says   string
		column string
	}{
		{"slow down for a moment", times(3, refuse(503, "SlowDown")), "", "", "message"},
		{"a body cut short", times(2, func(w http.ResponseWriter, r *http.Request) bool {
			g.forward.ServeHTTP(&short{ResponseWriter: w}, r)
			return true
		}), "", "", "service"},
		{"expired credentials", refuse(400, "ExpiredToken"), engine.Unavailable, "expired", "level"},
	} {
		g.set(c.fault)
		got, _, err := a.ask("SELECT count(" + c.column + ") AS n FROM logs")
		if c.kind == "" && (err != nil || got != want) || c.kind != "" && (engine.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%d, %s: %q, %v", i, c.name, got, err)
		}
		g.set(nil)
		if got, _ := a.must("SELECT count(" + c.column + ") AS n FROM logs"); got != want {
			t.Errorf("%s, afterwards: %s", c.name, got)
		}
	}
}

// A query that is over budget asks for no object at all, and estimating none
// but footers.
func TestAttachedEstimateFetchesNothing(t *testing.T) {
	a := newArchive(t, "")
	g := newGate(t, a.server.Endpoint)
	a.open(filepath.Join(t.TempDir(), "w"), g.URL, "")
	a.must("SELECT count(*) FROM logs")
	before := g.gets
	uses, err := a.bench.Estimate(context.Background(), "SELECT max(message) FROM logs", nil)
	if err != nil || len(uses) != 1 || uses[0].BytesEstimated == 0 || uses[0].BytesFetched != 0 || uses[0].CostUSD == 0 {
		t.Errorf("%+v, %v", uses, err)
	}
	if g.gets != before {
		t.Errorf("%d requests", g.gets-before)
	}
	var use workbench.Use
	_, use = a.must("SELECT max(message) FROM logs")
	if use.BytesFetched != uses[0].BytesEstimated || use.Requests != uses[0].Requests {
		t.Errorf("it cost %+v, estimated %+v", use, uses[0])
	}
	if got := int64(g.gets - before); got != use.Requests {
		t.Errorf("%d requests, told %d", got, use.Requests)
	}
}

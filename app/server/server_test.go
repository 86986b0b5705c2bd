//go:build duckdb_arrow

package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"tidemark.dev/tidemark/app/server"
	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
)

const (
	token        = "a-token-of-the-test"
	metricsToken = "a-token-for-metrics-alone"
)

// place is a server on a workspace of its own.
type place struct {
	t    *testing.T
	dir  string
	url  string
	done context.CancelFunc
}

const config = `# Ours.
name: shop
sources:
  # One file.
  files: {type: file, path: "in/*.ndjson", dataset: app_logs}   # kept
datasets:
  app_logs: {event_time: ts}
`

func serve(t *testing.T) *place {
	t.Helper()
	return serveConfig(t, config)
}

func serveConfig(t *testing.T, config string) *place {
	t.Helper()
	dir := t.TempDir()
	p := &place{t: t, dir: dir}
	p.write("tidemark.yaml", config)
	var lines strings.Builder
	for i := range 100 {
		fmt.Fprintf(&lines, `{"ts":"2026-01-01T00:%02d:%02dZ","service":"s%d","level":"INFO","n":%d}`+"\n", i/60, i%60, i%3, i)
	}
	lines.WriteString("no JSON\n")
	p.write("in/a.ndjson", lines.String())
	p.write("rules/errors.yaml", "rule: errors\ndataset: app_logs\nwindow: {tumbling: 1m}\nmeasures:\n  n: count()\nwhen: n > 5\nalarm: {datapoints: 1, of: 1}\n")
	p.write("notebooks/first.md", "# The first\n\n```sql\nselect 1\n```\n")
	load := func() (*workspace.Workspace, error) {
		return workspace.Load(dir, workspace.Options{Trusted: true})
	}
	w, err := load()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Prepare(); err != nil {
		t.Fatal(err)
	}
	b, err := workbench.Open(t.Context(), w, workbench.Options{Staging: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.done = cancel
	listener := httptest.NewUnstartedServer(nil)
	s := server.New(server.Options{
		Metrics: true, MetricsToken: metricsToken,
		Bench: b, Token: token, Host: listener.Listener.Addr().String(), Version: "test", Context: ctx,
		Reload: load, Trust: func() error { return nil }, ConfigDir: t.TempDir(),
		Page: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the page") }),
	})
	listener.Config.Handler = s.Handler()
	listener.Start()
	p.url = listener.URL
	t.Cleanup(func() {
		cancel()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		listener.Close()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".tidemark/temp/result-*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	return p
}

func (p *place) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// request asks for something; header are names and values in turn.
func (p *place) request(ctx context.Context, method, path string, body io.Reader, header ...string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, p.url+"/api/v1"+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return http.DefaultClient.Do(r)
}

// raw gives an answer's status and body.
func (p *place) raw(method, path, body string, header ...string) (int, string, http.Header) {
	p.t.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	resp, err := p.request(p.t.Context(), method, path, in, header...)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp.StatusCode, string(text), resp.Header
}

// ask expects a success and reads it.
func ask[T any](p *place, method, path, body string) T {
	p.t.Helper()
	code, text, _ := p.raw(method, path, body)
	var out T
	if code != http.StatusOK {
		p.t.Fatalf("%s %s: %d %s", method, path, code, text)
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		p.t.Fatalf("%s %s: %v: %s", method, path, err, text)
	}
	return out
}

// fails expects a failure.
func (p *place) fails(code int, kind engine.Kind, method, path, body string) server.Problem {
	p.t.Helper()
	got, text, _ := p.raw(method, path, body)
	var f server.Failure
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		p.t.Fatalf("%s %s: %v: %s", method, path, err, text)
	}
	if got != code || f.Err.Kind != kind {
		p.t.Errorf("%s %s: %d %s, want %d %s", method, path, got, text, code, kind)
	}
	return f.Err
}

func (p *place) pull() server.PullState {
	p.t.Helper()
	started := ask[server.PullState](p, "POST", "/pulls", "{}")
	for {
		for _, s := range ask[[]server.PullState](p, "GET", "/pulls", "") {
			if s.ID == started.ID && s.State != "running" {
				return s
			}
		}
	}
}

func TestGuard(t *testing.T) {
	p := serve(t)
	for _, test := range []struct {
		name, path, header, value string
		code                      int
	}{
		{"a token", "/api/v1/workspace", "Authorization", "Bearer " + token, 200},
		{"no token", "/api/v1/workspace", "X", "y", 401},
		{"another token", "/api/v1/workspace", "Authorization", "Bearer x", 401},
		{"a cookie", "/api/v1/workspace", "Cookie", "token=" + token, 401},
		{"the description needs one too", "/api/openapi.json", "X", "y", 401},
		{"a foreign origin", "/api/v1/workspace", "Origin", "https://evil.example", 403},
		{"a foreign origin with our port", "/healthz", "Origin", "http://evil.example" + p.url[strings.LastIndex(p.url, ":"):], 403},
		{"our origin", "/healthz", "Origin", p.url, 204},
		{"a foreign host", "/healthz", "Host", "evil.example", 421},
		{"another port", "/healthz", "Host", "127.0.0.1:1", 421},
		{"health", "/healthz", "X", "y", 204},
		{"the page", "/", "X", "y", 200},
		{"a place in the page", "/explore", "X", "y", 200},
	} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", p.url+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if test.header == "Host" {
			r.Host = test.value
		}
		r.Header.Set(test.header, test.value)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != test.code || test.path == "/healthz" && resp.StatusCode == 204 && len(body) > 0 {
			t.Errorf("%s: %d %s, want %d", test.name, resp.StatusCode, body, test.code)
		}
		if policy := resp.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe-eval") {
			t.Errorf("%s: policy %q", test.name, policy)
		}
		if strings.HasPrefix(test.path, "/api/v1") && test.code == 200 && resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", test.name, resp.Header)
		}
		for name := range resp.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: %s lets other sites in", test.name, name)
			}
		}
	}
}

func TestWorkspace(t *testing.T) {
	p := serve(t)
	w := ask[server.Workspace](p, "GET", "/workspace", "")
	if w.Name != "shop" || !w.Trusted || w.Desktop || len(w.Datasets) != 0 || len(w.Sources) != 1 || w.Sources[0].Location != "in/*.ndjson" ||
		w.Notebooks[0].Title != "The first" || w.Rules[0].State != "unchecked" || w.Dashboards == nil || w.Problems == nil {
		t.Errorf("before a pull: %+v", w)
	}
	if s := p.pull(); s.State != "done" || s.Records != 100 || s.Quarantined != 1 || s.Result == nil || s.Result.Records != 100 || s.ETASeconds != nil {
		t.Errorf("the pull: %+v", s)
	}
	w = ask[server.Workspace](p, "POST", "/workspace/trust", "")
	if len(w.Datasets) != 1 || w.Datasets[0].Rows != 100 || w.Datasets[0].FirstEventTime == nil || w.Quarantined != 1 || w.Rules[0].State != "ok" {
		t.Errorf("after a pull: %+v", w)
	}
	if r := ask[[]server.RecentWorkspace](p, "GET", "/recent", ""); len(r) != 1 || !r[0].Exists || r[0].Name != "shop" {
		t.Errorf("recent: %+v", r)
	}
	opened := ask[server.Opened](p, "POST", "/workspace/open", fmt.Sprintf(`{"dir":%q}`, p.dir))
	if opened.URL != nil || !strings.Contains(opened.Command, "serve") {
		t.Errorf("%+v", opened)
	}
	p.fails(404, engine.NotFound, "POST", "/workspace/open", `{"dir":"/nowhere/at/all"}`)
	if h := ask[workbench.Health](p, "GET", "/health/datasets", ""); len(h.Datasets) != 1 || len(h.Sources) != 1 {
		t.Errorf("%+v", h)
	}
	if s := ask[server.Status](p, "GET", "/status", ""); s.MemoryBytes == 0 || s.DatabaseBytes == 0 || s.Goroutines == 0 {
		t.Errorf("%+v", s)
	}
	p.fails(404, engine.NotFound, "POST", "/native/open", `{"what":"file"}`)
	p.fails(422, engine.Invalid, "POST", "/native/open", `{"what":"else"}`)
	ask[server.Nothing](p, "POST", "/ready", `{"title":"Tidemark","user_agent":"x","more":1}`)
	if d := ask[workbench.DryRun](p, "POST", "/pulls/dry-run", `{"again":true}`); d.Objects != 1 {
		t.Errorf("%+v", d)
	}
	p.fails(404, engine.NotFound, "POST", "/pulls", `{"sources":["nothing"]}`)
	p.fails(404, engine.NotFound, "DELETE", "/pulls/nothing", "")
}

func TestQueries(t *testing.T) {
	p := serve(t)
	p.pull()
	q := ask[server.QueryState](p, "POST", "/queries", `{"sql":"select body.n as n, service from app_logs where service = $s and event_time >= $t order by n","params":{"s":"s1","t":"2026-01-01T00:00:10Z"}}`)
	q = ask[server.QueryState](p, "GET", "/queries/"+q.ID+"?wait=30", "")
	if q.State != "done" || !q.Complete || q.Truncated || q.Rows != 30 || len(q.Columns) != 2 || q.Columns[0] != (server.Column{Name: "n", Type: "BIGINT"}) {
		t.Errorf("%+v", q)
	}
	if _, rows, h := p.raw("GET", "/queries/"+q.ID+"/rows?offset=1&limit=2", "", "Accept", "application/json"); rows != `[[13,"s1"],[16,"s1"]]` || h.Get("Tidemark-Rows") != "2" {
		t.Errorf("rows: %s %v", rows, h)
	}
	_, body, h := p.raw("GET", "/queries/"+q.ID+"/rows?offset=28&limit=10", "")
	r, err := ipc.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatalf("%v: %v", err, h)
	}
	if !r.Next() || r.RecordBatch().NumRows() != 2 || r.RecordBatch().Column(0).(*array.Int64).Value(1) != 97 {
		t.Errorf("the last rows: %v", r.RecordBatch())
	}
	for format, want := range map[string]string{"csv": "n,service\n10,s1\n", "json": `[{"n":10,"service":"s1"}`, "markdown": "| n ", "parquet": "PAR1", "arrow": "\xff\xff\xff\xff"} {
		code, text, h := p.raw("GET", "/queries/"+q.ID+"/export?format="+format, "")
		if compact := strings.NewReplacer("\r", "", " ", "", "[\n", "[").Replace(text); code != 200 || !strings.HasPrefix(compact, strings.ReplaceAll(want, " ", "")) {
			t.Errorf("%s: %d %.60q", format, code, text)
		}
		if !strings.Contains(h.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %v", format, h)
		}
	}
	ask[server.Nothing](p, "DELETE", "/queries/"+q.ID, "")
	gone := p.fails(404, engine.NotFound, "GET", "/queries/"+q.ID, "")
	if gone.Message != "this result is no longer kept" || gone.Hint != "run it again" {
		t.Errorf("%+v", gone)
	}
	if e := p.fails(400, engine.Invalid, "POST", "/queries", `{"sql":"select *\nfrom nowhere"}`); e.Line != 2 || e.Column != 6 || e.Excerpt != "from nowhere" {
		t.Errorf("%+v", e)
	}
	p.fails(400, engine.Invalid, "POST", "/queries", `{"sql":"drop table app_logs"}`)
	p.fails(400, engine.Invalid, "POST", "/queries", `{"sql":"select $x"}`)
	p.fails(400, engine.Invalid, "POST", "/queries", `{"sql":"select $x","params":{"x":[1]}}`)
	p.fails(422, engine.Invalid, "POST", "/queries", `{"sequel":"select 1"}`)
	one := ask[server.QueryState](p, "POST", "/queries", `{"sql":"select * from range(1000000000)","limit":10000}`)
	one = ask[server.QueryState](p, "GET", "/queries/"+one.ID+"?wait=30", "")
	for one.State == "running" {
		one = ask[server.QueryState](p, "GET", "/queries/"+one.ID+"?wait=30", "")
	}
	if one.State != "stopped" || !one.Truncated || one.Rows != 10000 {
		t.Errorf("%+v", one)
	}
}

func TestOneShot(t *testing.T) {
	p := serve(t)
	_, text, _ := p.raw("POST", "/query", `{"sql":"select 1 as a, 12345678901234567890::hugeint as b, $c as c","params":{"c":null}}`, "Accept", "application/json")
	var rows server.QueryRows
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows.Columns) != 3 || rows.Columns[1].Type != "HUGEINT" || len(rows.Rows) != 1 || rows.Rows[0][1] != "12345678901234567890" || rows.Rows[0][2] != nil {
		t.Errorf("%s", text)
	}
	_, body, h := p.raw("POST", "/query", `{"sql":"select * from range(100)","limit":10}`, "Accept", "application/vnd.apache.arrow.stream")
	r, err := ipc.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if !r.Next() || r.RecordBatch().NumRows() != 10 || h.Get("Tidemark-Truncated") != "true" {
		t.Errorf("%v %v", r.RecordBatch(), h)
	}
	p.fails(400, engine.Invalid, "POST", "/query", `{"sql":"select"}`)
}

// TestCancel gives up a request whose query would take years; the next one
// has its turn at once.
func TestCancel(t *testing.T) {
	p := serve(t)
	const forever = `{"sql":"select count(*) from range(1000000000) a, range(1000000000) b"}`
	for range 6 {
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error, 1)
		go func() {
			resp, err := p.request(ctx, "POST", "/queries", strings.NewReader(forever))
			if err == nil {
				resp.Body.Close()
				err = errors.New("it has answered")
			}
			over <- err
		}()
		for ask[server.Status](p, "GET", "/status", "").QueriesRunning == 0 {
		}
		cancel()
		if err := <-over; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	for ask[server.Status](p, "GET", "/status", "").QueriesRunning > 0 {
	}
	if q := ask[server.QueryState](p, "POST", "/queries", `{"sql":"select 1"}`); q.Rows != 1 {
		t.Errorf("%+v", q)
	}
}

func TestOnlySoManyResultsAreKept(t *testing.T) {
	p := serve(t)
	var ids []string
	for range 30 {
		ids = append(ids, ask[server.QueryState](p, "POST", "/queries", `{"sql":"select 1"}`).ID)
	}
	kept := 0
	for _, id := range ids {
		if code, _, _ := p.raw("GET", "/queries/"+id, ""); code == 200 {
			kept++
		}
	}
	if kept != 24 {
		t.Errorf("%d results are kept", kept)
	}
	p.fails(404, engine.NotFound, "GET", "/queries/"+ids[0]+"/rows", "")
}

func TestFiles(t *testing.T) {
	p := serve(t)
	read := func(path string) server.File { return ask[server.File](p, "GET", "/files?path="+path, "") }
	put := func(path, text, version string) string {
		body, _ := json.Marshal(server.File{Path: path, Text: text, Version: version})
		return string(body)
	}
	f := read("notebooks/first.md")
	if !strings.HasPrefix(f.Text, "# The first") || f.Version == "" {
		t.Errorf("%+v", f)
	}
	v := ask[server.FileVersion](p, "PUT", "/files", put("notebooks/second.md", "# Two\n", ""))
	if again := read("notebooks/second.md"); again.Text != "# Two\n" || again.Version != v.Version {
		t.Errorf("%+v", again)
	}
	if w := ask[server.Workspace](p, "GET", "/workspace", ""); len(w.Notebooks) != 2 {
		t.Errorf("%+v", w.Notebooks)
	}
	p.fails(409, engine.Conflict, "PUT", "/files", put("notebooks/second.md", "other", ""))
	p.write("notebooks/second.md", "# Changed elsewhere\n")
	if e := p.fails(409, engine.Conflict, "PUT", "/files", put("notebooks/second.md", "other", v.Version)); e.Hint == "" {
		t.Errorf("%+v", e)
	}
	v.Version = read("notebooks/second.md").Version
	ask[server.FileVersion](p, "POST", "/files/rename", `{"path":"notebooks/second.md","to":"notebooks/third.md","version":"`+v.Version+`"}`)
	p.fails(404, engine.NotFound, "GET", "/files?path=notebooks/second.md", "")
	p.fails(409, engine.Conflict, "POST", "/files/rename", `{"path":"notebooks/third.md","to":"notebooks/first.md","version":"`+v.Version+`"}`)
	p.fails(409, engine.Conflict, "DELETE", "/files?path=notebooks/third.md&version=old", "")
	ask[server.Nothing](p, "DELETE", "/files?path=notebooks/third.md&version="+v.Version, "")
	if kept, _ := filepath.Glob(filepath.Join(p.dir, ".tidemark/trash/*third.md")); len(kept) != 1 {
		t.Errorf("in the trash: %v", kept)
	}
	outside := filepath.Join(t.TempDir(), "secret.md")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(p.dir, "notebooks/link.md")); err != nil {
		t.Fatal(err)
	}
	if code, text, _ := p.raw("GET", "/files?path=notebooks/link.md", ""); code == 200 || strings.Contains(text, "secret\"") {
		t.Errorf("a link leads outside: %d %s", code, text)
	}
	for _, path := range []string{"../x.md", "notebooks/../../x.md", "/etc/passwd", "notebooks/a/b.md", ".tidemark/owner.json", "notebooks/.x.md", "notebooks/x.yaml", "in/a.ndjson", "notebooks/a%5Cb.md", "", "rules/.yaml"} {
		if code, text, _ := p.raw("GET", "/files?path="+path, ""); code != 400 && code != 422 {
			t.Errorf("%q: %d %s", path, code, text)
		}
	}
}

func TestSourcesAndUploads(t *testing.T) {
	p := serve(t)
	if s := ask[[]workbench.Source](p, "GET", "/sources", ""); len(s) != 1 || s[0].Location != "in/*.ndjson" || s[0].State != "stale" {
		t.Errorf("%+v", s)
	}
	if r := ask[[]workbench.SourceReport](p, "POST", "/sources/test", `{"name":"files"}`); len(r) != 1 || !r[0].OK || r[0].Objects != 1 {
		t.Errorf("%+v", r)
	}
	if r := ask[[]workbench.SourceReport](p, "POST", "/sources/test", `{"source":{"type":"file","path":"in/**","dataset":"x"}}`); len(r) != 1 || !r[0].OK {
		t.Errorf("%+v", r)
	}
	w := ask[server.Workspace](p, "POST", "/sources", `{"name":"more","source":{"type":"s3","url":"s3://b/p/","endpoint":"http://127.0.0.1:1","path_style":true,"dataset":"app_logs"}}`)
	if len(w.Sources) != 2 || w.Sources[1].Location != "s3://b/p/" {
		t.Errorf("%+v", w.Sources)
	}
	p.fails(409, engine.Conflict, "POST", "/sources", `{"name":"more","source":{"type":"file","path":"x","dataset":"y"}}`)
	p.fails(400, engine.Invalid, "POST", "/sources", `{"name":"a: b","source":{"type":"file","path":"x","dataset":"y"}}`)
	p.fails(400, engine.Invalid, "POST", "/sources", `{"name":"nowhere","source":{"type":"file","dataset":"y"}}`)
	text := ask[server.File](p, "GET", "/files?path=tidemark.yaml", "").Text
	want := strings.Replace(config, "# kept\n", "# kept\n  more: {type: s3, url: \"s3://b/p/\", endpoint: \"http://127.0.0.1:1\", path_style: true, dataset: app_logs}\n", 1)
	if text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	u := ask[server.Upload](p, "POST", "/upload?name=My+Data.ndjson", `{"ts":"2026-02-01T00:00:00Z","x":1}`)
	if u.Kind != "data" || u.Path != "data/My_Data.ndjson" || u.Dataset != "my_data" || u.Pull == nil {
		t.Errorf("%+v", u)
	}
	adopted := ask[server.Upload](p, "POST", "/adopt", fmt.Sprintf(`{"path":%q}`, filepath.Join(p.dir, "in")))
	if adopted.Dataset != "in" && !strings.HasPrefix(adopted.Dataset, "data_in") {
		t.Errorf("%+v", adopted)
	}
	for slices.ContainsFunc(ask[[]server.PullState](p, "GET", "/pulls", ""), func(s server.PullState) bool { return s.State == "running" }) {
	}
	for _, s := range ask[[]server.PullState](p, "GET", "/pulls", "") {
		if s.State != "done" || s.Records == 0 {
			t.Errorf("%+v", s)
		}
	}
	if again := ask[server.Upload](p, "POST", "/adopt", fmt.Sprintf(`{"path":%q}`, filepath.Join(p.dir, "in"))); again.Source != adopted.Source || again.Dataset != adopted.Dataset {
		t.Errorf("adopted twice: %+v, then %+v", adopted, again)
	}
	p.fails(409, engine.Conflict, "POST", "/upload?name=My+Data.ndjson", `{}`)
	p.fails(400, engine.Invalid, "POST", "/adopt", `{"path":"relative"}`)
	// Neither the workspace with all that is around it, nor what is no data.
	for _, path := range []string{"/", "/dev/zero", p.dir, filepath.Dir(p.dir), filepath.Join(p.dir, ".tidemark"), filepath.Join(p.dir, "tidemark.yaml")} {
		p.fails(400, engine.Invalid, "POST", "/adopt", fmt.Sprintf(`{"path":%q}`, path))
	}
	if code, text, _ := p.raw("POST", "/upload?name=x.wasm", "no module"); code == 200 {
		t.Errorf("a plugin that is none: %s", text)
	}
	if left, _ := filepath.Glob(filepath.Join(p.dir, "plugins/*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if left, _ := filepath.Glob(filepath.Join(p.dir, "data/.*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestAFolderIsUploaded file by file, and is one source; what is uploaded into
// it later goes into the same dataset.
func TestAFolderIsUploaded(t *testing.T) {
	p := serve(t)
	line := `{"ts":"2026-02-01T00:00:00Z","x":1}` + "\n"
	for name, want := range map[string]string{"a.ndjson&folder=My+logs": "data/My_logs/a.ndjson", "a.ndjson&folder=My+logs%2F2026": "data/My_logs/2026/a.ndjson"} {
		if u := ask[server.Upload](p, "POST", "/upload?name="+name, line); u.Path != want || u.Source != "" || u.Pull != nil {
			t.Errorf("%+v, want %s", u, want)
		}
	}
	p.fails(400, engine.Invalid, "POST", "/upload?name=a.ndjson&folder=logs%2F..%2F..%2F..", line)
	p.fails(404, engine.NotFound, "POST", "/adopt", `{"path":"data/other"}`)
	p.fails(400, engine.Invalid, "POST", "/adopt", `{"path":"data/../in"}`)
	adopt := func() server.Upload {
		u := ask[server.Upload](p, "POST", "/adopt", `{"path":"data/My_logs"}`)
		for slices.ContainsFunc(ask[[]server.PullState](p, "GET", "/pulls", ""), func(s server.PullState) bool { return s.State == "running" }) {
		}
		return u
	}
	first := adopt()
	ask[server.Upload](p, "POST", "/upload?name=b.ndjson&folder=My+logs", line)
	if again := adopt(); first.Dataset != "my_logs" || again.Dataset != first.Dataset || again.Source != first.Source {
		t.Errorf("%+v, then %+v", first, again)
	}
	if _, text, _ := p.raw("POST", "/query", `{"sql":"select count(*) as n from my_logs"}`, "Accept", "application/json"); !strings.Contains(text, `"rows":[[3]]`) {
		t.Error(text)
	}
}

// TestAPullIsCanceledBeforeItsFirstObject: while it looks for what there is to
// fetch, and while it waits for another that does.
func TestAPullIsCanceledBeforeItsFirstObject(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "y")
	asked, once := make(chan struct{}), sync.Once{}
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		once.Do(func() { close(asked) })
		<-r.Context().Done()
	}))
	t.Cleanup(silent.Close)
	p := serveConfig(t, strings.Replace(config, "datasets:", fmt.Sprintf("  bucket: {type: s3, url: \"s3://logs/p/\", endpoint: %q, region: us-east-1, path_style: true, dataset: far}\ndatasets:", silent.URL), 1))
	resp, err := p.request(t.Context(), "GET", "/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Scan() // hello
	told := func(id, state string) {
		t.Helper()
		for lines.Scan() {
			if text := lines.Text(); strings.Contains(text, `"type":"pull"`) && strings.Contains(text, id) {
				if !strings.Contains(text, `"state":"`+state+`"`) {
					t.Fatalf("it is not %s: %s", state, text)
				}
				return
			}
		}
		t.Fatalf("%s is never told to be %s", id, state)
	}
	first := ask[server.PullState](p, "POST", "/pulls", `{"sources":["bucket"]}`)
	told(first.ID, "running")
	<-asked
	second := ask[server.PullState](p, "POST", "/pulls", `{"sources":["files"]}`)
	told(second.ID, "running")
	ask[server.PullState](p, "DELETE", "/pulls/"+second.ID, "")
	told(second.ID, "canceled")
	ask[server.PullState](p, "DELETE", "/pulls/"+first.ID, "")
	told(first.ID, "canceled")
}

// TestManyAtOnce: files that are dropped together are asked for together, and
// each becomes a source with its records.
func TestManyAtOnce(t *testing.T) {
	p := serve(t)
	const many = 8
	var all sync.WaitGroup
	for i := range many {
		path := filepath.Join(t.TempDir(), "same.ndjson")
		if err := os.WriteFile(path, []byte(`{"ts":"2026-02-01T00:00:00Z","x":1}`+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			if code, text, _ := p.raw("POST", "/adopt", fmt.Sprintf(`{"path":%q}`, path)); code != 200 {
				t.Errorf("%d: %d %s", i, code, text)
			}
		})
	}
	all.Wait()
	for slices.ContainsFunc(ask[[]server.PullState](p, "GET", "/pulls", ""), func(s server.PullState) bool { return s.State == "running" }) {
	}
	pulls := ask[[]server.PullState](p, "GET", "/pulls", "")
	for _, s := range pulls {
		if s.State != "done" || s.Records != 1 {
			t.Errorf("%+v", s)
		}
	}
	if len(pulls) != many {
		t.Errorf("%d pulls, want %d", len(pulls), many)
	}
}

func TestPlugins(t *testing.T) {
	p := serve(t)
	list := ask[[]workbench.PluginInfo](p, "GET", "/plugins", "")
	if len(list) == 0 || list[0].Path != "bundled" {
		t.Skip("no plugin is bundled: run make build")
	}
	wasm, err := os.ReadFile("../../plugins/bundled/" + list[0].Name + ".wasm")
	if err != nil {
		t.Skip(err)
	}
	resp, err := p.request(t.Context(), "POST", "/upload?name=own.wasm", bytes.NewReader(wasm))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	has := func() bool {
		return slices.ContainsFunc(ask[[]workbench.PluginInfo](p, "GET", "/plugins", ""), func(i workbench.PluginInfo) bool { return i.Name == "own" && i.State == "ready" })
	}
	if resp.StatusCode != 200 || !has() {
		t.Errorf("%d, and it is there: %t", resp.StatusCode, has())
	}
	p.fails(404, engine.NotFound, "DELETE", "/plugins/"+list[0].Name, "")
	ask[server.Nothing](p, "DELETE", "/plugins/own", "")
	if has() {
		t.Error("it is still there")
	}
}

func TestEvents(t *testing.T) {
	p := serve(t)
	resp, err := p.request(t.Context(), "GET", "/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	next := func(want ...string) string {
		t.Helper()
		for lines.Scan() {
			if !slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(lines.Text(), w) }) {
				return lines.Text()
			}
		}
		t.Fatalf("the stream ended before %v: %v", want, lines.Err())
		return ""
	}
	next(`"type":"hello"`, `"version":"test"`, `"started"`)
	p.write("notebooks/new.md", "# New\n")
	next(`"type":"files"`, `notebooks/new.md`)
	p.write("dashboards/first.yaml", "title: First\nrows: []\n") // the folder is new too
	next(`"type":"files"`, `dashboards/first.yaml`)
	p.write("tidemark.yaml", config+"nonsense: 1\n")
	next(`"type":"files"`, `tidemark.yaml`)
	if w := ask[server.Workspace](p, "GET", "/workspace", ""); len(w.Problems) != 1 || w.Problems[0].Line != 8 || len(w.Sources) != 1 {
		t.Errorf("a broken file: %+v", w)
	}
	p.write("tidemark.yaml", strings.Replace(config, "shop", "other", 1))
	next(`"type":"files"`, `tidemark.yaml`)
	if w := ask[server.Workspace](p, "GET", "/workspace", ""); len(w.Problems) != 0 || w.Name != "other" {
		t.Errorf("a mended file: %+v", w)
	}
	ask[server.PullState](p, "POST", "/pulls", "{}")
	next(`"type":"data"`, `"dataset":"app_logs"`)
	next(`"type":"pull"`, `"state":"done"`, `"records":100`)
	q := ask[server.QueryState](p, "POST", "/queries", `{"sql":"select * from range(40000000)","limit":4000000}`)
	next(`"type":"query"`, q.ID, `"rows":4000000`, `"state":"stopped"`)
	p.done() // the server ends its streams
	for lines.Scan() {
	}
}

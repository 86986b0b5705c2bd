package server

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
)

// smallSite is a small workspace behind its server.
type smallSite struct {
	t     testing.TB
	url   string
	bench *workbench.Workbench
}

// smallRecords are two services over ten minutes; shop fails in the minutes 4 and
// 5. The odd one has names and values that try to break out of SQL.
func smallRecords() string {
	var b strings.Builder
	for i := range 60 {
		service, level, status := "shop", "INFO", 200
		if i%3 == 0 {
			service = "cart"
		}
		if service == "shop" && i/6 >= 4 && i/6 < 6 {
			level, status = "ERROR", 503
		}
		fmt.Fprintf(&b, `{"at":"2026-01-09T12:%02d:%02dZ","service":%q,"level":%q,"message":"Request %d done","region":"eu","status":%d,"ms":%d.5,"http":{"route":"/r/%d","user agent":"x"},"tags":["a","b%d"]}`+"\n",
			i/6, i%6*10, service, level, i, status, i, i%4, i%2)
	}
	b.WriteString(`{"at":"2026-01-09T12:09:59Z","service":"it's \"odd\"","level":"weird","message":"100% Ünïcode_ 'quoted' $from","status":"N/A","region":"o'brien","we\"ird.name":"v'1","order":{"select":1}}` + "\n")
	b.WriteString("{broken\n")
	return b.String()
}

func openSmall(t testing.TB) *smallSite {
	t.Helper()
	return openWith(t, "requests", "timeless")
}

// openWith pulls some of its sources.
func openWith(t testing.TB, sources ...string) *smallSite {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"tidemark.yaml": smallConfig, "data/requests.ndjson": smallRecords(),
		"data/timeless.ndjson": `{"message":"no time","n":1}` + "\n" + `{"message":"none either","n":2}` + "\n",
		"rules/errors.yaml":    smallRule,
		"rules/broken.yaml":    "rule: broken\ndataset: requests\nwindow: {tumbling: 1m}\nmeasures: {n: count()}\nwhen: m > 1\n",
		"rules/later.yaml":     strings.ReplaceAll(strings.ReplaceAll(smallRule, "dataset: requests", "dataset: later"), "rule: errors", "rule: later"),
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w, err := workspace.Load(dir, workspace.Options{Trusted: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, ".tidemark"), 0o700); err != nil {
		t.Fatal(err)
	}
	bench, err := workbench.Open(t.Context(), w, workbench.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bench.Close() })
	if len(sources) > 0 {
		if _, err := bench.Pull(t.Context(), workbench.PullOptions{Sources: sources}); err != nil {
			t.Fatal(err)
		}
	}
	return serveSmall(t, bench)
}

func serveSmall(t testing.TB, bench *workbench.Workbench) *smallSite {
	t.Helper()
	listener := httptest.NewUnstartedServer(nil)
	s := New(Options{Bench: bench, Token: smallToken, Host: listener.Listener.Addr().String()})
	listener.Config.Handler = s.Handler()
	listener.Start()
	t.Cleanup(func() { listener.Close(); s.Close() })
	return &smallSite{t: t, url: listener.URL, bench: bench}
}

// call sends a request and reads the answer into out; it gives the status.
func (s *smallSite) call(method, path string, body, out any) int {
	s.t.Helper()
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		in = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+"/api/v1"+path, in)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+smallToken)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := json.Unmarshal(text, out); err != nil {
		s.t.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
	return res.StatusCode
}

// answered is call that must succeed.
func answered[T any](s *smallSite, method, path string, body any) T {
	s.t.Helper()
	var raw json.RawMessage
	if status := s.call(method, path, body, &raw); status != http.StatusOK {
		s.t.Fatalf("%s %s: %d %s", method, path, status, raw)
	}
	var out T
	if err := json.Unmarshal(raw, &out); err != nil {
		s.t.Fatal(err)
	}
	return out
}

// refused is call that must fail with a status.
func (s *smallSite) refused(want int, method, path string, body any) Problem {
	s.t.Helper()
	var f Failure
	if status := s.call(method, path, body, &f); status != want {
		s.t.Fatalf("%s %s: status %d, want %d: %+v", method, path, status, want, f)
	}
	return f.Err
}

// object is a JSON object.
type object = map[string]any

// run runs a composed query the way the page does, from its JSON.
func (s *smallSite) run(q workbench.ComposedQuery) [][]any {
	s.t.Helper()
	text, err := json.Marshal(q.Params)
	if err != nil {
		s.t.Fatal(err)
	}
	var params map[string]any
	if err := json.Unmarshal(text, &params); err != nil {
		s.t.Fatal(err)
	}
	rows, err := s.bench.Query(s.t.Context(), q.SQL, smallArgs(params), 0)
	if err != nil {
		s.t.Fatalf("%v\n%s\n%v", err, q.SQL, params)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		s.t.Fatal(err)
	}
	var out [][]any
	for rows.Next() {
		row, into := make([]any, len(types)), make([]any, len(types))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			s.t.Fatal(err)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return out
}

func smallArgs(params map[string]any) []any {
	var out []any
	for name, v := range params {
		out = append(out, sql.Named(name, v))
	}
	return out
}

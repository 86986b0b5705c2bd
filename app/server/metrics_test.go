//go:build duckdb_arrow

package server_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"

	"tidemark.dev/tidemark/app/server"
	"tidemark.dev/tidemark/engine"
)

// scraped reads /metrics as Prometheus does, by its own parser.
func scraped(t *testing.T, p *place) map[string]float64 {
	t.Helper()
	resp := as(t, p, "/metrics", metricsToken)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %v\n%s", resp.StatusCode, err, body)
	}
	problems, err := promlint.New(strings.NewReader(string(body))).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
	parser, err := textparse.New(body, resp.Header.Get("Content-Type"), labels.NewSymbolTable(), textparse.ParserOptions{})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, body)
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var l labels.Labels
		parser.Labels(&l)
		_, _, v := parser.Series()
		out[l.String()] = v
	}
}

func as(t *testing.T, p *place, path, bearer string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", p.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestMetrics(t *testing.T) {
	p := serveTails(t, "")
	p.pull()
	ask[[]server.Tail](p.place, "POST", "/tails", `{"sources":["slow"]}`)
	got := scraped(t, p.place)
	for series, want := range map[string]float64{
		`{__name__="tidemark_dataset_rows", dataset="app_logs"}`:                                        100,
		`{__name__="tidemark_dataset_quarantined_records", dataset="app_logs"}`:                         1,
		`{__name__="tidemark_dataset_state", dataset="app_logs", state="quarantining"}`:                 1,
		`{__name__="tidemark_dataset_state", dataset="app_logs", state="ok"}`:                           0,
		`{__name__="tidemark_source_state", source="files", state="ok"}`:                                1,
		`{__name__="tidemark_build_info", version="test"}`:                                              1,
		`{__name__="tidemark_finding", mode="corrupt", name="app_logs", of="dataset", severity="warn"}`: 1,
		`{__name__="tidemark_shard_behind_seconds", shard="replay", source="slow"}`:                     0,
		`{__name__="tidemark_finding", mode="never", name="stream", of="source", severity="warn"}`:      1,
		`{__name__="tidemark_dataset_watermark_timestamp_seconds", dataset="app_logs"}`:                 1767225699 - 600,
	} {
		if v, has := got[series]; !has || v != want {
			t.Errorf("%s is %v (%v), want %v", series, v, has, want)
		}
	}
}

// TestMetricsToken: its own token opens /metrics and nothing else.
func TestMetricsToken(t *testing.T) {
	p := serve(t)
	for _, x := range []struct {
		path, token string
		want        int
	}{
		{"/metrics", "", http.StatusUnauthorized},
		{"/metrics", "wrong", http.StatusUnauthorized},
		{"/metrics", token, http.StatusOK},
		{"/metrics", metricsToken, http.StatusOK},
		{"/api/v1/workspace", metricsToken, http.StatusUnauthorized},
		{"/healthz", "", http.StatusNoContent},
	} {
		resp := as(t, p, x.path, x.token)
		resp.Body.Close()
		if resp.StatusCode != x.want {
			t.Errorf("%s with %q: %d, want %d", x.path, x.token, resp.StatusCode, x.want)
		}
	}
	// Not switched on, there is nothing.
	off := server.New(server.Options{Token: token, Host: "127.0.0.1:1"})
	r := httptest.NewRequest("GET", "http://127.0.0.1:1/metrics", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	off.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusNotFound {
		t.Errorf("switched off: %d", w.Code)
	}
}

// TestActOnHealth: what findings offer can be done.
func TestActOnHealth(t *testing.T) {
	p := serve(t)
	if a := ask[server.Acted](p, "POST", "/health/act", `{"do":"test","name":"files"}`); !a.OK || a.Said != "it is reached: 1 objects" {
		t.Errorf("test: %+v", a)
	}
	p.pull()
	if a := ask[server.Acted](p, "POST", "/health/act", `{"do":"replay_quarantine","name":"app_logs"}`); a.OK || a.Said != "1 entries replayed, 0 records stored, 1 in quarantine again" {
		t.Errorf("replay: %+v", a)
	}
	if a := ask[server.Acted](p, "POST", "/health/act", `{"do":"compact"}`); !a.OK {
		t.Errorf("compact: %+v", a)
	}
	if f := p.fails(http.StatusBadRequest, engine.Invalid, "POST", "/health/act", `{"do":"tail","name":"files"}`); !strings.Contains(f.Message, "which has an end") {
		t.Errorf("tail of a file: %+v", f)
	}
}

package frontend

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func get(h http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func TestHandler(t *testing.T) {
	t.Parallel()
	h := handler{fstest.MapFS{
		"index.html":          {Data: []byte("<p>here")},
		"assets/app-1a2b.js":  {Data: []byte("let x")},
		"assets/app-1a2b.css": {Data: []byte("p{}")},
		"favicon.svg":         {Data: []byte("<svg/>")},
	}}
	for _, test := range []struct {
		method, path string
		code         int
		kind, cache  string
		body         string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8", "no-cache", "<p>here"},
		{"GET", "/explore/app_logs", 200, "text/html; charset=utf-8", "no-cache", "<p>here"},
		{"GET", "/assets/app-1a2b.js", 200, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable", "let x"},
		{"GET", "/assets/app-1a2b.css", 200, "text/css; charset=utf-8", "public, max-age=31536000, immutable", "p{}"},
		{"GET", "/favicon.svg", 200, "image/svg+xml", "no-cache", "<svg/>"},
		{"GET", "/assets/gone.js", 404, "text/plain; charset=utf-8", "", "there is no such file\n"},
		{"GET", "/../../etc/passwd", 200, "text/html; charset=utf-8", "no-cache", "<p>here"},
		{"GET", "/notebooks/notebooks%2Fincident.md", 200, "text/html; charset=utf-8", "no-cache", "<p>here"},
		{"HEAD", "/", 200, "text/html; charset=utf-8", "no-cache", ""},
		{"POST", "/", 405, "text/plain; charset=utf-8", "", "the page is only read\n"},
	} {
		w := get(h, test.method, test.path)
		if w.Code != test.code || w.Header().Get("Content-Type") != test.kind || w.Header().Get("Cache-Control") != test.cache || w.Body.String() != test.body {
			t.Errorf("%s %s: %d %v %q", test.method, test.path, w.Code, w.Header(), w.Body)
		}
	}
}

func TestAPageThatIsNotBuilt(t *testing.T) {
	t.Parallel()
	w := get(handler{fstest.MapFS{".gitkeep": {}}}, "GET", "/")
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "make build") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := get(Handler(), "GET", "/assets/nothing.js"); w.Code != http.StatusNotFound {
		t.Errorf("the page in the program: %d", w.Code)
	}
}

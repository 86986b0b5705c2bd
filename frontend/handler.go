package frontend

import (
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// handler serves the files of a built page. A path that is none of them is a
// place within the page, which finds it by itself.
type handler struct{ files fs.FS }

const index = "index.html"

// notBuilt stands in for a page that is missing.
const notBuilt = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Tidemark</title>
<body style="font: 16px/1.5 system-ui, sans-serif; max-width: 34em; margin: 4em auto; padding: 0 1em">
<h1>The page is not built</h1>
<p>This program was built without its page. Build both with</p>
<pre>make build</pre>
<p>The API works: its description is at <code>/api/openapi.json</code>.</p>
</body></html>
`

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the page is only read", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	if name == "" {
		name = index
	}
	content, err := fs.ReadFile(h.files, name)
	if err != nil && name != index && !strings.HasPrefix(name, "assets/") {
		name = index
		content, err = fs.ReadFile(h.files, index)
	}
	switch {
	case err == nil:
		h.write(w, r, name, content)
	case name == index && errors.Is(err, fs.ErrNotExist):
		w.Header().Set("Content-Type", contentType(index))
		w.Header().Set("Cache-Control", "no-cache")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(notBuilt))
	default:
		http.Error(w, "there is no such file", http.StatusNotFound)
	}
}

func (h handler) write(w http.ResponseWriter, r *http.Request, name string, content []byte) {
	head := w.Header()
	head.Set("Content-Type", contentType(name))
	head.Set("Content-Length", strconv.Itoa(len(content)))
	if strings.HasPrefix(name, "assets/") {
		// Their names change with what they hold.
		head.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		head.Set("Cache-Control", "no-cache")
	}
	if r.Method == http.MethodGet {
		_, _ = w.Write(content)
	}
}

// contentType is told by the name alone: what the machine says of a name may
// be wrong, and browsers refuse a script of another type.
func contentType(name string) string {
	if t, ok := contentTypes[path.Ext(name)]; ok {
		return t
	}
	return "application/octet-stream"
}

var contentTypes = map[string]string{
	".html":  "text/html; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".mjs":   "text/javascript; charset=utf-8",
	".css":   "text/css; charset=utf-8",
	".json":  "application/json",
	".map":   "application/json",
	".svg":   "image/svg+xml",
	".png":   "image/png",
	".ico":   "image/x-icon",
	".webp":  "image/webp",
	".txt":   "text/plain; charset=utf-8",
	".woff2": "font/woff2",
	".wasm":  "application/wasm",

	".webmanifest": "application/manifest+json",
}

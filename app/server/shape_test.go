//go:build duckdb_arrow

package server_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tidemark.dev/tidemark/app/server"
	"tidemark.dev/tidemark/engine"
)

// TestFailuresHaveOneShape: whatever turns a request away says so as JSON,
// with what to do next.
func TestFailuresHaveOneShape(t *testing.T) {
	p := serve(t)
	huge := strings.Repeat("x", 100_000)
	for _, c := range []struct {
		name, method, path, body string
		code                     int
		header                   []string
	}{
		{"no such address", "GET", "/nothing", "", 404, nil},
		{"not this way", "PATCH", "/workspace", "", 405, nil},
		{"no token", "GET", "/workspace", "", 401, []string{"Authorization", ""}},
		{"another site", "GET", "/workspace", "", 403, []string{"Origin", "http://example.com"}},
		{"no such member", "POST", "/query", `{"sql":1,"` + huge + `":"` + huge + `"}`, 422, nil},
		{"no JSON", "POST", "/query", "{" + huge, 400, nil},
		{"another type", "POST", "/query", "x", 415, []string{"Content-Type", "text/plain"}},
		{"too much", "POST", "/query", `{"sql":"` + strings.Repeat("x", 17<<20) + `"}`, 413, nil},
	} {
		code, text, header := p.raw(c.method, c.path, c.body, c.header...)
		var f server.Failure
		if err := json.Unmarshal([]byte(text), &f); err != nil {
			t.Errorf("%s: %v: %.200s", c.name, err, text)
			continue
		}
		if code != c.code || f.Err.Message == "" || f.Err.Hint == "" || f.Err.Kind == "" || !strings.HasPrefix(header.Get("Content-Type"), "application/json") {
			t.Errorf("%s: %d %s %.300s", c.name, code, header.Get("Content-Type"), text)
		}
		if len(text) > 3000 {
			t.Errorf("%s: the answer has %d bytes", c.name, len(text))
		}
		if c.code == 405 && header.Get("Allow") == "" {
			t.Errorf("%s: it does not say what is allowed", c.name)
		}
	}
}

func TestFilesThatCannotBeEdited(t *testing.T) {
	p := serve(t)
	p.write("notebooks/latin.md", "# Caf\xe9\n")
	if f := p.fails(400, engine.Invalid, "GET", "/files?path=notebooks/latin.md", ""); f.Line != 1 || f.Column != 6 || !strings.Contains(f.Hint, "UTF-8") {
		t.Errorf("a file that is no UTF-8: %+v", f)
	}
	out := filepath.Join(t.TempDir(), "x.md")
	if err := os.WriteFile(out, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(out, filepath.Join(p.dir, "notebooks", "link.md")); err != nil {
		t.Skip(err)
	}
	if f := p.fails(400, engine.Invalid, "GET", "/files?path=notebooks/link.md", ""); !strings.Contains(f.Message, "link") {
		t.Errorf("a link that leads out: %+v", f)
	}
	for _, name := range []string{"a\u202egpj.md", "a\u200b.md", "a\u2066.md", "a\u2028.md"} {
		body, _ := json.Marshal(server.File{Path: "notebooks/" + name, Text: "x"})
		p.fails(400, engine.Invalid, "PUT", "/files", string(body))
	}
}

func TestWithThatWrites(t *testing.T) {
	p := serve(t)
	p.pull()
	f := p.fails(400, engine.Invalid, "POST", "/query", `{"sql":"WITH x AS (SELECT 1) DELETE FROM app_logs"}`)
	if !strings.Contains(f.Message, "not DELETE") || f.Column != 22 {
		t.Errorf("%+v", f)
	}
}

package file

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
)

// grow writes files into a folder; a value "-> x" makes a link to x.
func grow(t testing.TB, dir string, files map[string]string) string {
	t.Helper()
	for name, text := range files {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		var err error
		if to, link := strings.CutPrefix(text, "-> "); link {
			err = os.Symlink(to, at)
		} else {
			err = os.WriteFile(at, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func list(t testing.TB, s *Source) []engine.Object {
	t.Helper()
	var found []engine.Object
	if err := s.List(t.Context(), func(o engine.Object) bool { found = append(found, o); return true }); err != nil {
		t.Fatal(err)
	}
	return found
}

func keys(found []engine.Object) []string {
	var keys []string
	for _, o := range found {
		keys = append(keys, o.Key)
	}
	return keys
}

func TestList(t *testing.T) {
	dir := grow(t, t.TempDir(), map[string]string{
		"data/a.ndjson":           "1",
		"data/a/b.ndjson":         "22",
		"data/a-b/c.ndjson":       "333",
		"data/.hidden.ndjson":     "",
		"data/_temporary/0/x":     "",
		"data/_SUCCESS":           "",
		"data/a/.b.ndjson.crc":    "",
		"data/a/d.txt":            "",
		"data/empty.ndjson":       "",
		"other/e.ndjson":          "",
		"odd/x[1].json":           "",
		"odd/日本/ü.json":           "",
		"links/real/f.json":       "",
		"links/latest":            "-> real",
		"links/one.json":          "-> real/f.json",
		"links/loop":              "-> ..",
		"links/real/self":         "-> .",
		"links/away":              "-> ../other",
		"links/nowhere.json":      "-> missing.json",
		"twins/a/to-b":            "-> ../b",
		"twins/b/to-a":            "-> ../a",
		"twins/a/a.json":          "",
		"twins/b/b.json":          "",
		"twins/outside/only.json": "-> ../../odd/日本/ü.json",
	})
	if err := syscall.Mkfifo(filepath.Join(dir, "data", "pipe.ndjson"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		pattern string
		want    string
	}{
		{"data/**/*.ndjson", "data/a-b/c.ndjson data/a.ndjson data/a/b.ndjson data/empty.ndjson"},
		{"data", "data/a-b/c.ndjson data/a.ndjson data/a/b.ndjson data/a/d.txt data/empty.ndjson"},
		{"./data//a/", "data/a/b.ndjson data/a/d.txt"},
		{"data/a.ndjson", "data/a.ndjson"},
		{"data/.hidden.ndjson", "data/.hidden.ndjson"},
		{"data/*/b.*", "data/a/b.ndjson"},
		{"{data/a,other}/*.ndjson", "data/a/b.ndjson other/e.ndjson"},
		{`odd/x\[1\].json`, "odd/x[1].json"},
		{"odd/**", "odd/x[1].json odd/日本/ü.json"},
		{"other/../odd/*/ü*", "odd/日本/ü.json"},
		// The link away is followed, the loops are not, f.json is listed once,
		// by its own name.
		{"links", "links/away/e.ndjson links/nowhere.json links/real/f.json"},
		{"links/latest", "links/latest/f.json"},
		{"links/latest/*.json", "links/latest/f.json"},
		{"twins/**", "twins/a/a.json twins/b/b.json twins/outside/only.json"},
	} {
		s, err := New("files", dir, c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		found := list(t, s)
		if got := strings.Join(keys(found), " "); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.pattern, got, c.want)
		}
		for _, o := range found {
			if o.URL != filepath.Join(dir, o.Key) || s.Path(o) != o.URL || o.Source != "files" {
				t.Errorf("%+v lies at %s", o, s.Path(o))
			}
		}
	}
}

func TestKeysOutsideTheRoot(t *testing.T) {
	dir := grow(t, t.TempDir(), map[string]string{"shop/tidemark.yaml": "", "logs/a.json": "{}"})
	for pattern, want := range map[string]string{
		"../logs/*.json":        "../logs/a.json",
		dir + "/logs/*.json":    dir + "/logs/a.json",
		"../shop/../logs":       "../logs/a.json",
		dir + "/logs/a.json":    dir + "/logs/a.json",
		"..":                    "../logs/a.json ../shop/tidemark.yaml",
		"../{logs,shop}/*.json": "../logs/a.json",
	} {
		s, err := New("files", filepath.Join(dir, "shop"), pattern)
		if err != nil {
			t.Fatal(err)
		}
		found := list(t, s)
		if got := strings.Join(keys(found), " "); got != want {
			t.Errorf("%s: got %s, want %s", pattern, got, want)
			continue
		}
		if got := read(t, s, found[0]); got != "{}" {
			t.Errorf("%s: read %q", pattern, got)
		}
	}
}

func read(t testing.TB, s *Source, o engine.Object) string {
	t.Helper()
	r, err := s.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestFS(t *testing.T) {
	files := fstest.MapFS{"a/b/c.json": {Data: []byte("x")}, "a/d.json": {Data: []byte("yy")}, "e": {}}
	for pattern, want := range map[string]string{"a/**/*.json": "a/b/c.json a/d.json", ".": "a/b/c.json a/d.json e", "a/d.json": "a/d.json"} {
		s, err := NewFS("sample", files, pattern)
		if err != nil {
			t.Fatal(err)
		}
		found := list(t, s)
		if got := strings.Join(keys(found), " "); got != want {
			t.Errorf("%s: got %s, want %s", pattern, got, want)
		}
		if s.Path(found[0]) != "" {
			t.Errorf("%s has a place on the disk", found[0].Key)
		}
		for _, o := range found {
			if got := read(t, s, o); got != string(files[o.Key].Data) {
				t.Errorf("%s: read %q", o.Key, got)
			}
		}
	}
	if _, err := NewFS("sample", files, "../x"); engine.KindOf(err) != engine.Invalid {
		t.Errorf("a path out of the file system: %v", err)
	}
}

func TestErrors(t *testing.T) {
	dir := grow(t, t.TempDir(), map[string]string{"data/logs/a.json": "", "data/logs/b.json": "", "data/readme.md": "", "data/.git/x": ""})
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ pattern, message, hint string }{
		{"data/logz", "there is no file or folder data/logz", "did you mean data/logs?"},
		{"data/lgos/**/*.json", "there is no folder data/lgos", "did you mean data/logs?"},
		{"dta/logs/x/*.json", "there is no folder dta", "did you mean data?"},
		{"data/quite/else", "there is no folder data/quite", "change the path; data holds logs/, readme.md"},
		{"data/logs/*.parquet", "no file matches", "change the path; data/logs holds a.json, b.json"},
		{"data/readme.md/*", "there is no folder data/readme.md", "data/readme.md is a file; end the path there"},
		{"*.parquet", "no file matches", "change the path; the folder the path starts in holds data/, empty/"},
		{"empty", "no file matches", "empty is empty; put files there or change the path"},
		{"/nonsense/tide/*.json", "there is no folder /nonsense", ""},
	} {
		s, err := New("files", dir, c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		err = s.List(t.Context(), func(engine.Object) bool { return true })
		var e *engine.Error
		if !errors.As(err, &e) || e.Kind != engine.NotFound || !strings.HasSuffix(e.Error(), c.message) || !strings.Contains(e.Hint, c.hint) {
			t.Errorf("%s: %v (%s), hint %q", c.pattern, err, engine.KindOf(err), e.Hint)
		}
	}
	for _, bad := range []string{"", "a[b", "*/../x"} {
		if _, err := New("files", dir, bad); engine.KindOf(err) != engine.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// lockedFS refuses to read what is called locked.
type lockedFS struct{ fstest.MapFS }

func (l lockedFS) Open(name string) (fs.File, error) {
	if path.Base(name) == "locked" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return l.MapFS.Open(name)
}

func (l lockedFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if path.Base(name) == "locked" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return l.MapFS.ReadDir(name)
}

func (l lockedFS) Sub(string) (fs.FS, error) { return l, nil }

// What may not be read is told, never passed over.
func TestForbidden(t *testing.T) {
	files := lockedFS{fstest.MapFS{"a/locked/x.json": {}, "a/y.json": {}, "b/locked": {}}}
	s, err := NewFS("files", files, "**/*.json")
	if err != nil {
		t.Fatal(err)
	}
	err = s.List(t.Context(), func(engine.Object) bool { return true })
	var e *engine.Error
	if !errors.As(err, &e) || e.Kind != engine.Unavailable || e.Error() != "list a/locked: permission denied" || !strings.Contains(e.Hint, "right to read") {
		t.Errorf("a folder: %v, %+v", err, e)
	}
	if s, err = NewFS("files", files, "**/locked"); err != nil {
		t.Fatal(err)
	}
	o := s.object("b/locked", nil)
	info, _ := files.Stat("b/locked")
	o.ETag = etag(info)
	if _, err := s.Open(t.Context(), o); !errors.As(err, &e) || e.Kind != engine.Unavailable || !strings.Contains(e.Hint, "right to read") {
		t.Errorf("a file: %v", err)
	}
}

func TestConflict(t *testing.T) {
	dir := grow(t, t.TempDir(), map[string]string{"a.json": strings.Repeat("x", 100)})
	at := filepath.Join(dir, "a.json")
	s, err := New("files", dir, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string, flag int) {
		f, err := os.OpenFile(at, flag|os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteString(text)
		}
		if err = errors.Join(err, f.Close(), os.Chtimes(at, time.Time{}, time.Now().Add(time.Hour))); err != nil {
			t.Fatal(err)
		}
	}
	stale := list(t, s)[0]
	write("y", os.O_APPEND)
	if _, err := s.Open(t.Context(), stale); engine.KindOf(err) != engine.Conflict {
		t.Errorf("changed before it was opened: %v", err)
	}
	for name, change := range map[string]func(){
		"appended":    func() { write("y", os.O_APPEND) },
		"overwritten": func() { write("y", 0) },
		"truncated":   func() { write("y", os.O_TRUNC) },
	} {
		write(strings.Repeat("x", 100), os.O_TRUNC)
		r, err := s.Open(t.Context(), list(t, s)[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		os.Chtimes(at, time.Time{}, time.Unix(1, 0))
		change()
		if _, err := io.ReadAll(r); engine.KindOf(err) != engine.Conflict {
			t.Errorf("%s while it was read: %v", name, err)
		}
		r.Close()
	}
	gone := list(t, s)[0]
	os.Remove(at)
	if _, err := s.Open(t.Context(), gone); engine.KindOf(err) != engine.NotFound {
		t.Errorf("removed: %v", err)
	}
}

func TestOpenTakesOnlyItsOwn(t *testing.T) {
	dir := grow(t, t.TempDir(), map[string]string{"data/a.json": "", "secret.txt": "", "nowhere.json": "-> missing"})
	s, err := New("files", dir, "data/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"secret.txt", "data/../secret.txt", "data/../../x.json", "/etc/passwd", "data/x.txt", "data/a.json/"} {
		if _, err := s.Open(t.Context(), engine.Object{Key: key}); engine.KindOf(err) != engine.NotFound {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestCancel(t *testing.T) {
	dir := grow(t, t.TempDir(), map[string]string{"a.json": "x", "b.json": "y"})
	s, err := New("files", dir, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, err := s.Open(ctx, list(t, s)[0])
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cancel()
	if _, err := r.Read(make([]byte, 1)); engine.KindOf(err) != engine.Canceled {
		t.Errorf("read: %v", err)
	}
	if err := s.List(ctx, func(engine.Object) bool { return true }); engine.KindOf(err) != engine.Canceled {
		t.Errorf("list: %v", err)
	}
	calls := 0
	if err := s.List(t.Context(), func(engine.Object) bool { calls++; return false }); err != nil || calls != 1 {
		t.Errorf("a listing that was left after one object: %d calls, %v", calls, err)
	}
}

// A listing is the sorted set of the files that were written, whatever their
// names, and each key leads back to its bytes.
func TestListIsWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-c-]{1,3}(/[a-cé*\[]{1,3}){0,3}\.x`), 1, 12, rapid.ID).Draw(t, "names")
		files := fstest.MapFS{}
		for _, name := range names {
			files[name] = &fstest.MapFile{Data: []byte(name)}
		}
		s, err := NewFS("files", files, "**/*.x")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		err = s.List(context.Background(), func(o engine.Object) bool {
			got = append(got, o.Key)
			r, err := s.Open(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(r); err != nil || string(text) != o.Key {
				t.Fatalf("%s holds %q, %v", o.Key, text, err)
			}
			return true
		})
		if slices.Sort(names); err != nil || !slices.Equal(got, names) {
			t.Fatalf("got %q, want %q, %v", got, names, err)
		}
	})
}

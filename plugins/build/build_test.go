package build_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/plugins"
	"tidemark.dev/tidemark/plugins/build"
)

// begin begins a plugin and compiles it; a test without the compiler is
// skipped, and says so.
func begin(t *testing.T, language build.Language, kind string) *plugins.Plugin {
	t.Helper()
	return beginWith(t, language, kind, "")
}

// beginWith begins one with another source.
func beginWith(t *testing.T, language build.Language, kind, text string) *plugins.Plugin {
	t.Helper()
	dir := t.TempDir()
	if _, err := build.New(dir, "sample", language, kind); err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(dir, "sample")
	source(t, root, text)
	if language == build.AssemblyScript {
		modules, err := filepath.Abs("../../sdk/assemblyscript/node_modules")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(modules, filepath.Join(root, "node_modules")); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(root, "sample.wasm")
	err := build.Build(t.Context(), root, out, build.SDK{})
	if errors.Is(err, build.ErrToolchain) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	wasm, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	host, err := plugins.NewHost(t.Context(), plugins.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := host.Load(t.Context(), "sample", wasm, plugins.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(context.Background()); host.Close(context.Background()) })
	return p
}

func texts(name string, values ...string) engine.Column {
	c := engine.Column{Name: name, Type: engine.Varchar, Offsets: []uint32{0}}
	for _, v := range values {
		c.Bytes = append(c.Bytes, v...)
		c.Offsets = append(c.Offsets, uint32(len(c.Bytes)))
	}
	return c
}

// TestScaffolds begins a plugin of each kind in each language, compiles it with
// the ordinary compiler, and runs it in the real host: all languages must
// answer alike.
func TestScaffolds(t *testing.T) {
	for _, language := range build.Languages {
		t.Run(string(language), func(t *testing.T) {
			t.Run("function", func(t *testing.T) { function(t, begin(t, language, "function")) })
			t.Run("transform", func(t *testing.T) { transform(t, begin(t, language, "transform")) })
			t.Run("decoder", func(t *testing.T) { decoder(t, begin(t, language, "decoder")) })
		})
	}
}

func function(t *testing.T, p *plugins.Plugin) {
	var values, want []string
	for i := range 3000 {
		values = append(values, fmt.Sprint("Row ", i, strings.Repeat("x", i%97)))
		want = append(want, strings.ToUpper(values[i]))
	}
	for range 3 { // the buffers are used again
		v, err := p.Call(t.Context(), "sample", []engine.Column{texts("text", values...)}, len(values))
		if err != nil || len(v.Errors) > 0 {
			t.Fatal(err, v.Errors)
		}
		for i := range want {
			if got := string(v.Column.Text(i)); got != want[i] {
				t.Fatalf("row %d is %q, want %q", i, got, want[i])
			}
		}
	}
}

func transform(t *testing.T, p *plugins.Plugin) {
	level := texts("level", "INFO", "DEBUG", "", "WARN")
	level.Null = []bool{false, false, true, false}
	r, err := p.Transform(t.Context(), []engine.Column{level, texts("message", "took 15ms", "noise", "took 7ms", "nothing")}, 4)
	if err != nil || len(r.Rejected) > 0 {
		t.Fatal(err, r)
	}
	var got []string
	for i, src := range r.Src {
		v := "null"
		if !r.Columns[0].IsNull(i) {
			v = fmt.Sprint(r.Columns[0].Ints[i])
		}
		got = append(got, fmt.Sprint(src, " ", v))
	}
	if s := strings.Join(got, ", "); s != "0 15, 2 7, 3 null" {
		t.Errorf("got %s", s)
	}
}

func decoder(t *testing.T, p *plugins.Plugin) {
	var got []string
	err := p.Decode(t.Context(), strings.NewReader("INFO|hello \"you\"\r\n\nno record\nWARN|\xff|x\nWARN|last"), func(d plugins.Decoded) error {
		if d.Problem != "" {
			got = append(got, fmt.Sprintf("%q: %s", d.Raw, d.Problem[strings.Index(d.Problem, "): ")+3:]))
		} else {
			got = append(got, string(d.JSON))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`{"level":"INFO","message":"hello \"you\""}`, `"no record": a line is LEVEL|message`}
	if len(got) != 4 || got[0] != want[0] || got[1] != want[1] || got[3] != `{"level":"WARN","message":"last"}` {
		t.Errorf("got %q", got)
	}
	// A line that is no UTF-8 harms only itself.
	if !strings.Contains(got[2], "UTF-8") && !strings.Contains(got[2], "LEVEL|message") && !strings.Contains(got[2], "\ufffd") {
		t.Errorf("got %s", got[2])
	}
}

package imports

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// root is the module's, seen from here.
const root = "../.."

func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	edges, err := Edges(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	if len(edges) < 100 {
		t.Fatalf("only %d imports found below %s: is that the module?", len(edges), root)
	}
	for _, v := range Check(edges) {
		t.Error(v)
	}
}

// TestTheTwoPrograms: tidemark brings no toolkit along, and its window nothing
// of the module but what the two say to each other.
func TestTheTwoPrograms(t *testing.T) {
	t.Parallel()
	edges, err := Edges(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	const duckdb, toolkit = "github.com/duckdb/duckdb-go/v2", "github.com/wailsapp/wails/v2"
	main, window := Reach(edges, "."), Reach(edges, "app/desktop/window")
	if !slices.Contains(main, duckdb) || !slices.Contains(window, toolkit) {
		t.Fatalf("tidemark is made of %d packages and its window of %d, without what they are there for", len(main), len(window))
	}
	for _, pkg := range main {
		if strings.HasPrefix(pkg, "github.com/wailsapp/") || pkg == Module+"/app/desktop/window" {
			t.Errorf("tidemark links %s", pkg)
		}
	}
	for _, pkg := range window {
		own := pkg == Module+"/app/desktop/wire" || pkg == Module+"/app/workspace/atomicfile"
		if !own && !standard(pkg) && !strings.HasPrefix(pkg, "github.com/wailsapp/") {
			t.Errorf("the window links %s", pkg)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		from, to string
		why      string // part of the reason; "" when it may be
	}{
		{"app/cli", Module + "/engine/store", ""},
		{"app/cli", Module + "/plugins", ""},
		{".", Module + "/app/cli", ""},
		{"engine/rule", Module + "/engine/plan", ""},
		{"engine/rule", "github.com/expr-lang/expr/ast", ""},
		{"engine/pipeline", Module + "/engine/schema", ""},
		{"engine/source/s3", Module + "/engine/source/glob", ""},
		{"engine/store", Module + "/engine/store/cage", ""},
		{"engine/store/cage", "github.com/duckdb/duckdb-go/v2", ""},
		{"internal/bench", Module + "/app/workbench", ""},
		{"app/cli", Module + "/frontend", ""},
		{"engine", "context", ""},

		{"engine", Module + "/engine/plan", "imports no other package"},
		{"engine", "golang.org/x/sync/errgroup", "standard library only"},
		{"engine/plan", Module + "/engine/rule", "it must not depend on one of them"},
		{"engine/plan", "github.com/DataDog/sketches-go/ddsketch", "standard library only"},
		{"engine/rule", Module + "/engine/store", "wired in app"},
		{"engine/schema", Module + "/engine/format", "wired in app"},
		{"engine/pipeline", Module + "/engine/store", "come in through its interfaces"},
		{"engine/pipeline", Module + "/plugins", "come in through its interfaces"},
		{"engine/source/file", Module + "/engine/source/s3", "bytes and positions"},
		{"engine/schema", Module + "/app/workspace", "wired in app"},
		{"engine/schemas", "github.com/duckdb/duckdb-go/v2", "one place holds its locks"},
		{"engine/storefront", "github.com/duckdb/duckdb-go/v2", "one place holds its locks"},
		{"app/server", "github.com/duckdb/duckdb-go/v2", "one place holds its locks"},
		{"app/server", "github.com/expr-lang/expr", "what its plan means"},
		{"app/server", "github.com/tetratelabs/wazero/api", "one wall"},
		{"app/server", "github.com/wailsapp/wails/v2", "tested in a browser"},
		{"app/desktop", "github.com/wailsapp/wails/v2", "tested in a browser"},
		{"app/desktop/window", "github.com/wailsapp/wails/v2", ""},
		{"app/desktop/window", Module + "/app/desktop/wire", ""},
		{"app/desktop/window", Module + "/engine", "none of the engine"},
		{"app/desktop/window", Module + "/app/workspace", "none of the engine"},
		{"app/desktop/wire", Module + "/engine", "imports no other package"},
		{"app/server", Module + "/internal/s3server", "only tests and benchmarks"},
		{"plugins", Module + "/engine/pipeline", "not who stores"},
		{"plugins/wasi", "C", "without a C compiler"},
		{"samples", Module + "/engine/store", "prove nothing"},
		{".", Module + "/engine", "main starts the program"},
		{"frontend", Module + "/app/server", "files"},
		{"util", Module + "/engine", "no layer"},
	} {
		why := judge(Edge{From: test.from, To: test.to})
		if (why == "") != (test.why == "") || !strings.Contains(why, test.why) {
			t.Errorf("%s imports %s: got %q, want %q", test.from, test.to, why, test.why)
		}
	}
}

// TestAForbiddenImportIsFound reads a made-up tree, with what the go command
// passes over.
func TestAForbiddenImportIsFound(t *testing.T) {
	t.Parallel()
	const bad = "package x\n\nimport (\n\t\"context\"\n\t_ \"" + Module + "/engine/store\"\n)\n"
	edges, err := Edges(fstest.MapFS{
		"go.mod":                        {Data: []byte("module " + Module)},
		"engine/window/step_windows.go": {Data: []byte("//go:build windows\n\n" + bad)},
		"engine/window/step_test.go":    {Data: []byte(bad)},
		"engine/window/testdata/x.go":   {Data: []byte(bad)},
		"engine/.hidden/x.go":           {Data: []byte(bad)},
		"sdk/go/go.mod":                 {Data: []byte("module other")},
		"sdk/go/x.go":                   {Data: []byte(bad)},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range Check(edges) {
		got = append(got, v.String())
	}
	want := []string{"engine/window/step_windows.go:7: engine/window imports " + Module + "/engine/store: " +
		"engine/... may import engine, engine/plan: parts of the engine meet in engine's types and are wired in app"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRulesHaveReasons(t *testing.T) {
	t.Parallel()
	for _, l := range layers {
		if l.why == "" {
			t.Errorf("layer %s has no reason", l.from)
		}
	}
	for _, o := range owners {
		if o.why == "" || len(o.by) == 0 {
			t.Errorf("owner of %s: no reason, or nobody", o.of)
		}
	}
}

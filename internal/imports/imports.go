// Package imports knows which package may import which, and why not. Its test
// reads every Go file of the module, whatever platform or build tag it is for,
// and fails on an import that points the wrong way.
//
// Test files are free: a test may put any parts together.
package imports

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Module is the path of the main module.
const Module = "tidemark.dev/tidemark"

// Edge is one import in one file. From and, for packages of the module, To
// are folders relative to its root; "." is the root.
type Edge struct {
	From, To string
	At       string // file:line
}

// Violation is an edge that may not be, and the reason.
type Violation struct {
	Edge
	Why string
}

func (v Violation) String() string {
	return v.At + ": " + v.From + " imports " + v.To + ": " + v.Why
}

// layer says which packages of the module a package may import. The first
// layer whose From matches counts.
type layer struct {
	from string
	may  []string
	why  string
}

// A pattern is a package, or with /... also everything below it.
var layers = []layer{
	{
		"engine",
		nil,
		"engine holds the words all parts share, so everything would come along with whatever it imports",
	},
	{
		"engine/plan",
		[]string{"engine"},
		"a plan means the same in SQL, in the row evaluator and in every export; it must not depend on one of them",
	},
	{
		"engine/pipeline/...",
		[]string{"engine", "engine/plan", "engine/format", "engine/schema"},
		"the pipeline composes the functions of format and schema; sources, store and plugins come in through its interfaces",
	},
	{
		"engine/source/...",
		[]string{"engine", "engine/plan", "engine/source/glob"},
		"sources yield bytes and positions; what the bytes mean is the business of format and schema, and app wires them",
	},
	{
		"engine/store/...",
		[]string{"engine", "engine/plan", "engine/store/..."},
		"the store keeps what it is given; siblings meet in engine's types and are wired in app",
	},
	{
		"engine/export/...",
		[]string{"engine", "engine/plan", "engine/export"},
		"a copy of a rule is written from its plan alone; whoever replays one knows how it is written",
	},
	{
		"engine/...",
		[]string{"engine", "engine/plan"},
		"parts of the engine meet in engine's types and are wired in app",
	},
	{
		"sdk/...",
		[]string{"sdk/..."},
		"what authors of plugins build on goes into their plugins, and nothing of ours with it",
	},
	{
		"plugins/src/...",
		[]string{"sdk/..."},
		"a bundled plugin is a plugin like any other",
	},
	{
		"plugins/...",
		[]string{"engine", "plugins/...", "sdk"},
		"the plugin host knows columns and records, not who stores or pulls them",
	},
	{
		"samples/...",
		[]string{"engine", "samples/..."},
		"the sample data is what any shop might have; made with the engine it would prove nothing about it",
	},
	{
		"frontend",
		nil,
		"the page is files; what it shows comes over HTTP",
	},
	{
		".",
		[]string{"app/..."},
		"main starts the program and does nothing else",
	},
	{
		"app/desktop/wire",
		nil,
		"what two programs say to each other is in both, so everything would come along with whatever it imports",
	},
	{
		"app/desktop/window/...",
		[]string{"app/desktop/wire", "app/workspace/atomicfile"},
		"the window's program is the toolkit and none of the engine, which runs in the process beside it",
	},
	{
		"app/...",
		[]string{"app/...", "plugins/...", "engine/...", "samples/...", "frontend"},
		"internal/ holds what only tests and benchmarks need",
	},
	{
		"internal/bench/guests/columns/...",
		[]string{"internal/bench/guests/work", "sdk/..."},
		"what the benchmark measures is a plugin like any other",
	},
	{
		"internal/...",
		[]string{".", "app/...", "plugins/...", "engine/...", "samples/...", "frontend", "internal/..."},
		"tests and benchmarks may put any parts together",
	},
}

// owner says who alone may import a package from elsewhere.
type owner struct {
	of string
	by []string
	// why must read on after "is imported by X alone:".
	why string
}

// bench is a program for developers that compares us with the bare libraries.
const bench = "internal/bench/..."

// Of the patterns that a package matches the first counts.
var owners = []owner{
	{"github.com/duckdb/...", []string{"engine/store/...", bench}, "one place holds its locks, its limits and its quirks"},
	{"github.com/expr-lang/expr/...", []string{"engine/rule/..."}, "a rule means what its plan means, and nobody else may evaluate the expression"},
	{"github.com/tetratelabs/wazero/...", []string{"plugins/..."}, "the sandbox has one wall"},
	{"github.com/wailsapp/...", []string{"app/desktop/window/..."}, "everything else is tested in a browser, and starts without what the toolkit links"},
	{"github.com/redpanda-data/...", []string{"app/connect/...", "engine/export/parity", bench}, "whoever runs exported pipelines needs its engine, and nobody else does"},
	{"github.com/prometheus/client_golang/...", []string{"app/server/..."}, "metrics are one page of the server"},
	{"github.com/prometheus/...", []string{"engine/export/..."}, "its engine is what exported rules are replayed with, and brings many packages along"},
	{"github.com/spf13/...", []string{"app/cli/..."}, "flags and verbs are the command line's"},
	{"github.com/goccy/go-yaml/...", []string{"app/workspace/yamlfile/..."}, "errors in a user's file name file, line and column, which is done in one place"},
	{"C", []string{"engine/store/...", "app/desktop/window/..."}, "all but the store and the window builds without a C compiler"},
}

// stdlibOnly lists the packages without dependencies from elsewhere.
var stdlibOnly = map[string]string{
	"engine":      "every package of the engine would inherit the dependency",
	"engine/plan": "every package of the engine may import it and would inherit the dependency",
}

// Check finds the edges that may not be.
func Check(edges []Edge) []Violation {
	var found []Violation
	for _, e := range edges {
		if why := judge(e); why != "" {
			found = append(found, Violation{e, why})
		}
	}
	return found
}

// judge gives the reason against an edge, or "".
func judge(e Edge) string {
	if own, ok := local(e.To); ok {
		return judgeLocal(e.From, own)
	}
	for _, o := range owners {
		if !matches(o.of, e.To) {
			continue
		}
		if !matchesAny(o.by, e.From) {
			return strings.TrimSuffix(o.of, "/...") + " is imported by " + strings.Join(o.by, " and ") + " alone: " + o.why
		}
		break
	}
	for pattern, why := range stdlibOnly {
		if matches(pattern, e.From) && !standard(e.To) {
			return pattern + " imports the standard library only: " + why
		}
	}
	return ""
}

func judgeLocal(from, to string) string {
	for _, l := range layers {
		if !matches(l.from, from) {
			continue
		}
		if from == to || matchesAny(l.may, to) {
			return ""
		}
		if len(l.may) == 0 {
			return l.from + " imports no other package of this module: " + l.why
		}
		return l.from + " may import " + strings.Join(l.may, ", ") + ": " + l.why
	}
	return "no layer in internal/imports has this package: say there what it may import, and why"
}

// local cuts the module's path off a package of the module.
func local(pkg string) (string, bool) {
	if pkg == Module {
		return ".", true
	}
	return strings.CutPrefix(pkg, Module+"/")
}

// standard reports whether a package is of the standard library: those alone
// have no dot in their first element. C is somebody else's code.
func standard(pkg string) bool {
	first, _, _ := strings.Cut(pkg, "/")
	return pkg != "C" && !strings.Contains(first, ".")
}

func matches(pattern, pkg string) bool {
	below, deep := strings.CutSuffix(pattern, "/...")
	return pkg == below || deep && strings.HasPrefix(pkg, below+"/")
}

func matchesAny(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, pkg) })
}

// Reach gives the paths of all packages that a folder of the module brings along
// by the edges. Packages of others are not looked into.
func Reach(edges []Edge, from string) []string {
	of := map[string][]string{}
	for _, e := range edges {
		of[e.From] = append(of[e.From], e.To)
	}
	seen := map[string]bool{}
	for todo := []string{from}; len(todo) > 0; todo = todo[1:] {
		for _, to := range of[todo[0]] {
			if seen[to] {
				continue
			}
			seen[to] = true
			if own, ok := local(to); ok {
				todo = append(todo, own)
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// Edges reads the imports of every Go file below root that is neither a test
// nor part of another module.
func Edges(root fs.FS) ([]Edge, error) {
	var edges []Edge
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if name != "." && foreign(root, name) {
				return fs.SkipDir
			}
			return nil
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		more, err := edgesOf(root, name)
		edges = append(edges, more...)
		return err
	})
	return edges, err
}

// foreign reports whether a folder holds nothing of the module, by the rules
// of the go command.
func foreign(root fs.FS, name string) bool {
	base := path.Base(name)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "node_modules" || base == "vendor" {
		return true
	}
	_, err := fs.Stat(root, path.Join(name, "go.mod"))
	return err == nil
}

func edgesOf(root fs.FS, name string) ([]Edge, error) {
	src, err := fs.ReadFile(root, name)
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, name, src, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var edges []Edge
	for _, i := range f.Imports {
		to, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return nil, err
		}
		at := files.Position(i.Pos())
		edges = append(edges, Edge{From: path.Dir(name), To: to, At: name + ":" + strconv.Itoa(at.Line)})
	}
	return edges, nil
}

package yamlfile

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"tidemark.dev/tidemark/engine"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// sample has one field of every type that a file can be read into.
type sample struct {
	At     At
	Name   string                           `yaml:"name" doc:"What it is called."`
	Title  engine.Text                      `yaml:"title,omitempty"`
	Kind   string                           `yaml:"kind" enum:"tumbling|hopping"`
	On     bool                             `yaml:"on"`
	Count  int                              `yaml:"count"`
	Small  uint8                            `yaml:"small"`
	Ratio  *float64                         `yaml:"ratio"`
	Every  time.Duration                    `yaml:"every"`
	From   time.Time                        `yaml:"from"`
	Memory Size                             `yaml:"memory"`
	Tags   []string                         `yaml:"tags"`
	Labels map[string]string                `yaml:"labels"`
	Nested *inner                           `yaml:"nested"`
	Order  engine.Entries[inner]            `yaml:"order"`
	Exprs  engine.Entries[engine.Text]      `yaml:"exprs"`
	Any    any                              `yaml:"any"`
	Short  short                            `yaml:"short"`
	Deep   map[string]engine.Entries[[]any] `yaml:"deep"`
	hidden string                           //nolint:unused // unexported fields are not keys
	common `yaml:",inline"`
}

type common struct {
	Color string `yaml:"color"`
}

type inner struct {
	At    At
	Path  string `yaml:"path"`
	Match string `yaml:"match"`
}

// short may be written as one word.
type short struct {
	Every time.Duration `yaml:"every"`
	Never bool          `yaml:"never"`
}

func (s *short) SetScalar(t engine.Text) error {
	if t.Value != "never" {
		return t.At(0, "unknown word %s", t.Value).WithHint("write never or {every: D}")
	}
	s.Never = true
	return nil
}

const full = `# every key
name: shop
title: "a \"quoted\" title"
kind: hopping
on: true
count: -3
small: 0xff
ratio: 0.5
every: 1h30m
from: 2026-01-02T03:04:05Z
memory: 2GB
tags: [a, "b", 3]
labels: {k: v}
nested:
  path: p
order:
  zeta: {path: z}
  alpha: {match: a}
exprs: {n: count(), total: "sum(v, w)"}
any: {a: [1, 2.5, text, "5", null, true]}
short: never
deep: {x: {y: [1]}}
color: blue
`

func TestDecodeFillsEveryType(t *testing.T) {
	var got sample
	if err := Decode("full.yaml", []byte(full), &got); err != nil {
		t.Fatal(err)
	}
	half := 0.5
	want := sample{
		Name: "shop", Kind: "hopping", On: true, Count: -3, Small: 255, Ratio: &half, Every: 90 * time.Minute,
		Title:  engine.Text{Value: `a "quoted" title`, File: "full.yaml", Line: 3, Column: 9, Excerpt: `title: "a \"quoted\" title"`},
		From:   time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Memory: 2_000_000_000, Tags: []string{"a", "b", "3"}, Labels: map[string]string{"k": "v"},
		Nested: &inner{Path: "p"}, Short: short{Never: true},
		Any:    map[string]any{"a": []any{int64(1), 2.5, "text", "5", nil, true}},
		common: common{Color: "blue"},
	}
	ignore := cmp.Options{
		cmpopts.IgnoreTypes(At{}), cmpopts.IgnoreFields(sample{}, "Order", "Exprs", "Deep", "hidden"),
		cmp.AllowUnexported(sample{}, common{}),
	}
	if diff := cmp.Diff(want, got, ignore); diff != "" {
		t.Error(diff)
	}
	order := []string{got.Order[0].Key.Value, got.Order[1].Key.Value, got.Exprs[1].Key.Value, got.Exprs[1].Value.Value}
	if diff := cmp.Diff([]string{"zeta", "alpha", "total", "sum(v, w)"}, order); diff != "" {
		t.Error(diff)
	}
}

func TestPositionsNameTheFirstCharacterOfTheValue(t *testing.T) {
	for _, tt := range []struct {
		src       string
		line, col int
	}{
		{"title: plain", 1, 8},
		{"title: 'single'", 1, 9},
		{`title: "double"`, 1, 9},
		{"\n\ntitle:\n  next line", 4, 3},
		{"title: |\n  block\n   more", 2, 3},
		{"title: >-\n\n    folded\n    text", 2, 5},
		{"{title: flow}", 1, 9},
		{"{\"title\": \"flöw\"}", 1, 12},
		{"name: ü\r\ntitle: x\r\n", 2, 8},
		{"\ufefftitle: x", 1, 8},
		{"x: &a hello\ntitle: *a", 1, 7},
	} {
		var got struct {
			Name  string      `yaml:"name"`
			X     string      `yaml:"x"`
			Title engine.Text `yaml:"title"`
		}
		if err := DecodeAt("f.md", 10, []byte(tt.src), &got); err != nil {
			t.Errorf("%q: %v", tt.src, err)
		}
		if got.Title.Line != tt.line+10 || got.Title.Column != tt.col {
			t.Errorf("%q: at %d:%d, want %d:%d", tt.src, got.Title.Line, got.Title.Column, tt.line+10, tt.col)
		}
	}
}

func TestAtKnowsKeysAndValues(t *testing.T) {
	var got sample
	if err := Decode("f.yaml", []byte("name: a\nnested: {path: x}\n"), &got); err != nil {
		t.Fatal(err)
	}
	if !got.At.Has("name") || got.At.Has("kind") || len(got.At.Keys()) != 2 {
		t.Errorf("keys: %v", got.At.Keys())
	}
	at := func(x engine.Text) [2]int { return [2]int{x.Line, x.Column} }
	if k, v, none := at(got.Nested.At.Key("path")), at(got.Nested.At.Value("path")), at(got.Nested.At.Value("match")); k != [2]int{2, 10} || v != [2]int{2, 16} || none != [2]int{2, 9} {
		t.Error(k, v, none)
	}
}

// TestProblems compares what is said about each broken file with
// testdata/problems.txtar: input NAME.yaml, output NAME.out.
func TestProblems(t *testing.T) {
	file := filepath.Join("testdata", "problems.txtar")
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, f := range ar.Files {
		want[f.Name] = string(f.Data)
	}
	out := &txtar.Archive{Comment: ar.Comment}
	for _, f := range ar.Files {
		name, ok := strings.CutSuffix(f.Name, ".yaml")
		if !ok {
			continue
		}
		got := render(Decode(f.Name, f.Data, &sample{}))
		out.Files = append(out.Files, f, txtar.File{Name: name + ".out", Data: []byte(got)})
		if !*update && got != want[name+".out"] {
			t.Errorf("%s:\n%s", f.Name, cmp.Diff(want[name+".out"], got))
		}
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func render(err error) string {
	var b strings.Builder
	for _, e := range flatten(err) {
		var x *engine.Error
		if !errors.As(e, &x) || x.Kind != engine.Invalid || x.Line == 0 || x.File == "" {
			return fmt.Sprintf("NOT A PLACED ERROR: %#v", e)
		}
		fmt.Fprintf(&b, "%s\n", x)
		if c := x.Caret(); c != "" {
			fmt.Fprintf(&b, "%s\n", c)
		}
		if x.Hint != "" {
			fmt.Fprintf(&b, "-> %s\n", x.Hint)
		}
	}
	return b.String()
}

func flatten(err error) []error {
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		return j.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

func TestHostileFilesAreRefusedQuickly(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'l'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", c-1), 10), ", "))
	}
	for name, src := range map[string]string{
		"alias bomb":   bomb,
		"deep flow":    strings.Repeat("[", 500_000),
		"deep maps":    strings.Repeat("{a: ", 200_000),
		"deep lists":   strings.Repeat("- ", 300_000),
		"deep keys":    strings.Repeat("? ", 300_000),
		"many tags":    strings.Repeat("!a ", 300_000),
		"many anchors": strings.Repeat("&a ", 300_000),
		"too large":    strings.Repeat("a", MaxSize+1),
		"self":         "a: &a [*a]",
		"many keys":    strings.Repeat("a: 1\n", 10_000),
		"NUL":          "a: \x00",
		"not UTF-8":    "a: \xff",
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			out := map[string]any{}
			if err := Decode("f.yaml", []byte(src), &out); engine.KindOf(err) != engine.Invalid {
				t.Errorf("got %v", err)
			}
			if d := time.Since(start); d > time.Minute {
				t.Errorf("took %s", d)
			}
		})
	}
}

func TestExpandReachesValuesOnly(t *testing.T) {
	d := Decoder{File: "f.yaml", Expand: func(x engine.Text) (string, error) {
		if x.Value == "$missing" {
			return "", engine.Errorf(engine.Invalid, "", "no such variable")
		}
		return strings.ReplaceAll(x.Value, "$n", "7"), nil
	}}
	var got map[string]any
	if err := d.Decode([]byte("$n: [$n, x$n, \"$n\"]"), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"$n": []any{int64(7), "x7", "7"}}, got); diff != "" {
		t.Error(diff)
	}
	err := d.Decode([]byte("a: 1\nb: $missing"), &got)
	if err == nil || !strings.HasPrefix(err.Error(), "f.yaml:2:4: no such variable") {
		t.Error(err)
	}
}

func TestSizesReadBack(t *testing.T) {
	for in, want := range map[string]Size{"2GB": 2e9, "512MiB": 512 << 20, "1.5 gib": 3 << 29, "10": 10, "0": 0, "7b": 7} {
		got, err := ParseSize(in)
		if err != nil || got != want {
			t.Errorf("%q: %d, %v", in, got, err)
		}
		if again, err := ParseSize(got.String()); err != nil || again != got {
			t.Errorf("%q: wrote %q, read %d, %v", in, got, again, err)
		}
	}
	for _, in := range []string{"", "GB", "-1GB", "1XB", "1e300TB", "NaN"} {
		if got, err := ParseSize(in); err == nil {
			t.Errorf("%q: %d", in, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(full)
	for _, s := range []string{"a: &x [1]\nb: *x\n<<: {c: 1}", "? [a]\n: b", "a: |\n", "- - -\n", "a: !!x 1", "---\n---\n", "%YAML 1.2\n---\na", "a: 'x\n\n y'", "{a, b: }", "<<: *x", "\"\": 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		for _, out := range []any{&sample{}, &map[string]any{}, reflect.New(reflect.TypeFor[any]()).Interface()} {
			for _, e := range flatten(Decode("f.yaml", []byte(src), out)) {
				var x *engine.Error
				if !errors.As(e, &x) || x.Line < 1 || x.Column < 1 || x.File == "" {
					t.Fatalf("error without a place: %v", e)
				}
				_ = x.Caret()
			}
		}
	})
}

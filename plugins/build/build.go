// Package build makes plugins from source: it begins new ones, finds the
// compilers of this machine and runs them. What a plugin is, and what runs it,
// is the business of package plugins.
package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/plugins"
)

// Language is what a plugin is written in.
type Language string

// The languages that have an SDK.
const (
	Go             Language = "go"
	Rust           Language = "rust"
	AssemblyScript Language = "assemblyscript"
	C              Language = "c"
)

// Languages lists them.
var Languages = []Language{Go, Rust, AssemblyScript, C}

// ErrToolchain says that the compiler of a language is missing; its hint says
// how to get it.
var ErrToolchain = errors.New("the compiler is missing")

func missing(language Language, what, how string) error {
	return engine.Errorf(engine.Unavailable, "build plugin", "%w: %s needs %s", ErrToolchain, language, what).WithHint("%s", how)
}

// Detect tells which language the sources in a folder are in, and gives the
// file that compiling begins with.
func Detect(dir string) (Language, string, error) {
	for _, c := range []struct {
		language Language
		patterns []string
	}{
		{Go, []string{"main.go"}},
		{Rust, []string{"src/lib.rs", "*.rs"}},
		{AssemblyScript, []string{"assembly/index.ts", "*.ts"}},
		{C, []string{"plugin.c", "*.c"}},
	} {
		for _, p := range c.patterns {
			found, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(p)))
			if err == nil && len(found) > 0 {
				return c.language, found[0], nil
			}
		}
	}
	return "", "", engine.Errorf(engine.NotFound, "build plugin", "there is no plugin's source in %s", dir).
		WithHint("begin one with: tidemark plugin new NAME --lang rust --kind function")
}

// SDK says where the SDKs lie; empty is beside the plugin, where New puts them.
type SDK struct{ Dir string }

// Build compiles the plugin in a folder to a module.
func Build(ctx context.Context, dir, out string, sdk SDK) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	language, main, err := Detect(dir)
	if err != nil {
		return err
	}
	if out, err = filepath.Abs(out); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return engine.Errorf(engine.Unavailable, "build plugin", "%w", err)
	}
	work, err := os.MkdirTemp("", "tidemark-build-")
	if err != nil {
		return engine.Errorf(engine.Unavailable, "build plugin", "%w", err)
	}
	defer os.RemoveAll(work)
	made := filepath.Join(work, "plugin.wasm")
	if err := compilers[language](ctx, job{dir: dir, main: main, out: made, work: work, sdk: sdk}); err != nil {
		return err
	}
	wasm, err := os.ReadFile(made)
	if err == nil {
		err = replace(out, carrying(ctx, wasm))
	}
	if err != nil {
		return engine.Errorf(engine.Unavailable, "build plugin", "%w", err)
	}
	return nil
}

// carrying gives the module with its manifest in a section, so that people can
// read what it is before they let it run. One that does not load goes as it is:
// tidemark plugin test says why.
func carrying(ctx context.Context, wasm []byte) []byte {
	host, err := plugins.NewHost(ctx, plugins.Options{})
	if err != nil {
		return wasm
	}
	defer host.Close(context.WithoutCancel(ctx))
	p, err := host.Load(ctx, "built", wasm, plugins.Settings{})
	if err != nil {
		return wasm
	}
	defer p.Close(context.WithoutCancel(ctx))
	if out, err := p.Carrying(wasm); err == nil {
		return out
	}
	return wasm
}

// replace writes a file whole or not at all: it may be in use.
func replace(path string, b []byte) error {
	if err := os.WriteFile(path+".tmp", b, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}

// job is one plugin to compile.
type job struct {
	dir, main, out, work string
	sdk                  SDK
}

var compilers = map[Language]func(context.Context, job) error{
	Go: buildGo, Rust: buildRust, AssemblyScript: buildAssemblyScript, C: buildC,
}

// run starts a compiler, and shows what it says when it fails.
func run(ctx context.Context, dir string, env []string, program string, args ...string) error {
	c := exec.CommandContext(ctx, program, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), env...)
	said, err := c.CombinedOutput()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return engine.Errorf(engine.Canceled, "build plugin", "%w", ctx.Err())
	}
	text := strings.TrimSpace(string(said))
	if text == "" {
		text = err.Error()
	}
	return engine.Errorf(engine.Invalid, "build plugin", "%s\n%s", fmt.Sprintf("%s says:", filepath.Base(program)), text)
}

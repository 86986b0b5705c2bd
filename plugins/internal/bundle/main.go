// Command bundle builds the bundled plugins from plugins/src, and writes beside
// each what it says of itself. One whose compiler is missing is left out, and
// that is said. It is run at the top of the repository.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/plugins"
	"tidemark.dev/tidemark/plugins/build"
)

func main() {
	failed := false
	for _, name := range os.Args[1:] {
		err := bundle(context.Background(), name)
		switch {
		case errors.Is(err, build.ErrToolchain):
			fmt.Fprintf(os.Stderr, "plugins: LEFT OUT %s: %v\n  %s\n", name, err, hint(err))
		case err != nil:
			fmt.Fprintf(os.Stderr, "plugins: %s: %v\n", name, err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

func hint(err error) string {
	var e *engine.Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}

func bundle(ctx context.Context, name string) error {
	dir := filepath.Join("plugins", "src", name)
	out := filepath.Join("plugins", "bundled", name)
	language, _, err := build.Detect(dir)
	if err != nil {
		return err
	}
	sdk, err := filepath.Abs("sdk")
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "plugins: building %s.wasm (%s)\n", out, language)
	if err := build.Build(ctx, dir, out+".wasm", build.SDK{Dir: sdk}); err != nil {
		return err
	}
	return describe(ctx, name, out)
}

func describe(ctx context.Context, name, out string) error {
	wasm, err := os.ReadFile(out + ".wasm")
	if err != nil {
		return err
	}
	host, err := plugins.NewHost(ctx, plugins.Options{})
	if err != nil {
		return err
	}
	defer host.Close(ctx)
	p, err := host.Load(ctx, name, wasm, plugins.Settings{})
	if err != nil {
		return err
	}
	defer p.Close(ctx)
	text, err := json.Marshal(p.Info())
	if err != nil {
		return err
	}
	return os.WriteFile(out+".json", append(text, '\n'), 0o644)
}

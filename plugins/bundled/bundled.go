// Package bundled holds the plugins that come with the program, compiled from
// the sources in plugins/src by make build.
package bundled

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed *
var files embed.FS

// Lookup gives a bundled plugin's module; ok is false when there is none, or
// when it has not been built.
func Lookup(name string) (wasm []byte, ok bool) {
	wasm, err := fs.ReadFile(files, name+".wasm")
	return wasm, err == nil
}

// About is what a bundled plugin says of itself, as JSON, so that it need not
// be loaded for that; nil when there is none.
func About(name string) []byte {
	text, _ := fs.ReadFile(files, name+".json")
	return text
}

// Names lists the bundled plugins that were built, by name.
func Names() []string {
	var names []string
	found, _ := fs.Glob(files, "*.wasm") // the pattern is well formed
	for _, f := range found {
		names = append(names, strings.TrimSuffix(f, ".wasm"))
	}
	return names
}

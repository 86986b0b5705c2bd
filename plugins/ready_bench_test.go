package plugins_test

import (
	"testing"

	"tidemark.dev/tidemark/plugins"
	"tidemark.dev/tidemark/plugins/bundled"
)

// BenchmarkReady is how long a plugin takes to be ready when it was compiled
// before: each round is a new host on the same folder.
func BenchmarkReady(b *testing.B) {
	dir := b.TempDir()
	for _, name := range bundled.Names() {
		wasm, _ := bundled.Lookup(name)
		ready := func() {
			host := must(plugins.NewHost(b.Context(), plugins.Options{CacheDir: dir}))
			must(host.Load(b.Context(), name, wasm, plugins.Settings{}))
			host.Close(b.Context())
		}
		ready()
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				ready()
			}
		})
	}
}

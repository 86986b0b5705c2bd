//go:build unix

package plugins_test

import (
	"syscall"
	"testing"
	"time"

	"tidemark.dev/tidemark/plugins"
	"tidemark.dev/tidemark/plugins/bundled"
)

// cpuTime is what this process has used of the processors: on a busy machine it
// says more than the clock.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

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
			began := cpuTime()
			for b.Loop() {
				ready()
			}
			b.ReportMetric(float64((cpuTime()-began).Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
}

package plugins_test

import (
	"fmt"
	"testing"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/plugins"
)

// BenchmarkCall is one chunk of DuckDB through mask_pii, beside the same in Go.
func BenchmarkCall(b *testing.B) {
	p := come(b, "mask_pii", plugins.Settings{})
	values := make([]string, 2048)
	for i := range values {
		values[i] = fmt.Sprintf("user ann%d@example.com from 10.0.%d.7 took %dms for checkout of cart, and the rest of a message that is long enough", i, i%250, i)
	}
	in := []engine.Column{texts("text", values...)}
	b.Run("plugin", func(b *testing.B) {
		for b.Loop() {
			must(p.Call(b.Context(), "mask_pii", in, len(values)))
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(values)), "ns/row")
	})
	b.Run("native", func(b *testing.B) {
		var out []byte
		for b.Loop() {
			out = out[:0]
			for _, v := range values {
				out = nativeMask(out, []byte(v))
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(values)), "ns/row")
	})
}

package plugins_test

import (
	"fmt"
	"testing"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/plugins"
	. "tidemark.dev/tidemark/plugins/internal/wasmtest"
)

// BenchmarkPoison is what 8,192 records cost that have one among them that
// traps, beside as many that have none.
func BenchmarkPoison(b *testing.B) {
	host := must(plugins.NewHost(b.Context(), plugins.Options{}))
	defer host.Close(b.Context())
	p := must(host.Load(b.Context(), "echo", echo(Unreachable).Bytes(), plugins.Settings{}))
	defer p.Close(b.Context())
	for _, poison := range []int{0, 1} {
		values := make([]string, 8192)
		for i := range values {
			values[i] = fmt.Sprintf("record %d of a batch, with a message that is about as long as messages are", i)
		}
		if poison > 0 {
			values[5000] = "!"
		}
		in := []engine.Column{texts("message", values...)}
		b.Run(fmt.Sprint(poison), func(b *testing.B) {
			for b.Loop() {
				r := must(p.Transform(b.Context(), in, len(values)))
				if len(r.Rejected) != poison || len(r.Src) != len(values)-poison {
					b.Fatalf("%d rejected, %d made", len(r.Rejected), len(r.Src))
				}
			}
		})
	}
}

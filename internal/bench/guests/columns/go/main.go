// The work of the benchmark as a plugin in Go.
package main

import (
	"tidemark.dev/tidemark/internal/bench/guests/work"
	"tidemark.dev/tidemark/sdk/go/tm"
)

func init() {
	tm.Plugin("work", "1.0.0")
	tm.Transform("work", "message:utf8,level:utf8", "message:utf8,took_ms:i64", func(r tm.Row, out *tm.Out) error {
		if !work.Keeps(r.Bytes(1)) {
			return nil
		}
		out.Emit()
		var took int64
		out.Append(0, func(b []byte) []byte {
			b, took = work.Mask(b, r.Bytes(0))
			return b
		})
		if took >= 0 {
			out.Int(1, took)
		}
		return nil
	})
}

func main() {}

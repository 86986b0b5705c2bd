package main

import (
	"tidemark.dev/tidemark/internal/bench/guests/work"
	"tidemark.dev/tidemark/sdk/go/tm"
)

// stops are what the host finds: to walk over all bytes is slow in Go.
var stops tm.Set

func init() {
	for b := range stops {
		switch always, first, inWord := work.Stops(byte(b)); {
		case always:
			stops[b] = tm.Found
		case first:
			stops[b] = tm.First | tm.Word
		case inWord:
			stops[b] = tm.Word
		}
	}
	tm.Plugin("work", "1.0.0")
	tm.Natives("bytes")
	tm.Transform("work", "message:utf8,level:utf8", "message:utf8,took_ms:i64", func(r tm.Row, out *tm.Out) error {
		if !work.Keeps(r.Bytes(1)) {
			return nil
		}
		out.Emit()
		var took int64
		out.Append(0, func(b []byte) []byte {
			b, took = work.MaskAt(b, r.Bytes(0), r.Find(0, &stops))
			return b
		})
		if took >= 0 {
			out.Int(1, took)
		}
		return nil
	})
}

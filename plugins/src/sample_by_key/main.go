// sample_by_key keeps a share of the records, by a key: either all records of
// a key or none, so that a sampled trace or session stays whole. Errors can be
// kept all the same.
package main

import (
	"encoding/json"
	"hash/fnv"
	"math"
	"strings"

	"tidemark.dev/tidemark/sdk/go/tm"
)

const schema = `{
	"type": "object", "additionalProperties": false,
	"properties": {
		"keep": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.1, "description": "The share of keys to keep: 0.1 is one in ten."},
		"seed": {"type": "string", "default": "", "description": "Another seed keeps other keys."},
		"always": {"type": "array", "items": {"type": "string"}, "default": ["ERROR", "FATAL"], "description": "Levels whose records are kept whatever their key."}
	}
}`

var config = struct {
	Keep   float64  `json:"keep"`
	Seed   string   `json:"seed"`
	Always []string `json:"always"`
}{Keep: 0.1, Always: []string{"ERROR", "FATAL"}}

func init() {
	tm.Plugin("sample_by_key", "1.0.0")
	tm.Config(schema, func(text []byte) error { return json.Unmarshal(text, &config) })
	tm.Transform("sample_by_key", "trace_id:utf8,level:utf8", "", func(r tm.Row, out *tm.Out) error {
		if r.IsNull(0) || always(r.Bytes(1)) || kept(r.Bytes(0)) {
			out.Emit()
		}
		return nil
	})
	tm.Function("sampled", "key:utf8,share:f64", "kept:bool", func(r tm.Row, out *tm.Out) error {
		out.Bool(0, below(r.Bytes(0), r.Float(1)))
		return nil
	})
}

func always(level []byte) bool {
	for _, l := range config.Always {
		if strings.EqualFold(l, string(level)) {
			return true
		}
	}
	return false
}

func kept(key []byte) bool { return below(key, config.Keep) }

// below reports whether a key's hash lies in the share of all hashes.
func below(key []byte, share float64) bool {
	h := fnv.New64a()
	h.Write([]byte(config.Seed))
	h.Write(key)
	// FNV's upper bits hardly differ for short keys: mix them.
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x) < share*math.MaxUint64
}

func main() {}

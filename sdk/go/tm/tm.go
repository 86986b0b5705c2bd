// Package tm writes Tidemark plugins in plain Go, compiled with
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o shout.wasm .
//
// A plugin names itself and its functions in init, and has an empty main:
//
//	func init() {
//		tm.Plugin("shout", "1.0.0")
//		tm.Function("shout", "text:utf8", "loud:utf8", func(r tm.Row, out *tm.Out) error {
//			out.Text(0, strings.ToUpper(r.Text(0)))
//			return nil
//		})
//	}
//
//	func main() {}
//
// A function is called for one row after the other. It reads its inputs and
// gives its outputs by number; what is given no value is null. An error rejects
// the row with that reason. What it makes of a row must depend on the row and
// the configuration alone.
package tm

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Call is what a plugin's function does with one row.
type Call func(r Row, out *Out) error

type field struct {
	Field string `json:"field"`
	Type  string `json:"type"`
}

type function struct {
	Name    string  `json:"name"`
	Kind    string  `json:"kind"`
	Doc     string  `json:"doc,omitempty"`
	Inputs  []field `json:"inputs"`
	Outputs []field `json:"outputs"`
	Framing string  `json:"framing,omitempty"`

	call Call
}

var plugin struct {
	name, version, schema string
	natives               []string
	functions             []*function
	start                 func(config []byte) error
}

// Plugin names the plugin and its version, of the form 1.2.3.
func Plugin(name, version string) { plugin.name, plugin.version = name, version }

// Natives asks for work that the host does: "regex" for Find and Replace, "json"
// for JSON, "bytes" for Row.Find.
func Natives(words ...string) { plugin.natives = append(plugin.natives, words...) }

// Config gives the JSON Schema of the configuration, and what to do with one:
// the host has checked it against the schema.
func Config(schema string, start func(config []byte) error) {
	plugin.schema, plugin.start = schema, start
}

// Function adds a function of SQL. Inputs and output are "name:type" with
// commas between; types are bool, i64, f64, utf8, timestamp and json.
func Function(name, inputs, output string, call Call) { add(name, "function", inputs, output, call) }

// Transform adds a transform of records, which calls Emit for each it makes.
func Transform(name, inputs, outputs string, call Call) {
	add(name, "transform", inputs, outputs, call)
}

// Decoder adds a decoder of lines, whose input 0 is the line. It calls Emit
// for each record it makes.
func Decoder(name, outputs string, call Call) { add(name, "decoder", "", outputs, call) }

func add(name, kind, inputs, outputs string, call Call) {
	f := &function{Name: name, Kind: kind, Inputs: fields(inputs), Outputs: fields(outputs), call: call}
	if kind == "decoder" {
		f.Framing = "line"
	}
	plugin.functions = append(plugin.functions, f)
}

func fields(list string) []field {
	out := []field{}
	for _, f := range strings.Split(list, ",") {
		if name, kind, ok := strings.Cut(strings.TrimSpace(f), ":"); ok {
			out = append(out, field{name, kind})
		}
	}
	return out
}

func manifest() []byte {
	m := map[string]any{"name": plugin.name, "version": plugin.version, "abi": "1.1", "deterministic": true, "functions": plugin.functions}
	if len(plugin.natives) > 0 {
		m["abi"], m["natives"] = "1.2", plugin.natives
	}
	if plugin.schema != "" {
		m["config"] = json.RawMessage(plugin.schema)
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("the manifest cannot be written: %v", err))
	}
	return text
}

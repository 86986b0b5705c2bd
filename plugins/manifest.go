package plugins

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Field is a value that crosses the border: a table path, or a name of the
// plugin's own where it is bound to paths later.
type Field struct {
	Field string `json:"field"`
	Type  string `json:"type"`
}

// Kind is the field's type in an engine.Column; bytes are a Varchar that need
// not be UTF-8.
func (f Field) Kind() engine.TypeKind { return kinds[wireTypes[f.Type]] }

// The kinds of function.
const (
	KindTransform = "transform" // records to records
	KindFunction  = "function"  // a scalar function of SQL
	KindDecoder   = "decoder"   // bytes to records
)

// How the bytes of an object are cut before a decoder sees them.
const (
	FramingLine = "line" // one row is one line, without its end
	FramingNone = "none" // one row is a piece of the object
)

// Record is the output of a decoder that is a whole record, as JSON.
const Record = "$record"

// Function is one function of a plugin.
type Function struct {
	Name    string  `json:"name"`
	Kind    string  `json:"kind"`
	Doc     string  `json:"doc,omitempty"`
	Inputs  []Field `json:"inputs"`
	Outputs []Field `json:"outputs"`
	// Nulls is "pass" when a function of SQL wants to see nulls; without it,
	// null in is null out.
	Nulls string `json:"nulls,omitempty"`
	// Framing is a decoder's.
	Framing string `json:"framing,omitempty"`
}

// manifest is what a plugin says of itself. Unknown keys are refused, so that
// a plugin made for a later host fails loudly on this one.
type manifest struct {
	Name          string           `json:"name"`
	Version       string           `json:"version"`
	ABI           string           `json:"abi"`
	Functions     []Function       `json:"functions"`
	Config        json.RawMessage  `json:"config,omitempty"` // a JSON Schema
	Limits        map[string]int64 `json:"limits,omitempty"`
	Natives       []string         `json:"natives,omitempty"` // work of the host's that it wants
	Deterministic bool             `json:"deterministic"`
}

var (
	pluginName = regexp.MustCompile(`^[a-z][a-z0-9_.]{0,63}$`)
	semver     = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(?:[-+][0-9A-Za-z.-]+)?$`)
)

func parseManifest(text []byte) (manifest, error) {
	var m manifest
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, fmt.Errorf("its manifest cannot be read: %s", clean(strings.TrimPrefix(err.Error(), "json: ")))
	}
	if _, err := d.Token(); err != io.EOF {
		return m, fmt.Errorf("its manifest goes on behind its end")
	}
	switch {
	case !pluginName.MatchString(m.Name):
		return m, fmt.Errorf("its manifest has no proper name")
	case !semver.MatchString(m.Version):
		return m, fmt.Errorf("its manifest has no version of the form 1.2.3")
	case m.ABI != "1.0" && m.ABI != "1.1" && m.ABI != "1.2":
		return m, fmt.Errorf("its manifest asks for ABI %s, this host has 1.2", clean(m.ABI))
	case len(m.Functions) == 0 || len(m.Functions) > maxFunctions:
		return m, fmt.Errorf("its manifest names %d functions, and must name 1 to %d", len(m.Functions), maxFunctions)
	}
	if err := m.checkWords(); err != nil {
		return m, err
	}
	return m, m.checkFunctions()
}

// checkFunctions refuses what would leave open which function is meant: a
// dataset names a plugin, and so does a source.
func (m manifest) checkFunctions() error {
	seen := map[string]bool{}
	count := map[string]int{}
	for _, f := range m.Functions {
		if err := f.check(); err != nil {
			return err
		}
		if key := f.Kind + " " + f.Name; seen[key] {
			return fmt.Errorf("its manifest names the %s twice", key)
		} else {
			seen[key] = true
		}
		if count[f.Kind]++; f.Kind != KindFunction && count[f.Kind] > 1 {
			return fmt.Errorf("its manifest names more than one %s", f.Kind)
		}
	}
	return nil
}

// index finds the only function of a kind.
func (m manifest) index(kind string) int {
	for i, f := range m.Functions {
		if f.Kind == kind {
			return i
		}
	}
	return -1
}

func (f Function) check() error {
	switch {
	case !pluginName.MatchString(f.Name):
		return fmt.Errorf("its function has no proper name")
	case f.Kind != KindTransform && f.Kind != KindFunction && f.Kind != KindDecoder:
		return fmt.Errorf("its function %s is of kind %q, which this version does not run", f.Name, clean(f.Kind))
	case len(f.Inputs) == 0 && f.Kind == KindTransform:
		return fmt.Errorf("its function %s has no inputs", f.Name)
	case len(f.Inputs)+len(f.Outputs) > maxFields:
		return fmt.Errorf("its function %s has more than %d fields", f.Name, maxFields)
	case f.Nulls != "" && (f.Nulls != "pass" || f.Kind != KindFunction):
		return fmt.Errorf("its function %s has nulls %q; only a function of SQL may have \"pass\"", f.Name, clean(f.Nulls))
	case f.Kind != KindDecoder && f.Framing != "":
		return fmt.Errorf("its function %s has framing, which is a decoder's", f.Name)
	}
	if err := f.checkFields(); err != nil {
		return err
	}
	switch f.Kind {
	case KindFunction:
		return f.checkScalar()
	case KindDecoder:
		return f.checkDecoder()
	}
	return nil
}

func (f Function) checkScalar() error {
	if len(f.Outputs) != 1 {
		return fmt.Errorf("its function %s has %d outputs instead of one", f.Name, len(f.Outputs))
	}
	if strings.Contains(f.Name, ".") {
		return fmt.Errorf("its function %s cannot be called in SQL: its name has a dot", f.Name)
	}
	return nil
}

// decoderInputs are what a decoder is given, by its framing.
var decoderInputs = map[string][]Field{
	FramingLine: {{"line", "bytes"}},
	FramingNone: {{"chunk", "bytes"}, {"eof", "bool"}},
}

func (f Function) checkDecoder() error {
	want := decoderInputs[f.Framing]
	switch {
	case want == nil:
		return fmt.Errorf("its decoder %s has framing %q; there are line and none", f.Name, clean(f.Framing))
	case len(f.Inputs) > 0 && !slices.Equal(f.Inputs, want):
		return fmt.Errorf("its decoder %s declares other inputs than framing %s gives", f.Name, f.Framing)
	case len(f.Outputs) == 0:
		return fmt.Errorf("its decoder %s has no outputs", f.Name)
	case len(f.Outputs) > 1 && slices.ContainsFunc(f.Outputs, func(x Field) bool { return x.Field == Record }):
		return fmt.Errorf("its decoder %s gives %s and fields beside it", f.Name, Record)
	case f.Outputs[0].Field == Record && f.Outputs[0].Type != "json":
		return fmt.Errorf("its decoder %s gives %s of type %s instead of json", f.Name, Record, clean(f.Outputs[0].Type))
	}
	return nil
}

// inputs are what a call is given.
func (f Function) inputs() []Field {
	if f.Kind == KindDecoder {
		return decoderInputs[f.Framing]
	}
	return f.Inputs
}

func (f Function) checkFields() error {
	for i, fields := range [][]Field{f.Inputs, f.Outputs} {
		seen := map[string]bool{}
		for _, x := range fields {
			if wireTypes[x.Type] == 0 || x.Type == "bytes" && (i > 0 || f.Kind != KindDecoder) {
				return fmt.Errorf("its function %s has a field of type %q", f.Name, clean(x.Type))
			}
			if x.Field == "" || seen[x.Field] {
				return fmt.Errorf("its function %s has the field %q twice or without a name", f.Name, clean(x.Field))
			}
			seen[x.Field] = true
		}
	}
	return nil
}

// fieldWise reports whether a function turns one text into one text, so that
// it can be bound to any number of fields.
func (f Function) fieldWise() bool {
	return f.Kind == KindTransform && len(f.Inputs) == 1 && len(f.Outputs) == 1 && f.Inputs[0] == f.Outputs[0] && f.Inputs[0].Type == "utf8"
}

package plugins

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Field is a value that crosses the border: a table path, or a name of the
// plugin's own where it is bound to paths later.
type Field struct {
	Field string `json:"field"`
	Type  string `json:"type"`
}

// Kind is the field's type in an engine.Column.
func (f Field) Kind() engine.TypeKind { return kinds[wireTypes[f.Type]] }

// Function is one function of a plugin.
type Function struct {
	Name    string  `json:"name"`
	Kind    string  `json:"kind"`
	Inputs  []Field `json:"inputs"`
	Outputs []Field `json:"outputs"`
}

// manifest is what a plugin says of itself. Unknown keys are refused, so that
// a plugin made for a later host fails loudly on this one.
type manifest struct {
	Name          string                     `json:"name"`
	Version       string                     `json:"version"`
	ABI           string                     `json:"abi"`
	Functions     []Function                 `json:"functions"`
	Config        map[string]json.RawMessage `json:"config,omitempty"`
	Limits        map[string]int64           `json:"limits,omitempty"`
	Deterministic bool                       `json:"deterministic"`
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
		return m, fmt.Errorf("its manifest cannot be read: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	switch {
	case !pluginName.MatchString(m.Name):
		return m, fmt.Errorf("its manifest has no proper name")
	case !semver.MatchString(m.Version):
		return m, fmt.Errorf("its manifest has no version of the form 1.2.3")
	case m.ABI != "1.0":
		return m, fmt.Errorf("its manifest asks for ABI %s, this host has 1.0", m.ABI)
	case len(m.Functions) == 0:
		return m, fmt.Errorf("its manifest names no function")
	}
	for _, f := range m.Functions {
		if f.Kind != "transform" {
			return m, fmt.Errorf("its function %s is of kind %s, which this version does not run", f.Name, f.Kind)
		}
		if len(f.Inputs) == 0 {
			return m, fmt.Errorf("its function %s has no inputs", f.Name)
		}
		for _, x := range append(f.Inputs[:len(f.Inputs):len(f.Inputs)], f.Outputs...) {
			if wireTypes[x.Type] == 0 {
				return m, fmt.Errorf("its function %s has a field of type %q", f.Name, x.Type)
			}
		}
	}
	return m, nil
}

// fieldWise reports whether a function turns one text into one text, so that
// it can be bound to any number of fields.
func (f Function) fieldWise() bool {
	return len(f.Inputs) == 1 && len(f.Outputs) == 1 && f.Inputs[0] == f.Outputs[0] && f.Inputs[0].Type == "utf8"
}

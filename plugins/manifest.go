package plugins

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
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
	case m.ABI != "1.0":
		return m, fmt.Errorf("its manifest asks for ABI %s, this host has 1.0", clean(m.ABI))
	case len(m.Functions) != 1:
		return m, fmt.Errorf("its manifest names %d functions instead of one", len(m.Functions))
	}
	return m, m.Functions[0].check()
}

func (f Function) check() error {
	switch {
	case !pluginName.MatchString(f.Name):
		return fmt.Errorf("its function has no proper name")
	case f.Kind != "transform":
		return fmt.Errorf("its function %s is of kind %q, which this version does not run", f.Name, clean(f.Kind))
	case len(f.Inputs) == 0:
		return fmt.Errorf("its function %s has no inputs", f.Name)
	case len(f.Inputs)+len(f.Outputs) > maxFields:
		return fmt.Errorf("its function %s has more than %d fields", f.Name, maxFields)
	}
	for _, fields := range [][]Field{f.Inputs, f.Outputs} {
		seen := map[string]bool{}
		for _, x := range fields {
			if wireTypes[x.Type] == 0 || kinds[wireTypes[x.Type]] == engine.Unknown {
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
	return len(f.Inputs) == 1 && len(f.Outputs) == 1 && f.Inputs[0] == f.Outputs[0] && f.Inputs[0].Type == "utf8"
}

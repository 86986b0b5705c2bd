package plugins

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"tidemark.dev/tidemark/engine"
)

// schemaURL names a plugin's schema; nothing is there, and nothing is fetched.
const schemaURL = "plugin:///config"

// noLoader keeps schemas from naming others: a plugin has no files and no net.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) { return nil, errors.New("it names another schema") }

// compileSchema reads what a manifest says of the configuration.
func compileSchema(text json.RawMessage) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	if err := c.AddResource(schemaURL, doc); err != nil {
		return nil, err
	}
	return c.Compile(schemaURL)
}

// checkConfig says what of a configuration a plugin's schema does not allow.
func (m manifest) checkConfig(config []byte) error {
	if len(m.Config) == 0 {
		return nil
	}
	schema, err := compileSchema(m.Config)
	if err != nil {
		return fmt.Errorf("its manifest's config is no JSON Schema: %s", clean(firstLine(err)))
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(config))
	if err != nil {
		return err
	}
	var wrong *jsonschema.ValidationError
	if err := schema.Validate(doc); errors.As(err, &wrong) {
		return fmt.Errorf("its configuration is wrong: %s", clean(wrongConfig(wrong, schema)))
	}
	return nil
}

// wrongConfig finds the innermost reason.
func wrongConfig(e *jsonschema.ValidationError, s *jsonschema.Schema) string {
	for len(e.Causes) > 0 {
		e = e.Causes[0]
	}
	at := "config"
	if len(e.InstanceLocation) > 0 {
		at += "." + strings.Join(e.InstanceLocation, ".")
	}
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		text := fmt.Sprintf("%s: there is no setting %s", at, strings.Join(k.Properties, ", "))
		names := settingNames(s)
		if near := engine.Nearest(k.Properties[0], names); near != "" {
			return text + "; did you mean " + near + "?"
		}
		return text + "; there are " + strings.Join(names, ", ")
	case *kind.Type:
		return fmt.Sprintf("%s: must be %s, not %s", at, strings.Join(k.Want, " or "), k.Got)
	}
	text := e.Error()
	if i := strings.LastIndex(text, "': "); i >= 0 {
		text = text[i+3:]
	}
	return at + ": " + text
}

func settingNames(s *jsonschema.Schema) []string {
	var names []string
	for name := range s.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// CheckConfig says what of a configuration a plugin's JSON Schema does not
// allow.
func CheckConfig(schema json.RawMessage, config map[string]any) error {
	text, err := json.Marshal(config)
	if err != nil {
		return err
	}
	return manifest{Config: schema}.checkConfig(text)
}

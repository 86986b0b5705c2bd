package workspace

import (
	"maps"
	"slices"
	"strings"

	"tidemark.dev/tidemark/app/workspace/yamlfile"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/rule"
)

// schemas writes the JSON Schema of each kind of file.
var schemas = map[string]func() ([]byte, error){
	"workspace": func() ([]byte, error) {
		return yamlfile.Schema[Config](yamlfile.SchemaOptions{
			ID: schemaID("workspace"), Title: "Tidemark workspace",
			Description: "tidemark.yaml: sources, datasets, channels and limits.", Variables: true,
		})
	},
	"rule": func() ([]byte, error) {
		return yamlfile.Schema[rule.Spec](yamlfile.SchemaOptions{
			ID: schemaID("rule"), Title: "Tidemark rule",
			Description: "rules/*.yaml: what is watched, and when it is an alarm.",
		})
	},
	"test": func() ([]byte, error) {
		return yamlfile.Schema[TestFile](yamlfile.SchemaOptions{
			ID: schemaID("test"), Title: "Tidemark tests",
			Description: "tests/*.yaml: tests of rules, windows and alarms.",
		})
	},
	"dashboard": func() ([]byte, error) {
		return yamlfile.Schema[Dashboard](yamlfile.SchemaOptions{
			ID: schemaID("dashboard"), Title: "Tidemark dashboard",
			Description: "dashboards/*.yaml: rows of charts.",
		})
	},
}

func schemaID(kind string) string { return "https://tidemark.dev/schema/" + kind + ".json" }

// SchemaKinds lists what SchemaOf describes.
func SchemaKinds() []string { return slices.Sorted(maps.Keys(schemas)) }

// SchemaOf gives the JSON Schema (2020-12) of a kind of file.
func SchemaOf(kind string) ([]byte, error) {
	write, ok := schemas[kind]
	if !ok {
		e := engine.Errorf(engine.Invalid, "describe a file", "there is no kind of file named %s", engine.Ident(kind))
		return nil, e.WithHint("the kinds are %s", strings.Join(SchemaKinds(), ", "))
	}
	return write()
}

package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"tidemark.dev/tidemark/engine"
)

// Import reads a dataset's body from a JSON Schema or an Avro record schema,
// whichever the file is.
func Import(src []byte) (engine.Type, error) {
	d := json.NewDecoder(bytes.NewReader(src))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return engine.Type{}, engine.Errorf(engine.Invalid, "import a schema", "it is not JSON: %w", err)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return engine.Type{}, engine.Errorf(engine.Invalid, "import a schema", "it is not a JSON object")
	}
	i := &importer{}
	var t engine.Type
	if m["type"] == "record" {
		t = i.avro("", m, 0)
	} else {
		t = i.object("", m, 0)
	}
	if i.err != nil {
		return engine.Type{}, i.err
	}
	if t.Kind != engine.Struct {
		return engine.Type{}, engine.Errorf(engine.Invalid, "import a schema", "it does not describe an object")
	}
	return t, nil
}

// importer keeps the first thing that cannot be expressed.
type importer struct{ err error }

func (i *importer) refuse(at, format string, args ...any) engine.Type {
	if i.err == nil {
		if at == "" {
			at = "/"
		}
		i.err = engine.Errorf(engine.Inexpressible, "import a schema", "at %s: %s", at, fmt.Sprintf(format, args...)).
			WithHint("a path has one type; give it one, or leave it out and let it be found in the data")
	}
	return engine.Type{}
}

// object reads a JSON Schema.
func (i *importer) object(at string, m map[string]any, depth int) engine.Type {
	if depth > maxTypeDepth {
		return i.refuse(at, "it is nested too deeply")
	}
	for _, word := range []string{"oneOf", "anyOf", "allOf", "not", "$ref"} {
		if _, has := m[word]; has {
			return i.refuse(at, "%s is not supported", word)
		}
	}
	var kinds []string
	switch t := m["type"].(type) {
	case string:
		kinds = []string{t}
	case []any:
		for _, k := range t {
			kinds = append(kinds, fmt.Sprint(k))
		}
	}
	kinds = slices.DeleteFunc(kinds, func(k string) bool { return k == "null" })
	if len(kinds) == 0 && m["properties"] != nil {
		kinds = []string{"object"}
	}
	switch {
	case len(kinds) == 0:
		return engine.Type{}
	case len(kinds) == 2 && slices.Contains(kinds, "integer") && slices.Contains(kinds, "number"):
		return engine.Scalar(engine.Double)
	case len(kinds) > 1:
		return i.refuse(at, "it may be %v", kinds)
	}
	switch kinds[0] {
	case "boolean":
		return engine.Scalar(engine.Bool)
	case "integer":
		return engine.Scalar(engine.BigInt)
	case "number":
		return engine.Scalar(engine.Double)
	case "string":
		switch m["format"] {
		case "date-time":
			return engine.Scalar(engine.Timestamp)
		case "date":
			return engine.Scalar(engine.Date)
		case "uuid":
			return engine.Scalar(engine.UUID)
		}
		return engine.Scalar(engine.Varchar)
	case "array":
		items, _ := m["items"].(map[string]any)
		return engine.ListOf(i.object(at+"/items", items, depth+1))
	case "object":
		return i.properties(at, m, depth)
	}
	return i.refuse(at, "there is no type %q", kinds[0])
}

func (i *importer) properties(at string, m map[string]any, depth int) engine.Type {
	properties, has := m["properties"].(map[string]any)
	if more, ok := m["additionalProperties"].(map[string]any); ok && !has {
		return engine.MapOf(i.object(at+"/additionalProperties", more, depth+1))
	}
	t := engine.Type{Kind: engine.Struct}
	names := make([]string, 0, len(properties))
	for name := range properties {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		p, ok := properties[name].(map[string]any)
		if !ok {
			p = map[string]any{}
		}
		t.Fields = append(t.Fields, engine.Field{Name: name, Type: i.object(at+"/properties/"+name, p, depth+1)})
	}
	return t
}

// avro reads an Avro schema.
func (i *importer) avro(at string, v any, depth int) engine.Type {
	if depth > maxTypeDepth {
		return i.refuse(at, "it is nested too deeply")
	}
	switch s := v.(type) {
	case string:
		return i.avroScalar(at, s)
	case []any:
		rest := slices.DeleteFunc(slices.Clone(s), func(x any) bool { return x == "null" })
		if len(rest) != 1 {
			return i.refuse(at, "it is a union of %d types", len(rest))
		}
		return i.avro(at, rest[0], depth+1)
	case map[string]any:
		return i.avroComplex(at, s, depth)
	}
	return i.refuse(at, "it is no Avro schema")
}

func (i *importer) avroScalar(at, name string) engine.Type {
	switch name {
	case "boolean":
		return engine.Scalar(engine.Bool)
	case "int", "long":
		return engine.Scalar(engine.BigInt)
	case "float", "double":
		return engine.Scalar(engine.Double)
	case "string", "bytes":
		return engine.Scalar(engine.Varchar)
	}
	return i.refuse(at, "the type %q is not supported", name)
}

func (i *importer) avroComplex(at string, m map[string]any, depth int) engine.Type {
	switch m["logicalType"] {
	case "timestamp-micros", "timestamp-millis":
		return engine.Scalar(engine.Timestamp)
	case "date":
		return engine.Scalar(engine.Date)
	case "uuid":
		return engine.Scalar(engine.UUID)
	case "decimal":
		precision, scale := number(m["precision"]), number(m["scale"])
		switch {
		case precision == 39 && scale == 0:
			return engine.Scalar(engine.HugeInt)
		case precision < 1 || precision > 38 || scale < 0 || scale > precision:
			return i.refuse(at, "a decimal has 1 to 38 digits")
		}
		return engine.Type{Kind: engine.Decimal, Precision: uint8(precision), Scale: uint8(scale)}
	}
	switch m["type"] {
	case "record":
		t := engine.Type{Kind: engine.Struct}
		fields, _ := m["fields"].([]any)
		for _, f := range fields {
			f, _ := f.(map[string]any)
			name, _ := f["name"].(string)
			if doc, ok := f["doc"].(string); ok && avroName(doc) == name {
				name = doc
			}
			t.Fields = append(t.Fields, engine.Field{Name: name, Type: i.avro(at+"/fields/"+name, f["type"], depth+1)})
		}
		return t
	case "array":
		return engine.ListOf(i.avro(at+"/items", m["items"], depth+1))
	case "map":
		return engine.MapOf(i.avro(at+"/values", m["values"], depth+1))
	case "enum":
		return engine.Scalar(engine.Varchar)
	}
	return i.avro(at, m["type"], depth+1)
}

func number(v any) int64 {
	n, _ := v.(json.Number)
	i, _ := n.Int64()
	return i
}

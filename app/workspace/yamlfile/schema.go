package yamlfile

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// MappingForm is implemented by an engine.ScalarForm that a file may also
// write as a mapping with keys of the user's own.
type MappingForm interface {
	// MappingTarget points to where the mapping is read into.
	MappingTarget() any
}

var mappingFormType = reflect.TypeFor[MappingForm]()

// SchemaOptions says how a schema is written.
type SchemaOptions struct {
	ID, Title, Description string
	// Variables allows ${NAME} where a number or the like is wanted.
	Variables bool
}

// Schema describes, as JSON Schema 2020-12, the files that Decode reads into
// a T without complaint about their form.
func Schema[T any](o SchemaOptions) ([]byte, error) {
	s := schemaWriter{variables: o.Variables, defs: map[string]any{}, names: map[reflect.Type]string{}}
	root := s.fields(reflect.TypeFor[T]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = o.ID
	root["title"] = o.Title
	root["description"] = o.Description
	if len(s.defs) > 0 {
		root["$defs"] = s.defs
	}
	out, err := json.MarshalIndent(root, "", "  ")
	return append(out, '\n'), err
}

type object = map[string]any

type schemaWriter struct {
	variables bool
	defs      object
	names     map[reflect.Type]string
}

func (s *schemaWriter) schema(t reflect.Type) any {
	if t.Kind() == reflect.Pointer {
		return s.schema(t.Elem())
	}
	pointer := reflect.PointerTo(t)
	if !pointer.Implements(scalarFormType) {
		return s.plain(t)
	}
	forms := []any{object{"type": []string{"string", "number", "boolean"}}}
	switch {
	case pointer.Implements(mappingFormType):
		target := reflect.New(t).Interface().(MappingForm).MappingTarget()
		forms = append(forms, s.schema(reflect.TypeOf(target).Elem()))
	case t.Kind() != reflect.Struct || hasFields(t):
		forms = append(forms, s.plain(t))
	default:
		return forms[0]
	}
	return object{"anyOf": forms}
}

func hasFields(t reflect.Type) bool {
	fields, _ := fieldsOf(t)
	return len(fields) > 0
}

func (s *schemaWriter) plain(t reflect.Type) any {
	switch {
	case isScalar(t):
		return s.scalar(t)
	case isEntries(t):
		value, _ := t.Elem().FieldByName("Value")
		return object{"type": []string{"object", "null"}, "additionalProperties": s.schema(value.Type)}
	case t.Kind() == reflect.Map:
		return object{"type": []string{"object", "null"}, "additionalProperties": s.schema(t.Elem())}
	case t.Kind() == reflect.Slice:
		return object{"type": []string{"array", "null"}, "items": s.schema(t.Elem())}
	case t.Kind() == reflect.Struct:
		return s.reference(t)
	}
	return true
}

// reference puts a struct among the definitions, once.
func (s *schemaWriter) reference(t reflect.Type) any {
	name, ok := s.names[t]
	if !ok {
		name = t.Name()
		for i := 0; s.defs[name] != nil; i++ {
			name = t.Name() + strings.Repeat("_", i+1)
		}
		s.names[t], s.defs[name] = name, object{}
		s.defs[name] = s.fields(t)
	}
	return object{"$ref": "#/$defs/" + name}
}

func (s *schemaWriter) fields(t reflect.Type) object {
	properties := object{}
	fields, _ := fieldsOf(t)
	for _, f := range fields {
		properties[f.name] = s.field(t, f)
	}
	return object{"type": []string{"object", "null"}, "properties": properties, "additionalProperties": false}
}

func (s *schemaWriter) field(t reflect.Type, f field) any {
	described := object{}
	schema := s.schema(t.FieldByIndex(f.index).Type)
	if f.enum != nil {
		schema = s.orVariable(object{"enum": slices.Clone(f.enum)})
	}
	switch schema := schema.(type) {
	case object:
		described = schema
		if schema["$ref"] != nil && f.doc != "" {
			described = object{"allOf": []any{schema}}
		}
	}
	if f.doc != "" {
		described["description"] = f.doc
	}
	return described
}

func (s *schemaWriter) scalar(t reflect.Type) object {
	switch t {
	case durationType:
		return s.orVariable(object{"type": "string", "pattern": `^([0-9.]+(ms|us|s|m|h|d|w))+$`})
	case sizeType:
		return s.orVariable(object{"type": []string{"string", "integer"}, "pattern": `^[0-9.]+ *([kKmMgGtT]?[iI]?[bB])?$`})
	case timeType:
		return s.orVariable(object{"type": "string", "format": "date-time"})
	}
	switch t.Kind() {
	case reflect.Bool:
		return s.orVariable(object{"type": "boolean"})
	case reflect.Float32, reflect.Float64:
		return s.orVariable(object{"type": "number"})
	case reflect.String, reflect.Struct: // engine.Text
		return object{"type": []string{"string", "number", "boolean"}}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return s.orVariable(object{"type": "integer", "minimum": 0})
	}
	return s.orVariable(object{"type": "integer"})
}

func (s *schemaWriter) orVariable(schema object) object {
	if !s.variables {
		return schema
	}
	return object{"anyOf": []any{schema, object{"type": "string", "pattern": `\$\{[A-Za-z_][A-Za-z0-9_]*\}`}}}
}

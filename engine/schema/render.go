package schema

import (
	"encoding/json"
	"fmt"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// tableTypes lists the columns of a dataset's table: the envelope with body
// and rest in their place.
func tableTypes(body engine.Type) []engine.Field {
	var out []engine.Field
	for _, c := range engine.Envelope {
		out = append(out, engine.Field(c))
		if c.Name == "labels" {
			out = append(out, engine.Field{Name: "body", Type: body}, engine.Field{Name: "rest", Type: engine.Scalar(engine.JSON)})
		}
	}
	return out
}

// DuckDB writes a dataset's table as DuckDB DDL.
func DuckDB(name string, body engine.Type) string {
	var lines []string
	for _, c := range tableTypes(body) {
		lines = append(lines, "  "+engine.QuoteIdent(c.Name)+" "+c.Type.DuckDB())
	}
	return "CREATE TABLE " + engine.QuoteIdent(name) + " (\n" + strings.Join(lines, ",\n") + "\n);\n"
}

// Hive writes the columns of a dataset's table in Hive's and AWS Glue's
// types, a line each. Hive has no type for instants with a zone, 128-bit
// integers, UUIDs or JSON: they are timestamp, decimal(38,0), string and
// string.
func Hive(body engine.Type) string {
	var b strings.Builder
	for _, c := range tableTypes(body) {
		fmt.Fprintf(&b, "`%s` %s\n", strings.ReplaceAll(c.Name, "`", "``"), hiveType(c.Type))
	}
	return b.String()
}

func hiveType(t engine.Type) string {
	switch t.Kind {
	case engine.Bool:
		return "boolean"
	case engine.BigInt:
		return "bigint"
	case engine.HugeInt:
		return "decimal(38,0)"
	case engine.Decimal:
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	case engine.Double:
		return "double"
	case engine.Timestamp:
		return "timestamp"
	case engine.Date:
		return "date"
	case engine.List:
		return "array<" + hiveType(*t.Elem) + ">"
	case engine.Map:
		return "map<string," + hiveType(*t.Elem) + ">"
	case engine.Struct:
		var parts []string
		for _, f := range t.Fields {
			if f.Type.Known() {
				parts = append(parts, hiveName(f.Name)+":"+hiveType(f.Type))
			}
		}
		if len(parts) == 0 {
			return "struct<_:boolean>"
		}
		return "struct<" + strings.Join(parts, ",") + ">"
	}
	return "string"
}

// hiveName replaces what a Hive struct field cannot have in its name.
func hiveName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, s)
}

// JSONSchema writes what a record's body looks like as a JSON Schema
// (2020-12). Every member may be missing or null.
func JSONSchema(name string, body engine.Type) ([]byte, error) {
	s := jsonType(body)
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = name
	return indent(s)
}

func jsonType(t engine.Type) map[string]any {
	either := func(kind string) map[string]any { return map[string]any{"type": []string{kind, "null"}} }
	switch t.Kind {
	case engine.Bool:
		return either("boolean")
	case engine.BigInt:
		s := either("integer")
		s["minimum"], s["maximum"] = json.Number("-9223372036854775808"), json.Number("9223372036854775807")
		return s
	case engine.HugeInt:
		return either("integer")
	case engine.Decimal, engine.Double:
		return either("number")
	case engine.Timestamp, engine.Date, engine.UUID:
		s := either("string")
		s["format"] = map[engine.TypeKind]string{engine.Timestamp: "date-time", engine.Date: "date", engine.UUID: "uuid"}[t.Kind]
		return s
	case engine.Varchar:
		return either("string")
	case engine.List:
		s := either("array")
		s["items"] = jsonType(*t.Elem)
		return s
	case engine.Map:
		s := either("object")
		s["additionalProperties"] = jsonType(*t.Elem)
		return s
	case engine.Struct:
		s := either("object")
		properties := map[string]any{}
		for _, f := range t.Fields {
			properties[f.Name] = jsonType(f.Type)
		}
		s["properties"] = properties
		return s
	}
	return map[string]any{}
}

// Avro writes what a record's body looks like as an Avro 1.11 record. Names
// that Avro does not take are spelled with underscores, and the field's doc
// says the original. Paths without a type are left out.
func Avro(name string, body engine.Type) ([]byte, error) {
	return indent(avroRecord(avroName(name), body))
}

func avroRecord(path string, t engine.Type) map[string]any {
	fields := []any{}
	taken := map[string]bool{}
	for _, f := range t.Fields {
		if !f.Type.Known() {
			continue
		}
		name := avroName(f.Name)
		for taken[name] {
			name += "_"
		}
		taken[name] = true
		field := map[string]any{"name": name, "type": []any{"null", avroType(path+"_"+name, f.Type)}, "default": nil}
		if name != f.Name {
			field["doc"] = f.Name
		}
		fields = append(fields, field)
	}
	return map[string]any{"type": "record", "name": path, "fields": fields}
}

func avroType(path string, t engine.Type) any {
	switch t.Kind {
	case engine.Bool:
		return "boolean"
	case engine.BigInt:
		return "long"
	case engine.HugeInt:
		return map[string]any{"type": "bytes", "logicalType": "decimal", "precision": 39, "scale": 0}
	case engine.Decimal:
		return map[string]any{"type": "bytes", "logicalType": "decimal", "precision": t.Precision, "scale": t.Scale}
	case engine.Double:
		return "double"
	case engine.Timestamp:
		return map[string]any{"type": "long", "logicalType": "timestamp-micros"}
	case engine.Date:
		return map[string]any{"type": "int", "logicalType": "date"}
	case engine.UUID:
		return map[string]any{"type": "string", "logicalType": "uuid"}
	case engine.List:
		return map[string]any{"type": "array", "items": []any{"null", avroType(path, *t.Elem)}}
	case engine.Map:
		return map[string]any{"type": "map", "values": []any{"null", avroType(path, *t.Elem)}}
	case engine.Struct:
		return avroRecord(path, t)
	}
	return "string"
}

func avroName(s string) string {
	name := hiveName(s)
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		return "_" + name
	}
	return name
}

func indent(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	return append(b, '\n'), err
}

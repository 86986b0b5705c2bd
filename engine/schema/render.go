package schema

import (
	"bytes"
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

// Hive writes the columns of a dataset's table in Hive's types, a line each.
// Hive has no type for instants with a zone, 128-bit integers, UUIDs or JSON:
// they are timestamp, decimal(38,0), string and string.
func Hive(body engine.Type) string {
	var b strings.Builder
	for _, c := range tableTypes(body) {
		fmt.Fprintf(&b, "`%s` %s\n", strings.ReplaceAll(c.Name, "`", "``"), hiveType(c.Type))
	}
	return b.String()
}

// GlueColumn is a column as the AWS Glue catalog takes it in a table's storage
// descriptor.
type GlueColumn struct {
	Name string
	Type string
}

// Glue writes the columns of a dataset's table as the list that AWS Glue's
// CreateTable and UpdateTable take as Columns. Its types are Hive's.
func Glue(body engine.Type) ([]byte, error) {
	var columns []GlueColumn
	for _, c := range tableTypes(body) {
		columns = append(columns, GlueColumn{c.Name, hiveType(c.Type)})
	}
	return indent(columns)
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
		taken := map[string]bool{}
		for _, f := range t.Fields {
			if f.Type.Known() {
				parts = append(parts, unused(taken, strings.ToLower(hiveName(f.Name)))+":"+hiveType(f.Type))
			}
		}
		if len(parts) == 0 {
			return "struct<_:boolean>"
		}
		return "struct<" + strings.Join(parts, ",") + ">"
	}
	return "string"
}

// unused gives a name that is not taken yet, and takes it.
func unused(taken map[string]bool, name string) string {
	for taken[name] {
		name += "_"
	}
	taken[name] = true
	return name
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
		s := either("integer")
		s["minimum"], s["maximum"] = json.Number("-"+largestHuge), json.Number(largestHuge)
		return s
	case engine.Decimal:
		s := either("number")
		most := decimalText(strings.Repeat("9", int(t.Precision)), int(t.Scale))
		s["multipleOf"] = json.Number(decimalText("1", int(t.Scale)))
		s["minimum"], s["maximum"] = json.Number("-"+most), json.Number(most)
		return s
	case engine.Double:
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

// decimalText puts the point into digits, scale digits from their end.
func decimalText(digits string, scale int) string {
	if scale == 0 {
		return digits
	}
	digits = strings.Repeat("0", max(0, scale+1-len(digits))) + digits
	return digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}

// Avro writes what a record's body looks like as an Avro 1.11 record. Names
// that Avro does not take are spelled with underscores, and the field's doc
// says the original. Paths without a type are left out.
func Avro(name string, body engine.Type) ([]byte, error) {
	return indent((&avroWriter{taken: map[string]bool{}}).record(avroName(name), body))
}

// avroWriter gives each record a name of its own.
type avroWriter struct{ taken map[string]bool }

func (w *avroWriter) record(path string, t engine.Type) map[string]any {
	record := unused(w.taken, path)
	fields := []any{}
	taken := map[string]bool{}
	for _, f := range t.Fields {
		if !f.Type.Known() {
			continue
		}
		name := unused(taken, avroName(f.Name))
		field := map[string]any{"name": name, "type": []any{"null", w.typ(path+"_"+name, f.Type)}, "default": nil}
		if name != f.Name {
			field["doc"] = f.Name
		}
		fields = append(fields, field)
	}
	return map[string]any{"type": "record", "name": record, "fields": fields}
}

func (w *avroWriter) typ(path string, t engine.Type) any {
	remark := func(of, logical string) map[string]any { return map[string]any{"type": of, "logicalType": logical} }
	switch t.Kind {
	case engine.Bool:
		return "boolean"
	case engine.BigInt:
		return "long"
	case engine.HugeInt:
		d := remark("bytes", "decimal")
		d["precision"], d["scale"] = 39, 0
		return d
	case engine.Decimal:
		d := remark("bytes", "decimal")
		d["precision"], d["scale"] = t.Precision, t.Scale
		return d
	case engine.Double:
		return "double"
	case engine.Timestamp:
		return remark("long", "timestamp-micros")
	case engine.Date:
		return remark("int", "date")
	case engine.UUID:
		return remark("string", "uuid")
	case engine.JSON:
		return remark("string", "json") // no standard names it: other readers see text
	case engine.List:
		return map[string]any{"type": "array", "items": []any{"null", w.typ(path, *t.Elem)}}
	case engine.Map:
		return map[string]any{"type": "map", "values": []any{"null", w.typ(path, *t.Elem)}}
	case engine.Struct:
		return w.record(path, t)
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
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // Hive's types are full of < and >
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}

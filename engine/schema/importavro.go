package schema

import (
	"strings"

	"github.com/twmb/avro"

	"tidemark.dev/tidemark/engine"
)

func importAvro(i *importer, src []byte) (engine.Type, error) {
	s, err := avro.Parse(string(src))
	if err != nil {
		return engine.Type{}, engine.Errorf(engine.Invalid, "import a schema", "it is no valid Avro schema: %w", err)
	}
	return (&avroImporter{i, map[string]*avro.SchemaNode{}, map[string]bool{}}).typ("", s.Root(), 0), nil
}

// avroImporter knows the named types that it has come by.
type avroImporter struct {
	*importer
	named map[string]*avro.SchemaNode
	open  map[string]bool // those it is inside of
}

func (i *avroImporter) typ(at string, n *avro.SchemaNode, depth int) engine.Type {
	if depth > maxTypeDepth {
		return i.refuse(at, "it is nested too deeply")
	}
	if n.Name != "" {
		i.named[fullName(n)] = n
	}
	if t, ok := avroLogical(n); ok {
		if t.Kind == engine.Decimal && t.Precision == 0 {
			return i.refuse(at, "a decimal has 1 to 38 digits")
		}
		return t
	}
	switch n.Type {
	case "boolean":
		return engine.Scalar(engine.Bool)
	case "int", "long":
		return engine.Scalar(engine.BigInt)
	case "float", "double":
		return engine.Scalar(engine.Double)
	case "string", "bytes", "fixed", "enum":
		return engine.Scalar(engine.Varchar)
	case "array":
		return engine.ListOf(i.typ(at+"/items", n.Items, depth+1))
	case "map":
		return engine.MapOf(i.typ(at+"/values", n.Values, depth+1))
	case "record":
		return i.record(at, n, depth)
	case "union":
		return i.union(at, n, depth)
	}
	if i.open[n.Type] {
		return i.refuse(at, "it holds %s, which it is a part of", n.Type)
	}
	if named, ok := i.named[n.Type]; ok {
		return i.typ(at, named, depth+1)
	}
	return i.refuse(at, "the type %q is not supported", n.Type)
}

func fullName(n *avro.SchemaNode) string {
	if n.Namespace == "" {
		return n.Name
	}
	return n.Namespace + "." + n.Name
}

// avroLogical gives the types that Avro says as a remark on another one. A
// decimal that the lattice does not have comes without a precision.
func avroLogical(n *avro.SchemaNode) (engine.Type, bool) {
	switch n.LogicalType {
	case "timestamp-micros", "timestamp-millis", "timestamp-nanos", "local-timestamp-micros", "local-timestamp-millis", "local-timestamp-nanos":
		return engine.Scalar(engine.Timestamp), true
	case "date":
		return engine.Scalar(engine.Date), true
	case "uuid":
		return engine.Scalar(engine.UUID), true
	case "json":
		return engine.Scalar(engine.JSON), true
	case "decimal":
		switch {
		case n.Precision == 39 && n.Scale == 0:
			return engine.Scalar(engine.HugeInt), true
		case n.Precision > 38:
			return engine.Scalar(engine.Decimal), true
		}
		return engine.Type{Kind: engine.Decimal, Precision: uint8(n.Precision), Scale: uint8(n.Scale)}, true
	}
	return engine.Type{}, false
}

func (i *avroImporter) record(at string, n *avro.SchemaNode, depth int) engine.Type {
	if n.Name != "" {
		i.open[fullName(n)] = true
		defer delete(i.open, fullName(n))
	}
	var fields []engine.Field
	for j := range n.Fields {
		f := &n.Fields[j]
		name := f.Name
		if f.Doc != "" && strings.TrimRight(avroName(f.Doc), "_") == strings.TrimRight(f.Name, "_") { // we wrote it: see avroWriter
			name = f.Doc
		}
		fields = append(fields, engine.Field{Name: name, Type: i.typ(at+"/fields/"+f.Name, &f.Type, depth+1)})
	}
	return i.fields(at, fields)
}

// union takes a type that may also be null, and types that the lattice joins.
func (i *avroImporter) union(at string, n *avro.SchemaNode, depth int) engine.Type {
	var out engine.Type
	for j := range n.Branches {
		b := &n.Branches[j]
		if b.Type == "null" {
			continue
		}
		to, step := Meet(out, i.typ(at, b, depth+1))
		if step == Clashes || step == Looks {
			return i.refuse(at, "it is a union of types that no column holds together")
		}
		out = to
	}
	return out
}

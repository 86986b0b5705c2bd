package engine

import (
	"strconv"
	"strings"
)

// TypeKind names one element of the type lattice.
type TypeKind uint8

// The kinds of type. Unknown is the bottom: null, [] and {} have no type yet.
const (
	Unknown TypeKind = iota
	Bool
	BigInt
	HugeInt
	Decimal
	Double
	Timestamp // an instant, microseconds, UTC
	Date
	UUID
	Varchar
	List
	Struct
	Map // keys are varchar
	JSON
)

var typeNames = [...]string{
	"unknown", "bool", "bigint", "hugeint", "decimal", "double", "timestamp",
	"date", "uuid", "varchar", "list", "struct", "map", "json",
}

// String is the kind's name, as files and messages have it.
func (k TypeKind) String() string { return typeNames[k] }

// MarshalText writes the kind's name.
func (k TypeKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the kind's name.
func (k *TypeKind) UnmarshalText(b []byte) error {
	for i, name := range typeNames {
		if name == string(b) {
			*k = TypeKind(i)
			return nil
		}
	}
	return Errorf(Invalid, "", "%q is no type", b).WithHint("types are %s", strings.Join(typeNames[1:], ", "))
}

// Type is the type of a path. It is a value and must not be changed once
// shared: Elem and Fields may be shared between types.
type Type struct {
	Kind TypeKind `json:"type"`
	// Elem is a list's element type or a map's value type.
	Elem *Type `json:"of,omitempty"`
	// Fields are a struct's members in the order they were first seen.
	Fields []Field `json:"fields,omitempty"`
	// Precision and Scale belong to a decimal.
	Precision uint8 `json:"precision,omitempty"`
	Scale     uint8 `json:"scale,omitempty"`
	// AsText belongs to a varchar that a person has declared: it takes values of
	// all kinds, as the text that they are written as. Inference never sets it.
	AsText bool `json:"as_text,omitempty"`
}

// Field is a member of a struct.
type Field struct {
	Name string `json:"name"`
	Type Type   `json:"is"`
}

// Scalar makes a type without parameters.
func Scalar(k TypeKind) Type { return Type{Kind: k} }

// ListOf makes a list type.
func ListOf(elem Type) Type { return Type{Kind: List, Elem: &elem} }

// MapOf makes a map type with varchar keys.
func MapOf(value Type) Type { return Type{Kind: Map, Elem: &value} }

// StructOf makes a struct type.
func StructOf(fields ...Field) Type { return Type{Kind: Struct, Fields: fields} }

// Field finds a struct's member by its exact name.
func (t Type) Field(name string) (Type, bool) {
	for _, f := range t.Fields {
		if f.Name == name {
			return f.Type, true
		}
	}
	return Type{}, false
}

// Numeric reports whether values of t can be added.
func (t Type) Numeric() bool {
	switch t.Kind {
	case BigInt, HugeInt, Decimal, Double:
		return true
	}
	return false
}

// Equal reports whether two types are the same, order of members included.
func (t Type) Equal(u Type) bool {
	if t.Kind != u.Kind || t.Precision != u.Precision || t.Scale != u.Scale || t.AsText != u.AsText || len(t.Fields) != len(u.Fields) {
		return false
	}
	if (t.Elem == nil) != (u.Elem == nil) || t.Elem != nil && !t.Elem.Equal(*u.Elem) {
		return false
	}
	for i, f := range t.Fields {
		if f.Name != u.Fields[i].Name || !f.Type.Equal(u.Fields[i].Type) {
			return false
		}
	}
	return true
}

// Known reports whether the type can be stored as a column: an unknown, a
// list of unknown and a struct without a known member cannot, yet.
func (t Type) Known() bool {
	switch t.Kind {
	case Unknown:
		return false
	case List, Map:
		return t.Elem.Known()
	case Struct:
		for _, f := range t.Fields {
			if f.Type.Known() {
				return true
			}
		}
		return false
	}
	return true
}

// String writes the type as the registry and the schema verbs show it:
// "struct(a bigint, b list(varchar))".
func (t Type) String() string {
	switch t.Kind {
	case Decimal:
		return "decimal(" + strconv.Itoa(int(t.Precision)) + "," + strconv.Itoa(int(t.Scale)) + ")"
	case List, Map:
		return t.Kind.String() + "(" + t.Elem.String() + ")"
	case Struct:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = Ident(f.Name) + " " + f.Type.String()
		}
		return "struct(" + strings.Join(parts, ", ") + ")"
	}
	return t.Kind.String()
}

// DuckDB writes the column type that stores t. Members without a known type
// are left out; a struct without any is STRUCT(_ BOOLEAN).
func (t Type) DuckDB() string {
	switch t.Kind {
	case Bool:
		return "BOOLEAN"
	case BigInt:
		return "BIGINT"
	case HugeInt:
		return "HUGEINT"
	case Decimal:
		return "DECIMAL(" + strconv.Itoa(int(t.Precision)) + "," + strconv.Itoa(int(t.Scale)) + ")"
	case Double:
		return "DOUBLE"
	case Timestamp:
		return "TIMESTAMPTZ"
	case Date:
		return "DATE"
	case UUID:
		return "UUID"
	case Varchar:
		return "VARCHAR"
	case List:
		return t.Elem.DuckDB() + "[]"
	case Map:
		return "MAP(VARCHAR, " + t.Elem.DuckDB() + ")"
	case Struct:
		parts := []string{}
		for _, f := range t.Fields {
			if f.Type.Known() {
				parts = append(parts, QuoteIdent(f.Name)+" "+f.Type.DuckDB())
			}
		}
		if len(parts) == 0 {
			return "STRUCT(_ BOOLEAN)"
		}
		return "STRUCT(" + strings.Join(parts, ", ") + ")"
	}
	return "JSON"
}

// QuoteIdent writes a SQL identifier in double quotes.
func QuoteIdent(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// QuoteText writes a SQL string literal.
func QuoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// Ident writes a name bare where it is a plain word, else in double quotes.
func Ident(s string) string {
	for i, r := range s {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return QuoteIdent(s)
		}
	}
	if s == "" {
		return `""`
	}
	return s
}

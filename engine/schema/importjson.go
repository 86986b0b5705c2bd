package schema

import (
	"bytes"
	"errors"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tidemark.dev/tidemark/engine"
)

func importJSONSchema(i *importer, src []byte) (engine.Type, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(src))
	if err != nil {
		return engine.Type{}, engine.Errorf(engine.Invalid, "import a schema", "it is not JSON: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(nothingElse{})
	c.AssertFormat()
	const here = "schema:///"
	if err := c.AddResource(here, doc); err != nil {
		return engine.Type{}, engine.Errorf(engine.Invalid, "import a schema", "%w", err)
	}
	s, err := c.Compile(here)
	if err != nil {
		return engine.Type{}, engine.Errorf(engine.Invalid, "import a schema", "it is no valid JSON Schema: %w", err)
	}
	return i.schema(s, 0), nil
}

// nothingElse refuses what a schema refers to outside of its file.
type nothingElse struct{}

func (nothingElse) Load(string) (any, error) {
	return nil, errors.New("references to other files are not followed")
}

// pointer is the JSON pointer of a schema in its file.
func pointer(s *jsonschema.Schema) string {
	_, at, _ := strings.Cut(s.Location, "#")
	return at
}

// schema reads what a JSON Schema says of the type of a value; what it only
// says of which values are good does not matter here.
func (i *importer) schema(s *jsonschema.Schema, depth int) engine.Type {
	if depth > maxTypeDepth {
		return i.refuse(pointer(s), "it is nested too deeply, or holds itself")
	}
	if s.Not != nil || s.If != nil || s.RecursiveRef != nil || s.DynamicRef != nil {
		return i.refuse(pointer(s), "not, if and dynamic references are not supported")
	}
	out := i.own(s, depth)
	for _, other := range append(slices.Clone(s.AllOf), s.Ref) {
		if other != nil {
			out = i.meet(pointer(s), out, i.schema(other, depth+1))
		}
	}
	for _, choice := range [][]*jsonschema.Schema{s.AnyOf, s.OneOf} {
		var chosen engine.Type
		for _, other := range choice {
			chosen = i.meet(pointer(s), chosen, i.schema(other, depth+1))
		}
		out = i.meet(pointer(s), out, chosen)
	}
	return out
}

func (i *importer) meet(at string, t, u engine.Type) engine.Type {
	to, step := Meet(t, u)
	if step == Clashes || step == Looks {
		return i.refuse(at, "it may be %s or %s", t, u)
	}
	return to
}

// own is the type that a schema states itself.
func (i *importer) own(s *jsonschema.Schema, depth int) engine.Type {
	var kinds []string
	if s.Types != nil {
		kinds = slices.DeleteFunc(s.Types.ToStrings(), func(k string) bool { return k == "null" })
	} else if s.Properties != nil {
		kinds = []string{"object"}
	}
	slices.Sort(kinds)
	switch {
	case len(kinds) == 0:
		return i.examples(s)
	case slices.Equal(kinds, []string{"integer", "number"}):
		return engine.Scalar(engine.Double)
	case len(kinds) > 1:
		return i.refuse(pointer(s), "it may be %s", strings.Join(kinds, " or "))
	}
	switch kinds[0] {
	case "boolean":
		return engine.Scalar(engine.Bool)
	case "integer":
		return integerOf(s)
	case "number":
		return numberOf(s)
	case "string":
		return stringOf(s)
	case "array":
		return engine.ListOf(i.items(s, depth))
	}
	return i.properties(s, depth)
}

// examples types a schema that only lists its values.
func (i *importer) examples(s *jsonschema.Schema) engine.Type {
	var values []any
	if s.Const != nil {
		values = append(values, *s.Const)
	}
	if s.Enum != nil {
		values = append(values, s.Enum.Values...)
	}
	var out engine.Type
	for _, v := range values {
		var t engine.Type
		switch v.(type) {
		case nil:
		case bool:
			t = engine.Scalar(engine.Bool)
		case string:
			t = engine.Scalar(engine.Varchar)
		default:
			return engine.Type{} // found in the data
		}
		out = i.meet(pointer(s), out, t)
	}
	return out
}

var maxInt64 = big.NewRat(1<<63-1, 1)

// integerOf tells integers of 64 bits from longer ones by their bounds.
func integerOf(s *jsonschema.Schema) engine.Type {
	for _, bound := range []*big.Rat{s.Maximum, s.ExclusiveMaximum} {
		if bound != nil && bound.Cmp(new(big.Rat).Add(maxInt64, big.NewRat(1, 1))) > 0 {
			return engine.Scalar(engine.HugeInt)
		}
	}
	return engine.Scalar(engine.BigInt)
}

// numberOf finds a decimal in steps of a power of ten up to a bound.
func numberOf(s *jsonschema.Schema) engine.Type {
	if s.MultipleOf == nil || s.Maximum == nil {
		return engine.Scalar(engine.Double)
	}
	limit := new(big.Rat).Add(s.Maximum, s.MultipleOf)
	for precision := 1; precision <= 38; precision++ {
		for scale := 0; scale <= precision; scale++ {
			if s.MultipleOf.Cmp(tenTo(-scale)) == 0 && limit.Cmp(tenTo(precision-scale)) == 0 {
				return engine.Type{Kind: engine.Decimal, Precision: uint8(precision), Scale: uint8(scale)}
			}
		}
	}
	return engine.Scalar(engine.Double)
}

func tenTo(n int) *big.Rat {
	power := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(n, -n))), nil))
	if n < 0 {
		return power.Inv(power)
	}
	return power
}

func stringOf(s *jsonschema.Schema) engine.Type {
	if s.Format != nil {
		switch s.Format.Name {
		case "date-time":
			return engine.Scalar(engine.Timestamp)
		case "date":
			return engine.Scalar(engine.Date)
		case "uuid":
			return engine.Scalar(engine.UUID)
		}
	}
	return engine.Scalar(engine.Varchar)
}

// items joins the types that the elements of a list may have.
func (i *importer) items(s *jsonschema.Schema, depth int) engine.Type {
	all := append(slices.Clone(s.PrefixItems), s.Items2020)
	switch items := s.Items.(type) {
	case *jsonschema.Schema:
		all = append(all, items)
	case []*jsonschema.Schema:
		all = append(all, items...)
	}
	var out engine.Type
	for _, item := range all {
		if item != nil {
			out = i.meet(pointer(s), out, i.schema(item, depth+1))
		}
	}
	return out
}

func (i *importer) properties(s *jsonschema.Schema, depth int) engine.Type {
	if more, ok := s.AdditionalProperties.(*jsonschema.Schema); ok && s.Properties == nil {
		return engine.MapOf(i.schema(more, depth+1))
	}
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	var fields []engine.Field
	for _, name := range names {
		fields = append(fields, engine.Field{Name: name, Type: i.schema(s.Properties[name], depth+1)})
	}
	return i.fields(pointer(s), fields)
}

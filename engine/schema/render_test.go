package schema

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
)

func anyType(depth int) *rapid.Generator[engine.Type] {
	return rapid.Custom(func(t *rapid.T) engine.Type {
		kinds := []engine.TypeKind{engine.Bool, engine.BigInt, engine.HugeInt, engine.Decimal, engine.Double, engine.Timestamp, engine.Date, engine.UUID, engine.Varchar, engine.JSON, engine.Unknown}
		if depth > 0 {
			kinds = append(kinds, engine.List, engine.Map, engine.Struct, engine.Struct)
		}
		k := rapid.SampledFrom(kinds).Draw(t, "kind")
		switch k {
		case engine.Decimal:
			p := rapid.IntRange(1, 38).Draw(t, "precision")
			return engine.Type{Kind: k, Precision: uint8(p), Scale: uint8(rapid.IntRange(0, p).Draw(t, "scale"))}
		case engine.List:
			return engine.ListOf(anyType(depth-1).Draw(t, "of"))
		case engine.Map:
			return engine.MapOf(anyType(depth-1).Draw(t, "of"))
		case engine.Struct:
			out := engine.Type{Kind: k}
			for _, n := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zA-Z "._\-é0-9]{1,6}`), 0, 4, rapid.ID).Draw(t, "names") {
				out.Fields = append(out.Fields, engine.Field{Name: n, Type: anyType(depth-1).Draw(t, "type")})
			}
			return out
		}
		return engine.Scalar(k)
	})
}

func TestParseTypeReadsWhatStringWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyType(3).Draw(t, "type")
		got, err := ParseType(want.String())
		if err != nil || !got.Equal(want) {
			t.Fatalf("%s became %s: %v", want, got, err)
		}
	})
}

func TestParseTypeTakesDuckDB(t *testing.T) {
	for in, want := range map[string]string{
		"BIGINT": "bigint", "VARCHAR[]": "list(varchar)", "TIMESTAMPTZ": "timestamp", "Map(VARCHAR, DOUBLE)": "map(double)",
		`STRUCT(a BIGINT, "b c" VARCHAR[][])`: `struct(a bigint, "b c" list(list(varchar)))`, "decimal(18,2)": "decimal(18,2)",
	} {
		if got, err := ParseType(in); err != nil || got.String() != want {
			t.Errorf("%s: %s %v", in, got, err)
		}
	}
	for _, in := range []string{"", "bigit", "list(", "struct(a)", "decimal(40,1)", "map(bigint, bigint)", "bigint bigint", `struct("a`} {
		if _, err := ParseType(in); err == nil {
			t.Errorf("%q is taken for a type", in)
		}
	}
}

func FuzzParseType(f *testing.F) {
	f.Add("struct(a list(bigint), \"b\" decimal(3,1))")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseType(s)
		if err != nil {
			return
		}
		if again, err := ParseType(got.String()); err != nil || !again.Equal(got) {
			t.Fatalf("%q became %s, which becomes %s: %v", s, got, again, err)
		}
	})
}

// sayable lists a body that every form can say, and give back.
var sayable = engine.StructOf(
	engine.Field{Name: "at", Type: engine.Scalar(engine.Timestamp)},
	engine.Field{Name: "b", Type: engine.Scalar(engine.Bool)},
	engine.Field{Name: "http", Type: engine.StructOf(engine.Field{Name: "status", Type: engine.Scalar(engine.BigInt)}, engine.Field{Name: "x-id", Type: engine.Scalar(engine.UUID)})},
	engine.Field{Name: "ms", Type: engine.Scalar(engine.Double)},
	engine.Field{Name: "on", Type: engine.Scalar(engine.Date)},
	engine.Field{Name: "tags", Type: engine.ListOf(engine.Scalar(engine.Varchar))},
	engine.Field{Name: "totals", Type: engine.MapOf(engine.Scalar(engine.Double))},
)

func TestImportReadsWhatIsRendered(t *testing.T) {
	for name, render := range map[string]func(string, engine.Type) ([]byte, error){"json schema": JSONSchema, "avro": Avro} {
		src, err := render("logs", sayable)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Import(src)
		if err != nil || !got.Equal(sayable) {
			t.Errorf("%s\n got  %s\n want %s\n %v\n%s", name, got, sayable, err, src)
		}
	}
}

func TestJSONSchemaJudgesRecords(t *testing.T) {
	src, err := JSONSchema("logs", sayable)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(src))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("mem:logs", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mem:logs")
	if err != nil {
		t.Fatal(err)
	}
	for text, ok := range map[string]bool{
		`{"b":true,"http":{"status":200},"tags":["x",null],"new":1}`: true, `{"b":null}`: true,
		`{"http":{"status":"200"}}`: false, `{"tags":[1]}`: false, `{"totals":{"a":"b"}}`: false, `{"http":{"status":1.5}}`: false,
	} {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(text)))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(v); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestImportRefuses(t *testing.T) {
	for _, src := range []string{
		``, `[]`, `{"type":"string"}`, `{"properties":{"a":{"type":["string","integer"]}}}`, `{"properties":{"a":{"oneOf":[]}}}`,
		`{"type":"record","fields":[{"name":"a","type":["int","string"]}]}`, `{"type":"record","fields":[{"name":"a","type":{"type":"fixed"}}]}`, `{"properties":{"a":{"$ref":"https://example.com/x.json"}}}`, `{"properties":{"a":{"$ref":"#"}}}`, `{"type":"record","name":"r","fields":[{"name":"next","type":["null","r"]}]}`, `{"properties":{"a":{"type":"string"},"A":{"type":"string"}}}`, `{"properties":{"":{}}}`,
	} {
		if got, err := Import([]byte(src)); err == nil {
			t.Errorf("%s became %s", src, got)
		}
	}
}

func TestHive(t *testing.T) {
	const want = "`body` struct<at:timestamp,b:boolean,http:struct<status:bigint,x_id:string>,ms:double,on:date,tags:array<string>,totals:map<string,double>>\n"
	if got := Hive(sayable); !bytes.Contains([]byte(got), []byte(want)) {
		t.Error(got)
	}
}

func sorted(t engine.Type) engine.Type {
	fields := slices.Clone(t.Fields)
	slices.SortFunc(fields, func(a, b engine.Field) int { return strings.Compare(a.Name, b.Name) })
	return engine.Type{Kind: t.Kind, Fields: fields}
}

func TestImportFollowsWhatSchemasSay(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"references", `{"$defs":{"id":{"type":"string","format":"uuid"}},"properties":{"a":{"$ref":"#/$defs/id"},"b":{"anyOf":[{"$ref":"#/$defs/id"},{"type":"null"}]}}}`, "struct(a uuid, b uuid)"},
		{"all of", `{"allOf":[{"properties":{"a":{"type":"integer"}}},{"properties":{"a":{"maximum":9},"b":{"type":"boolean"}}}]}`, "struct(a bigint, b bool)"},
		{"listed values", `{"properties":{"a":{"enum":["x","y",null]},"b":{"const":true},"c":{}}}`, "struct(a varchar, b bool, c unknown)"},
		{"choices that join", `{"properties":{"a":{"oneOf":[{"type":"integer"},{"type":"number"}]}}}`, "struct(a double)"},
		{"draft 4 and a mark", "\ufeff" + `{"$schema":"http://json-schema.org/draft-04/schema#","type":"object","properties":{"a":{"type":"array","items":[{"type":"string"}]}}}`, "struct(a list(varchar))"},
		{"avro's named types", `{"type":"record","name":"r","namespace":"n","fields":[{"name":"a","type":{"type":"record","name":"p","fields":[{"name":"x","type":"long"}]}},{"name":"b","type":["null","n.p"]},{"name":"c","type":["null","int","double"]}]}`, "struct(a struct(x bigint), b struct(x bigint), c double)"},
		{"avro's bytes", `{"type":"record","name":"r","fields":[{"name":"a","type":"bytes"},{"name":"b","type":{"type":"fixed","name":"four","size":4}}]}`, "struct(a varchar, b varchar)"},
	} {
		if got, err := Import([]byte(c.src)); err != nil || got.String() != c.want {
			t.Errorf("%s: %s %v", c.name, got, err)
		}
	}
}

// FuzzImport: a file from somebody else makes no trouble, and what it gives is
// a type that a table can have.
func FuzzImport(f *testing.F) {
	for _, render := range []func(string, engine.Type) ([]byte, error){JSONSchema, Avro} {
		src, _ := render("logs", sayable)
		f.Add(src)
	}
	f.Add([]byte(`{"$ref":"#"}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		if got, err := Import(src); err == nil && (got.Kind != engine.Struct || repeats(got)) {
			t.Fatalf("%s", got)
		}
	})
}

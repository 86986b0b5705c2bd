package schema

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/twmb/avro"
	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
)

// Every notation is read back by a parser of that notation that is not ours,
// for any body: what it reads must be the type that was written.

// anyBody draws a body that a table can have.
func anyBody(t *rapid.T) engine.Type {
	for {
		b := anyType(3).Draw(t, "body")
		if b.Kind != engine.Struct {
			b = engine.StructOf(engine.Field{Name: "a", Type: b})
		}
		if !repeats(b) {
			return b
		}
	}
}

// stored leaves out what no column holds.
func stored(t engine.Type) engine.Type {
	switch t.Kind {
	case engine.List:
		return engine.ListOf(stored(*t.Elem))
	case engine.Map:
		return engine.MapOf(stored(*t.Elem))
	case engine.Struct:
		out := engine.Type{Kind: engine.Struct}
		for _, f := range t.Fields {
			if f.Type.Known() {
				out.Fields = append(out.Fields, engine.Field{Name: f.Name, Type: stored(f.Type)})
			}
		}
		return out
	}
	return t
}

func TestAvroIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := anyBody(t)
		src, err := Avro("logs", body)
		if err != nil {
			t.Fatal(err)
		}
		s, err := avro.Parse(string(src))
		if err != nil {
			t.Fatalf("%s\nis no Avro schema: %v\n%s", body, err, src)
		}
		if _, err := s.Encode(map[string]any{}); err != nil { // every field may be left out
			t.Fatalf("%s\ncannot be written: %v", body, err)
		}
		got, err := Import(src)
		if err != nil || !got.Equal(stored(body)) {
			t.Fatalf("%s\nbecame\n%s\n%v\n%s", stored(body), got, err, src)
		}
	})
}

// unsaid is a type as JSON Schema says it: JSON may be anything, and members
// come in the order of their names.
func unsaid(t engine.Type) engine.Type {
	switch t.Kind {
	case engine.JSON:
		return engine.Type{}
	case engine.List:
		return engine.ListOf(unsaid(*t.Elem))
	case engine.Map:
		return engine.MapOf(unsaid(*t.Elem))
	case engine.Struct:
		out := engine.Type{Kind: engine.Struct}
		for _, f := range t.Fields {
			out.Fields = append(out.Fields, engine.Field{Name: f.Name, Type: unsaid(f.Type)})
		}
		return sorted(out)
	}
	return t
}

func TestJSONSchemaIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := anyBody(t)
		src, err := JSONSchema("logs", body)
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
		if _, err := c.Compile("mem:logs"); err != nil {
			t.Fatalf("%s\n%v\n%s", body, err, src)
		}
		got, err := Import(src)
		if err != nil || !got.Equal(unsaid(body)) {
			t.Fatalf("%s\nbecame\n%s\n%v\n%s", unsaid(body), got, err, src)
		}
	})
}

func TestDuckDBIsReadBack(t *testing.T) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rapid.Check(t, func(t *rapid.T) {
		body := anyBody(t)
		if _, err := db.Exec("DROP TABLE IF EXISTS logs; " + DuckDB("logs", body)); err != nil {
			t.Fatalf("%s\n%v\n%s", body, err, DuckDB("logs", body))
		}
		var text string
		if err := db.QueryRow("SELECT column_type FROM (DESCRIBE logs) WHERE column_name = 'body'").Scan(&text); err != nil {
			t.Fatal(err)
		}
		if got, err := ParseType(duckSpelling.Replace(text)); err != nil || !got.Equal(storedOrNothing(body)) {
			t.Fatalf("%s\nbecame\n%s\n%v\n%s", storedOrNothing(body), got, err, text)
		}
	})
}

var duckSpelling = strings.NewReplacer("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")

// storedOrNothing is stored, with the column that an empty struct has.
func storedOrNothing(t engine.Type) engine.Type {
	if t = stored(t); len(t.Fields) == 0 {
		return engine.StructOf(engine.Field{Name: "_", Type: engine.Scalar(engine.Bool)})
	}
	return t
}

// TestHiveIsReadBack reads the columns with a parser of Hive's type language
// as its manual gives it: nothing of how the renderer goes about it is in here.
func TestHiveIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := anyBody(t)
		src, err := Glue(body)
		if err != nil {
			t.Fatal(err)
		}
		var columns []GlueColumn
		if err := json.Unmarshal(src, &columns); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimRight(Hive(body), "\n"), "\n")
		if len(lines) != len(columns) {
			t.Fatalf("%d columns and %d lines", len(columns), len(lines))
		}
		for i, c := range columns {
			if lines[i] != "`"+c.Name+"` "+c.Type {
				t.Fatalf("Hive says %s, Glue %+v", lines[i], c)
			}
			got, err := readHive(c.Type)
			if err != nil {
				t.Fatalf("%s: %s: %v", c.Name, c.Type, err)
			}
			if c.Name == "body" && !alike(got, storedOrNothing(body)) {
				t.Fatalf("%s\nbecame\n%s", storedOrNothing(body), c.Type)
			}
		}
	})
}

// hive is a type that was read: a word, its numbers, and what is in <>.
type hive struct {
	word    string
	numbers []int
	names   []string
	inner   []hive
}

type hiveError string

func (e hiveError) Error() string { return string(e) }

func readHive(s string) (t hive, err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(hiveError)
			if !ok {
				panic(r)
			}
			err = e
		}
	}()
	rest := s
	t = parseHive(&rest)
	if rest != "" {
		return t, hiveError("more follows: " + rest)
	}
	return t, nil
}

func parseHive(s *string) (t hive) {
	t.word = hiveWord(s)
	switch t.word {
	case "array", "map":
		expectHive(s, "<")
		t.inner = append(t.inner, parseHive(s))
		if t.word == "map" {
			expectHive(s, ",")
			t.inner = append(t.inner, parseHive(s))
		}
		expectHive(s, ">")
	case "struct":
		expectHive(s, "<")
		for first := true; first || strings.HasPrefix(*s, ","); first = false {
			if !first {
				expectHive(s, ",")
			}
			name := hiveWord(s)
			for _, other := range t.names {
				if strings.EqualFold(other, name) {
					panic(hiveError("the name " + name + " comes twice"))
				}
			}
			t.names = append(t.names, name)
			expectHive(s, ":")
			t.inner = append(t.inner, parseHive(s))
		}
		expectHive(s, ">")
	case "decimal":
		expectHive(s, "(")
		t.numbers = append(t.numbers, hiveNumber(s))
		expectHive(s, ",")
		t.numbers = append(t.numbers, hiveNumber(s))
		expectHive(s, ")")
	case "boolean", "bigint", "double", "timestamp", "date", "string":
	default:
		panic(hiveError("there is no type " + t.word))
	}
	return t
}

func hiveWord(s *string) string {
	n := 0
	for n < len(*s) && ((*s)[n] == '_' || 'a' <= (*s)[n] && (*s)[n] <= 'z' || '0' <= (*s)[n] && (*s)[n] <= '9') {
		n++
	}
	if n == 0 {
		panic(hiveError("a name is missing before " + *s))
	}
	word := (*s)[:n]
	*s = (*s)[n:]
	return word
}

func hiveNumber(s *string) int {
	n, err := strconv.Atoi(hiveWord(s))
	if err != nil {
		panic(hiveError(err.Error()))
	}
	return n
}

func expectHive(s *string, c string) {
	if !strings.HasPrefix(*s, c) {
		panic(hiveError("expected " + c + " before " + *s))
	}
	*s = (*s)[1:]
}

// alike compares a type with what Hive has for it.
func alike(h hive, t engine.Type) bool {
	switch t.Kind {
	case engine.List:
		return h.word == "array" && alike(h.inner[0], *t.Elem)
	case engine.Map:
		return h.word == "map" && h.inner[0].word == "string" && alike(h.inner[1], *t.Elem)
	case engine.Struct:
		if h.word != "struct" || len(h.inner) != len(t.Fields) {
			return false
		}
		for i, f := range t.Fields {
			if !alike(h.inner[i], f.Type) {
				return false
			}
		}
		return true
	case engine.Decimal:
		return h.word == "decimal" && h.numbers[0] == int(t.Precision) && h.numbers[1] == int(t.Scale)
	case engine.HugeInt:
		return h.word == "decimal" && h.numbers[0] == 38 && h.numbers[1] == 0
	}
	return h.word == map[engine.TypeKind]string{
		engine.Bool: "boolean", engine.BigInt: "bigint", engine.Double: "double", engine.Timestamp: "timestamp", engine.Date: "date",
		engine.UUID: "string", engine.Varchar: "string", engine.JSON: "string",
	}[t.Kind]
}
